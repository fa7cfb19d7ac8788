"""Whether every manifest that ``up`` applies can be read: a whole bundle is parsed, so only ``check`` asks."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding, of_error
from bootstrap.intent.manifests import parse_manifests
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import DefinitionError


def judge(intent: Intent) -> Iterator[Finding]:
    """E_MANIFEST, E_DEPTH, E_YAML_CYCLE, E_YAML_ALIAS of the files below the folders of ``bootstrap.yaml``.

    Whatever a file's name ends in: ``up`` reads them all.
    """
    for path, data in sorted(intent.manifests.items()):
        if applied(intent, path):
            try:
                parse_manifests(path, data)
            except DefinitionError as error:
                yield of_error(error, path)


def applied(intent: Intent, path: str) -> bool:
    """True for a file below a folder that ``up`` applies."""
    folders = (intent.platform.external_secrets.manifests, *intent.platform.workloads)
    return any(folder and path.startswith(f"{folder.rstrip('/')}/") for folder in folders)
