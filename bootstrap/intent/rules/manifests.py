"""Whether every manifest that ``up`` applies can be read, and all can hold at once: a whole bundle is parsed, so only
``check`` asks."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding, of_error
from bootstrap.intent.manifests import committed_objects
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import DefinitionError
from bootstrap.ports import Object


def judge(intent: Intent) -> Iterator[Finding]:
    """E_MANIFEST, E_DEPTH, E_YAML_CYCLE, E_YAML_ALIAS, E_MANIFEST_TWICE of the files below the folders of
    ``bootstrap.yaml``.

    Whatever a file's name ends in: ``up`` reads them all.
    """
    before: dict[tuple[str, ...], tuple[str, Object]] = {}
    for path, data in sorted(intent.manifests.items()):
        if applied(intent, path):
            try:
                objects = committed_objects(path, data)
            except DefinitionError as error:
                yield of_error(error, path)
                continue
            for obj in objects:
                first, other = before.setdefault(_key(obj), (path, obj))
                if other != obj:
                    yield _twice(obj, path, first)


def _key(obj: Object) -> tuple[str, ...]:
    """What the API server takes for one object, whatever the version of its group."""
    meta = obj["metadata"]
    group, slash, _ = str(obj["apiVersion"]).partition("/")
    return (group if slash else "", obj["kind"], meta.get("namespace") or "", meta["name"])


def _twice(obj: Object, path: str, first: str) -> Finding:
    message = f"{obj['kind']} {obj['metadata']['name']} is written in {first} too, and differently"
    return Finding(
        id="E_MANIFEST_TWICE",
        where=path,
        message=message,
        hint="leave one of the two: each `up` would apply both, one over the other",
    )


def applied(intent: Intent, path: str) -> bool:
    """True for a file below a folder that ``up`` applies."""
    folders = (intent.platform.external_secrets.manifests, *intent.platform.workloads)
    return any(folder and path.startswith(f"{folder.rstrip('/')}/") for folder in folders)
