"""Where the catalog's values lie: where they are declared to, and where else (INV3, INV7).

Every one of ``Objects`` and every other path of Vault's mount is read once and compared under a key of this
process; no value, and no digest of one, leaves it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from bootstrap.adapters.local.fingerprints import Fingerprints, is_weak, key_line
from bootstrap.model.catalog import Internal, Secret
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.verify.everything import Objects, texts
from bootstrap.operations.verify.kv_paths import other_paths
from bootstrap.operations.verify.materialized import applied_by
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import KEPT_VERSIONS
from bootstrap.steps.secrets.values import vault_values
from bootstrap.steps.secrets.versions import Held, held

# Fields that are no secret by their name, whatever they hold.
OPEN_FIELD = re.compile(
    r"(user(name)?|login|host(name)?|port|database|db(name)?|email|region|bucket|endpoint|address|server|realm|issuer"
    r"|zone|domain|name|(client|tenant|account|project|key|access[-_]?key)[-_]?id|.*\.(crt|pub|cert))",
    re.IGNORECASE,
)
AT_ONCE = 512  # entries whose values are in memory together
COPIERS = {
    "reflector.v1.k8s.emberstack.com/": "reflector",
    "replicator.v1.mittwald.de/": "kubernetes-replicator",
    "kubed.appscode.com/": "kubed",
    "config-syncer.appscode.com/": "config-syncer",
    "secretsync.ibm.com/": "secret-sync",
}


@dataclass(frozen=True, slots=True)
class Value:
    """One field of an entry. ``old``: not the one that Vault holds now."""

    entry: str
    field: str
    old: bool
    weak: bool
    handed_over: bool

    def __str__(self) -> str:
        return f"{self.entry}.{self.field}" + (" (an old value)" if self.old else "")


@dataclass(frozen=True, slots=True)
class Copy:
    """A value that lies somewhere undeclared. ``near``: in a namespace that the entry itself names."""

    value: Value
    ref: Ref
    near: bool
    applied_by: str

    def __str__(self) -> str:
        by = f", applied by {self.applied_by}" if self.applied_by else ""
        return f"{self.value} in {self.ref}{by}"


class Spread:
    """Looked at once per object. WorldError E_KUBE_DENIED without the right to list everywhere."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._prints = Fingerprints()
        self._wanted: dict[bytes, list[Value]] = defaultdict(list)
        self._places: dict[bytes, set[Ref]] = defaultdict(set)
        self.copies: list[Copy] = []
        self.copiers: set[str] = set()
        self.looked = 0
        entries: list[Secret | Internal] = [*world.intent.secrets, *world.intent.internals]
        for start in range(0, len(entries), AT_ONCE):
            part = entries[start : start + AT_ONCE]
            found = world.each(lambda e: held(world, e.path) if e.path else None, part, "secrets read")
            for entry, now in zip(part, found, strict=True):
                if now is not None:
                    self._learn(entry, now)
        objects = Objects(world)
        self.unread = objects.unread
        for obj in objects:
            self._look(obj)
        self.paths = 0
        for path, other in other_paths(world, {e.path for e in entries if e.path}):
            self.paths += 1
            self._compare(Ref("", "Vault", path), other)

    @property
    def values(self) -> int:
        return len(self._wanted)

    def _learn(self, entry: Secret | Internal, now: Held) -> None:
        current = dict(now.values)
        numbers = range(max(1, now.version - KEPT_VERSIONS), now.version)
        before = (held(self._world, str(entry.path), number) for number in numbers)
        older = [dict(each.values) for each in before if each is not None]
        if isinstance(entry, Secret) and entry.handed_over and self._world.files is not None:
            with suppress(BootstrapError):  # a source that does not open is the matter of ``rebuild``
                older.append(dict(vault_values(self._world, entry)))
        places = set(_places(entry))
        for field, value in current.items():
            self._want(entry, field, value, places, old=False)
        for values in older:
            for field, value in values.items():
                if current.get(field) != value:
                    self._want(entry, field, value, places, old=True)

    def _want(
        self, entry: Secret | Internal, field: str, value: Sensitive, places: set[Ref], *, old: bool
    ) -> None:
        handed_over = isinstance(entry, Secret) and entry.handed_over
        weak = is_weak(value) or OPEN_FIELD.fullmatch(field) is not None
        for form in _forms(entry, value):
            digest = self._prints.of(form)
            self._wanted[digest].append(Value(entry.name, field, old, weak, handed_over))
            self._places[digest] |= places

    def _look(self, obj: Object) -> None:
        self.looked += 1
        ref = ref_of(obj)
        notes = (obj["metadata"].get("annotations") or {}).keys()
        self.copiers |= {
            f"{who} ({ref})" for note in notes for mark, who in COPIERS.items() if note.startswith(mark)
        }
        self._compare(ref, texts(obj), applied_by(obj))

    def _compare(self, ref: Ref, found: Iterable[Sensitive], by: str = "") -> None:
        for value in found:
            for digest in self._prints.within(value) & self._wanted.keys():
                if ref in self._places[digest]:
                    continue
                near = ref.namespace in {place.namespace for place in self._places[digest]}
                # One value may be several entries': one that is in use, or that says nothing, comes first.
                chosen = min(self._wanted[digest], key=lambda v: (not v.weak, v.old))
                copy = Copy(chosen, ref, near, by)
                if copy not in self.copies:
                    self.copies.append(copy)


def _places(entry: Secret | Internal) -> Iterator[Ref]:
    """The Secrets in which an entry's value lies by declaration."""
    for consumer in entry.consumers:
        yield Ref("v1", "Secret", consumer.secret, consumer.namespace)
    if isinstance(entry, Internal):
        yield Ref("v1", "Secret", entry.source.secret, entry.source.namespace)
    elif entry.scaffold is not None:
        yield Ref("v1", "Secret", entry.scaffold.name, entry.scaffold.namespace)


def _forms(entry: Secret | Internal, value: Sensitive) -> Iterator[Sensitive]:
    """The string that Vault holds, the bytes that it stands for, and what of a private key no other one has."""
    yield value
    if (line := key_line(value)) is not None:
        yield line
    if isinstance(entry, Secret) and entry.source is not None and entry.source.encoding.value == "base64":
        try:
            yield value.from_base64()
        except ValueError:
            return
