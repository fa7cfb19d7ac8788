"""What the servers themselves take while a drill goes its road: the floor of its time, by any tool (INV1).

It is read from Vault's own log and from the times in pods, in the same run: at each pause of the road, since a pod that
is replaced takes its log with it. Times are the servers'; those in pods are whole seconds.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bootstrap.model.errors import BootstrapError
from bootstrap.ports import Clock, Cluster, Object

BETWEEN: Final = 0.4  # seconds from one look to the next, at least
LINES: Final = 400  # of a log, from its end
VAULT: Final = "vault"  # its container
PODS: Final = "pods"
TITLES: Final = {
    PODS: "pods start and become ready",
    "init": "Vault initialises a store",
    "force": "Vault puts the snapshot in its place, and sleeps",
    "unseal": "Vault becomes active",
    "members": "voters join, and are stable",
}
# Of Vault 1.21, as its log has it: what begins a wait, and what ends it.
MARKS: Final = (
    ("init", "creating Raft", "root token generated"),
    ("force", "shutting down prior to restoring snapshot", "vault is sealed"),
    ("unseal", "vault is unsealed", "post-unseal setup complete"),
)
VOTER: Final = "Promoting server"
_LINE: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+)Z \[\w+\]\s+(.*)")
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Waits:
    """Spans by what was waited for. They may lie within each other: what counts is the time that they cover."""

    spans: Mapping[str, tuple[Span, ...]]

    def seconds(self, *kinds: str) -> float:
        """Covered by the spans of these kinds; of all, where none is named."""
        chosen = [span for kind, spans in self.spans.items() if not kinds or kind in kinds for span in spans]
        return covered(chosen).total_seconds()


@dataclass(slots=True)
class Watched:
    """A clock that looks at the servers at each pause. A look that fails is one less."""

    clock: Clock
    cluster: Cluster
    namespaces: tuple[str, ...]  # Vault's is the first
    pods: dict[str, Object] = field(default_factory=dict)  # by UID, as last seen
    started: dict[str, Span] = field(default_factory=dict)  # by UID, as first seen: one that ends loses it
    logs: dict[str, dict[str, None]] = field(
        default_factory=dict
    )  # lines by the name of the pod, in their order
    _looked: float = -BETWEEN

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        begun = self.monotonic()
        if begun - self._looked >= BETWEEN:
            self._looked = begun
            self.look()
        self.clock.sleep(max(seconds - (self.monotonic() - begun), 0))

    def look(self) -> None:
        with suppress(BootstrapError):
            for namespace in self.namespaces:
                for pod in self.cluster.list("v1", "Pod", namespace):
                    uid = pod["metadata"].get("uid", "")
                    self.pods[uid] = pod
                    if uid not in self.started and (span := _started(pod)):
                        self.started[uid] = span
                    if namespace == self.namespaces[0]:
                        self._read(namespace, pod["metadata"]["name"])

    def _read(self, namespace: str, name: str) -> None:
        lines = self.cluster.logs(namespace, name, VAULT, lines=LINES).splitlines()
        self.logs.setdefault(name, {}).update(dict.fromkeys(lines))

    def waits(self) -> Waits:
        self.look()
        found: dict[str, list[Span]] = {kind: [] for kind in TITLES}
        pods = tuple(self.pods.values())
        found[PODS] += (*self.started.values(), *filter(None, (_replaced(pod, pods) for pod in pods)))
        for lines in self.logs.values():
            for kind, span in spans(lines):
                found[kind].append(span)
        promoted = [at for lines in self.logs.values() for at, text in read(lines) if VOTER in text]
        created = [_time(pod["metadata"].get("creationTimestamp")) for pod in pods if _joins(pod)]
        if promoted and (first := [at for at in created if at]):
            found["members"].append((min(first), max(promoted)))
        return Waits({kind: tuple(each) for kind, each in found.items()})


def covered(chosen: Iterable[Span]) -> timedelta:
    """The length of what at least one of them covers."""
    total, end = timedelta(), None
    for first, last in sorted(chosen):
        begun = first if end is None else max(first, end)
        total += max(last - begun, timedelta())
        end = last if end is None else max(last, end)
    return total


def read(lines: Iterable[str]) -> Iterator[tuple[datetime, str]]:
    """When Vault wrote a line, and what it says."""
    for found in filter(None, map(_LINE.match, lines)):
        yield datetime.fromisoformat(f"{found[1]}+00:00"), found[2]


def spans(lines: Iterable[str]) -> Iterator[tuple[str, Span]]:
    """What a Vault waited for, by its log; what has no end is none."""
    begun: dict[str, datetime] = {}
    for at, text in read(lines):
        for kind, first, last in MARKS:
            if first in text:
                begun[kind] = at
            elif last in text and kind in begun:
                yield kind, (begun.pop(kind), at)


def _started(pod: Object) -> Span | None:
    """From its creation until it is ready, or its Vault runs; None where it is not there yet."""
    status = pod.get("status") or {}
    times = [
        ((each.get("state") or {}).get("running") or {}).get("startedAt")
        for each in status.get("containerStatuses") or ()
        if each.get("name") == VAULT
    ] or [
        each.get("lastTransitionTime")
        for each in status.get("conditions") or ()
        if each.get("type") == "Ready" and each.get("status") == "True"
    ]
    created, there = _time(pod["metadata"].get("creationTimestamp")), _time(times[0] if times else None)
    return (created, there) if created and there else None


def _replaced(pod: Object, pods: Iterable[Object]) -> Span | None:
    """From its deletion until the next one of its name is there."""
    meta = pod["metadata"]
    over = _time(meta.get("deletionTimestamp"))
    if over is None:
        return None
    asked = over - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)
    of_the_name = (each["metadata"] for each in pods if each["metadata"]["name"] == meta["name"])
    later = [at for each in of_the_name if (at := _time(each.get("creationTimestamp"))) and at >= asked]
    return (asked, min(later)) if later else None


def _joins(pod: Object) -> bool:
    """Whether it is one of Vault's but the first."""
    containers = (pod.get("spec") or {}).get("containers") or ()
    return not pod["metadata"]["name"].endswith("-0") and any(each["name"] == VAULT for each in containers)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
