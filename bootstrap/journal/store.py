"""The journal in the cluster: ConfigMaps ``journal-<epoch>`` in ``bootstrap-system``, one chain per run.

Appending is compare-and-swap on the object's resourceVersion. A lost answer is followed by a look: our own
line is recognised by run and sequence, and a late duplicate of the request fails on the old resourceVersion.
"""

import string
from typing import Final

from bootstrap.journal.entries import Entry, Event, parse_line
from bootstrap.model.errors import HeldError, UnknownOutcome, WorldError
from bootstrap.model.names import MANAGED_BY, OURS, SYSTEM_NAMESPACE
from bootstrap.ports import Clock, Cluster, Object, Ref, Refused
from bootstrap.waiting import swap

LABELS: Final = {MANAGED_BY: OURS, "bootstrap.dev/record": "journal"}
LIMIT: Final = 512 * 1024  # bytes of lines in one ConfigMap; the API server's own limit is 1 MiB


def read_journal(cluster: Cluster) -> tuple[Entry, ...]:
    """Every run's entries, in order. Raises Transient, and EvidenceError E_JOURNAL on damage."""
    selector = f"bootstrap.dev/record={LABELS['bootstrap.dev/record']}"
    objects = cluster.list("v1", "ConfigMap", SYSTEM_NAMESPACE, selector)
    entries = [entry for obj in objects for entry in _parse(obj)]
    return tuple(sorted(entries, key=lambda e: (e.epoch, e.seq)))


def _parse(obj: Object) -> list[Entry]:
    where = f"ConfigMap {SYSTEM_NAMESPACE}/{obj['metadata']['name']}"
    return [parse_line(line, where) for line in _text(obj).splitlines() if line]


def _text(obj: Object) -> str:
    return str((obj.get("data") or {}).get("entries", ""))


class Journal:
    """The journal of one run. Not for use from two threads."""

    def __init__(self, cluster: Cluster, clock: Clock, *, epoch: int, run: str, plan: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._epoch = epoch
        self._run = run
        self._plan = plan
        self._seq = 0
        self._part = 0
        self._written: Object | None = None

    def append(self, event: Event, step: str, message: str = "") -> None:
        """Durable when it returns. Raises HeldError when another run writes under this epoch."""
        entry = Entry(
            epoch=self._epoch,
            seq=self._seq + 1,
            time=self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            step=step,
            event=event,
            plan=self._plan,
            run=self._run,
            message=message,
        )

        def put(live: Object | None) -> Object | Refused:
            if live is not None and self._holds(live, entry):
                return live
            return self._write(live, entry)

        self._written = swap(
            self._look,
            put,
            clock=self._clock,
            refused=lambda answer: WorldError(
                f"the journal cannot be written: {answer.reason}: {answer.detail}",
                code="E_JOURNAL",
                where=str(self._ref()),
            ),
            unsettled=lambda attempts: UnknownOutcome(
                f"the journal did not take a line after {attempts} attempts",
                code="E_JOURNAL",
                where=str(self._ref()),
            ),
        )
        self._seq = entry.seq

    def _look(self) -> Object | None:
        """As it was last written, once: where it is another one by now, the compare-and-swap tells."""
        written, self._written = self._written, None
        return self._cluster.get(self._ref()) if written is None else written

    def _write(self, live: Object | None, entry: Entry) -> Object | Refused:
        text = "" if live is None else _text(live)
        line = entry.line() + "\n"
        if text and len((text + line).encode()) > LIMIT:
            self._part += 1
            live, text = None, ""
        if live is None:
            return self._cluster.create(self._object(line))
        return self._cluster.replace({**live, "data": {"entries": text + line}})

    def _holds(self, live: Object, entry: Entry) -> bool:
        for other in _parse(live):
            if other.run != self._run:
                raise HeldError(
                    f"run {other.run} writes under the same epoch {self._epoch}",
                    code="E_HELD",
                    where=str(self._ref()),
                    hint="bootstrap status",
                )
            if other.seq == entry.seq:
                return True
        return False

    def _ref(self) -> Ref:
        return Ref("v1", "ConfigMap", self._name(), SYSTEM_NAMESPACE)

    def _name(self) -> str:
        suffix = f"-{string.ascii_lowercase[self._part]}" if self._part else ""
        return f"journal-{self._epoch:06d}{suffix}"

    def _object(self, line: str) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self._name(), "namespace": SYSTEM_NAMESPACE, "labels": dict(LABELS)},
            "data": {"entries": line},
        }
