"""Rules of ``bootstrap.yaml`` and of the manifests that it names."""

import re
from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.manifests import parse_manifests
from bootstrap.model.catalog import Custody, Intent
from bootstrap.model.errors import DefinitionError

_SECRET = re.compile(rb"""\bkind["']?\s*:\s*["']?Secret["']?\s*(,|\}|#|$)""", re.MULTILINE)
_SEPARATOR = re.compile(rb"^---.*$", re.MULTILINE)
_SUFFIXES = (".yaml", ".yml", ".json")


def judge(intent: Intent) -> Iterator[Finding]:
    yield from _replicas(intent)
    yield from _folders(intent)
    for path, data in sorted(intent.manifests.items()):
        if path.endswith(_SUFFIXES):
            yield from _plain_secrets(path, data)


def _replicas(intent: Intent) -> Iterator[Finding]:
    platform = intent.platform
    if platform.vault.replicas not in (1, 3, 5):
        message = f"spec.vault.replicas is {platform.vault.replicas}: raft wants 1, 3 or 5"
        yield Finding(id="E_REPLICAS", where=platform.where, message=message, hint="write replicas: 3")
    elif platform.vault.replicas == 1:
        message = "one Vault replica: a single point of failure (G7)"
        yield Finding(id="W_REPLICAS", where=platform.where, message=message, level=Level.WARNING)
    if platform.vault.custody is Custody.OFFLINE:
        message = "seal.custody is offline: each restart of a Vault pod waits for a holder of the root"
        hint = "`bootstrap unseal` after each restart"
        yield Finding(id="W_CUSTODY", where=platform.where, message=message, hint=hint, level=Level.WARNING)


def _folders(intent: Intent) -> Iterator[Finding]:
    platform = intent.platform
    wanted = [
        (platform.external_secrets_manifests, "`bootstrap init --manifests DIR` copies the operator's in")
    ]
    wanted += [
        (folder, "add its manifests, or remove it from components.workloads") for folder in platform.workloads
    ]
    for folder, hint in wanted:
        if not folder:  # the operator is adopted
            continue
        if not folder.startswith("manifests/") or ".." in folder.split("/"):
            message = f"{folder} is not a folder below manifests/"
            yield Finding(id="E_MANIFESTS", where=platform.where, message=message, hint="move it there")
        elif not any(p.startswith(f"{folder}/") and p.endswith(_SUFFIXES) for p in intent.manifests):
            message = f"the commit holds no manifests below {folder}/"
            yield Finding(id="E_MANIFESTS", where=platform.where, message=message, hint=hint)


def _plain_secrets(path: str, data: bytes) -> Iterator[Finding]:
    """A Secret with content in the clear. Only documents that mention one are parsed: bundles are large."""
    begin = 0
    for end in [*(m.start() for m in _SEPARATOR.finditer(data)), len(data)]:
        document, line = data[begin:end], data.count(b"\n", 0, begin) + 1
        begin = end
        if _SECRET.search(document):
            yield from _plain_in(f"{path}:{line}", document)


def _plain_in(where: str, document: bytes) -> Iterator[Finding]:
    try:
        objects = parse_manifests(where.rsplit(":", 1)[0], document)
    except (DefinitionError, ValueError, RecursionError):  # a bad date, a bottomless list
        yield Finding(id="E_MANIFEST", where=where, message="this manifest cannot be read")
        return
    for obj in objects:
        if obj["kind"] == "Secret" and (obj.get("data") or obj.get("stringData")):
            hint = "encrypt it below encrypted/ and describe it in secrets/"
            message = f"a manifest holds Secret {obj['metadata']['name']} in the clear"
            yield Finding(id="E_PLAINTEXT", where=where, message=message, hint=hint)
