"""In which namespaces the External Secrets Operator has something to write, by the commit (S2)."""

from collections.abc import Iterator
from typing import Final

from bootstrap.intent.manifests import committed_objects, of_kind
from bootstrap.model.catalog import Intent

_MENTIONED: Final = of_kind("ExternalSecret")


def writing_namespaces(intent: Intent) -> tuple[str, ...]:
    """Those of consumers and of internal entries, and those in which a manifest puts an ExternalSecret."""
    return tuple(sorted({*intent.reading_namespaces, *intent.pushing_namespaces, *_in_manifests(intent)}))


def _in_manifests(intent: Intent) -> Iterator[str]:
    folders = tuple(folder.rstrip("/") + "/" for folder in intent.platform.workloads)
    for path, data in intent.manifests.items():
        if path.startswith(folders) and _MENTIONED.search(data):
            found = (o for o in committed_objects(path, data) if o["kind"] == "ExternalSecret")
            yield from (str(obj["metadata"].get("namespace", "default")) for obj in found)
