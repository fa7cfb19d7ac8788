"""Objects of the cluster in which a value could lie, and every text in them, but what the server itself writes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object
from bootstrap.steps.context.world import World

# Kind by kind; without the right to list one of these the proof is left out.
KINDS: Final = (
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "ControllerRevision"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
)
DEFINITION: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_SERVERS: Final = frozenset({"status", "managedFields", "uid", "resourceVersion", "ownerReferences"})
_LINE: Final = 1024  # characters: what is shorter is looked at together


class Objects:
    """Read once. ``unread`` names kinds of custom objects that there is no right to list."""

    def __init__(self, world: World) -> None:
        self._cluster = world.cluster
        self.unread: list[str] = []

    def __iter__(self) -> Iterator[Object]:
        for kind in KINDS:
            yield from self._cluster.list(*kind)
        for definition in self._cluster.list(*DEFINITION):
            yield from self._custom(definition)

    def _custom(self, definition: Object) -> Iterator[Object]:
        spec = definition["spec"]
        kind = str((spec.get("names") or {}).get("kind") or "")
        served = [v for v in spec.get("versions") or () if v.get("served")]
        if not kind or not served:
            return
        version = max(served, key=lambda v: bool(v.get("storage")))["name"]
        try:
            yield from self._cluster.list(f"{spec['group']}/{version}", kind)
        except WorldError as error:
            if error.code != "E_KUBE_DENIED":
                raise
            self.unread.append(kind)


def texts(obj: Object) -> Iterator[Sensitive]:
    """Values of a Secret one by one; long texts and those of several lines too; all others as lines of one text."""
    lines = []
    for value in _leaves(obj):
        if isinstance(value, Sensitive):
            yield value
        elif len(value) > _LINE or "\n" in value:
            yield Sensitive(value.encode(), "a text of an object")
        else:
            lines.append(value)
    yield Sensitive("\n".join(lines).encode(), "texts of an object")


def _leaves(value: Any) -> Iterator[str | Sensitive]:
    """Names of fields count: a key of a Secret is one."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key not in _SERVERS:
                yield str(key)
                yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str | Sensitive):
        yield value
