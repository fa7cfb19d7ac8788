"""What a rebuild needs beside Vault's own storage: the commit, the root, and the escrow outside the cluster (INV1)."""

from collections.abc import Iterator

from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import SecretClass
from bootstrap.model.errors import BootstrapError
from bootstrap.operations.verify.proof import State, Verdict, claim, judged
from bootstrap.steps.context.names import KV_MOUNT
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import renewed
from bootstrap.steps.secrets.values import source_values
from bootstrap.steps.secrets.versions import counted
from bootstrap.steps.vault.escrow import Escrow, kept_outside


@claim(
    "escrow",
    "B4",
    "the unseal share's ciphertext lies outside the cluster",
    reads="`records/` of the work tree or of `--records`, and of the commit",
    unseen="whether another person has a copy of that folder",
)
def escrow_outside(world: World) -> Verdict:
    uid = world.cluster.uid()
    data = kept_outside(world)
    where = f"{world.records.folder}/{uid}/escrow.json"
    escrow = Escrow.from_bytes(data, where) if data else None
    ok = escrow is not None and escrow.cluster == uid
    hint = "" if ok else "give --records, or restore records/ from Git"
    return judged(ok, where if ok else "no escrow found", hint)


@claim(
    "rebuild",
    "INV1",
    "each entry can be rebuilt from the commit and the root, or lies in Vault alone by declaration",
    reads="every source file of the commit, opened with the root in memory; the root material; each secret's versions",
    unseen="whether a snapshot of Vault exists for what lies in Vault alone",
)
def rebuild(world: World) -> Verdict:
    if world.files is None:
        return Verdict(State.LEFT_OUT, "needs the root key (--root)", "add --root file:PATH")
    lost = tuple(_unopened(world))
    alone = dict(_in_vault_alone(world))
    sourced = [s for s in world.intent.secrets if s.source is not None]
    seen = f"{len(sourced)} sources"
    seen += f", not to be opened: {'; '.join(lost)}" if lost else " open, root material with them"
    seen += f"; {len(alone)} in Vault alone"
    seen += ": " + ", ".join(f"{name} ({why})" for name, why in sorted(alone.items())) if alone else ""
    hint = (
        "restore the file from Git's history, or encrypt it anew (`bootstrap check --root`)" if lost else ""
    )
    return judged(not lost, seen, hint)


def _unopened(world: World) -> Iterator[str]:
    """What the root does not open, or what does not hold what its entry says."""
    material = world.material
    keys = {
        "unseal": material.unseal_key,
        "ledger": material.signer,
        "commitment": material.commitments,
        "vault-ca": material.authority,
    }
    for name, key in keys.items():
        try:
            key()
        except BootstrapError as error:
            yield f"root material {name} ({error.code})"
    for secret in world.intent.secrets:
        if secret.source is None or secret.secret_class is SecretClass.ROOT_MATERIAL:
            continue
        try:
            source_values(world, secret)
        except BootstrapError as error:
            yield f"{secret.name} ({error.code})"


def _in_vault_alone(world: World) -> Iterator[tuple[str, str]]:
    """Entry to why Git's value, if it has one, is not the one in use."""
    committed = named(world.ledger.read(), RecordType.COMMIT)
    for secret in world.intent.secrets:
        if secret.secret_class is SecretClass.ROOT_MATERIAL or secret.path is None:
            continue
        if not secret.handed_over:
            yield secret.name, "derived" if secret.secret_class is SecretClass.DERIVED else "never in Git"
            continue
        version = counted(world, secret.path)
        if version > 1:
            yield secret.name, f"version {version}"
        elif secret.name in committed and renewed(secret, committed[secret.name].fact.commitments):
            yield secret.name, "made anew at handover"
    yield from ((entry.name, f"published below {KV_MOUNT}/") for entry in world.intent.internals)
