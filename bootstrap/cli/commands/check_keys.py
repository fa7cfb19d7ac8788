"""``check --root``: each key under the root against its public half in ``keys/``, as ``up`` holds them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bootstrap.intent.findings import Finding, errors, of_error
from bootstrap.intent.rules.files import PUBLIC, root_files
from bootstrap.model.errors import BootstrapError
from bootstrap.ports import EncryptedFiles, IntentRepository

_HINT = "take keys/ and encrypted/root-material/ from one run of `bootstrap keygen`"


def key_pairs(
    repository: IntentRepository, files: EncryptedFiles, known: Sequence[Finding]
) -> Iterator[Finding]:
    """E_KEY_PAIR with the public half's path. A pair of which one half is missing, or a file that did not open,
    is ``known`` already."""
    from bootstrap.adapters.root.root_material import CommitMaterial

    material = CommitMaterial(repository, files)
    paths, reported = set(repository.paths()), {finding.where.split(":")[0] for finding in errors(known)}
    proofs: dict[str, Callable[[], object]] = {
        "ledger": material.signer,
        "vault-ca": material.authority,
        "unseal": material.unseal_key,
    }
    for public in PUBLIC:
        name = public.split(".")[0]
        private = root_files(name) & paths
        if private and f"keys/{public}" in paths and not private & reported:
            yield from _proof(proofs[name], f"keys/{public}")
    if (private := root_files("commitment") & paths) and not private & reported:
        yield from _proof(material.commitments, min(private))


def _proof(prove: Callable[[], object], where: str) -> Iterator[Finding]:
    try:
        prove()
    except BootstrapError as error:
        found = of_error(error, where)
        yield replace(found, hint=found.hint or _HINT)
