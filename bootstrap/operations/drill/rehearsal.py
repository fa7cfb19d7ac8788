"""A drill: the road of a restore into a throw-away cluster, what it takes, and what came out of it (INV1, INV4).

It is `up --restore` with the same steps, journal and fence. How it differs is in ``inward.py``. It begins in an
empty cluster and is not resumed: its times would mean nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bootstrap.engine.result import Outcome, Result
from bootstrap.ledger.head import Head
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import BootstrapError, Interrupted, PreconditionError
from bootstrap.operations.drill.compared import Compared, compared
from bootstrap.operations.drill.inward import InwardCluster, refuse_outward
from bootstrap.operations.drill.report import DIFFERS, EQUAL, Report
from bootstrap.operations.drill.waits import TITLES, Waits, Watched
from bootstrap.operations.records import write_records
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import Proof, State
from bootstrap.ports import Ref
from bootstrap.steps.authority.gather import gather
from bootstrap.steps.authority.losses import lost_since
from bootstrap.steps.authority.restoring import not_in_it
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World

HOME: Final = Ref("v1", "Namespace", SYSTEM_NAMESPACE)
AGAIN: Final = (
    "a drill is not gone on with: delete its cluster (that of --lab is gone by itself), and begin anew in another,"
    " empty one"
)
TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What is known beyond the snapshot before anything is changed: the newest head that its ledger does not hold,
    where it lies, and secrets of the commit that the snapshot does not hand over."""

    head: Head | None
    place: str
    not_in_it: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    begun: datetime
    ended: datetime
    road: float  # seconds each
    proofs: float
    comparison: float


class Drill:
    """``world`` is that of an inward intent, with the snapshot as its source, and approved as stale; ``whole`` is the
    intent that the commit declares."""

    def __init__(self, world: World, whole: Intent) -> None:
        assert world.restore is not None
        self.world = world
        self.source: SnapshotSource = world.restore
        self.whole = whole

    def run(self, road: Callable[[], Result]) -> Report:
        """``road`` goes the steps of the plan. PreconditionError E_DRILL_NOT_EMPTY, E_DRILL_API, EvidenceError
        E_DRILL_OUTWARD before anything is changed; the errors of `up --restore`."""
        world, clock = self.world, self.world.clock
        refuse_unless_empty(world)
        refuse_outward(world.intent)
        closed = self._closed()
        behind = self._behind()
        watched = world.clock = Watched(clock, world.direct, _namespaces(world))
        begun, start = clock.now(), clock.monotonic()
        try:
            result = road()
        except BootstrapError as error:
            _end_of_it(world, error)
            raise
        write_records(world)
        arrived, world.clock, waits = clock.monotonic(), clock, watched.waits()
        # What pushes has its rights in the restored Vault, so proofs know of it; what reads it was not made.
        unread = tuple(replace(each, consumers=()) for each in self.whole.internals)
        world.intent = replace(world.intent, internals=unread)
        proofs = tuple(prove(world, deep=True))
        proven = clock.monotonic()
        values = compared(world, self.source.ledger)
        end = clock.monotonic()
        times = Times(
            begun=begun,
            ended=clock.now(),
            road=arrived - start,
            proofs=proven - arrived,
            comparison=end - proven,
        )
        return self._report(result, proofs, values, behind, times, waits, closed)

    def _closed(self) -> tuple[str, ...]:
        cluster = self.world.cluster
        assert isinstance(cluster, InwardCluster)
        return cluster.api_server()

    def _behind(self) -> Behind:
        lost = lost_since(gather(self.world), self.source)
        first = lost[0] if lost else None
        return Behind(
            head=first.head if first else None,
            place=first.witness.place if first else "",
            not_in_it=not_in_it(self.world, self.source),
        )

    # ------------------------------------------------------------ what is written down

    def _report(
        self,
        result: Result,
        proofs: Sequence[Proof],
        values: Sequence[Compared],
        behind: Behind,
        times: Times,
        waits: Waits,
        closed: tuple[str, ...],
    ) -> Report:
        world, source = self.world, self.source
        broken = any(p.state is State.BROKEN for p in proofs) or any(each.differs for each in values)
        content = {
            "outcome": DIFFERS if broken else EQUAL,
            "platform": world.intent.platform.name,
            "environment": world.plan.environment,
            "who": world.run.actor,
            "begun": times.begun.strftime(TIME),
            "ended": times.ended.strftime(TIME),
            "cluster": world.cluster.uid(),
            "commit": world.plan.commit,
            "plan": world.plan.digest,
            "snapshot": _snapshot(source),
            "versions": {
                "bootstrap": world.plan.tool,
                "kubernetes": world.cluster.version(),
                "vault": source.manifest.raft.version,
                "snapshotBy": source.manifest.tool,
            },
            "rto": self._rto(result.outcomes, times, waits),
            "rpo": _rpo(source, behind, times.begun),
            "secrets": _secrets(values),
            "proofs": [asdict(proof) | {"state": proof.state.value} for proof in proofs],
            "leftOut": {
                "pushSecrets": len(self.whole.internals),
                "workloadFolders": len(self.whole.platform.workloads),
                "snapshots": self.whole.platform.snapshots is not None,
                "ofVault": source.sent["leftOut"],
                "egressTo": list(closed),
            },
        }
        return Report(content=content)

    def _rto(self, outcomes: Sequence[Outcome], times: Times, waits: Waits) -> dict[str, Any]:
        return {
            "milliseconds": _ms(times.road),
            "waitedMilliseconds": _ms(waits.seconds()),
            "waits": [
                {"id": kind, "title": title, "milliseconds": _ms(waits.seconds(kind))}
                for kind, title in TITLES.items()
            ],
            "proofsMilliseconds": _ms(times.proofs),
            "comparisonMilliseconds": _ms(times.comparison),
            "phases": [*self._phases(outcomes)],
        }

    def _phases(self, outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
        for phase in self.world.plan.phases:
            steps = [_step(each) for each in outcomes if each.step.phase == phase.id]
            took = sum(step["milliseconds"] for step in steps)
            yield {"id": phase.id, "title": phase.title, "milliseconds": took, "steps": steps}


def refuse_unless_empty(world: World) -> None:
    """PreconditionError E_DRILL_NOT_EMPTY where a run was here before; the rest of what is left is for the restore."""
    if world.cluster.get(HOME) is None:
        return
    raise PreconditionError(
        f"a drill begins in an empty cluster, and namespace {SYSTEM_NAMESPACE} is there: a platform lives here, or a"
        " drill has ended or was stopped",
        code="E_DRILL_NOT_EMPTY",
        where=str(HOME),
        hint="a cluster that nothing needs: --lab NAME makes and deletes one; a stopped drill is not resumed but begun"
        " anew in another one",
    )


def _namespaces(world: World) -> tuple[str, ...]:
    """Where pods are waited for; Vault's is the first."""
    platform = world.intent.platform
    return platform.vault.namespace, platform.external_secrets.deployment.partition("/")[0]


def _end_of_it(world: World, error: BootstrapError) -> None:
    """What stopped a road says how `up` goes on; a drill does not. Where it had not begun, the hint stays."""
    with suppress(BootstrapError):
        if world.cluster.get(HOME) is not None:
            error.hint = AGAIN if isinstance(error, Interrupted) else f"{error.hint}; {AGAIN}".strip("; ")


def _step(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.step.id,
        "title": outcome.step.title,
        "milliseconds": _ms(outcome.seconds),
        "acted": outcome.acted,
        "note": outcome.note,
        "waits": list(outcome.pending),
    }


def _snapshot(source: SnapshotSource) -> dict[str, Any]:
    manifest = source.manifest
    return {
        "file": Path(source.where).name,
        "sha256": source.digest,
        "time": manifest.time,
        "cluster": manifest.cluster,
        "vaultCluster": manifest.vault_cluster,
        "raftIndex": manifest.raft.index,
        "raftTerm": manifest.raft.term,
        "generation": manifest.share.generation,
        "records": manifest.ledger.size,
        "lastRecord": manifest.ledger.last,
        "lastRecordTime": source.head.time,
    }


def _rpo(source: SnapshotSource, behind: Behind, begun: datetime) -> dict[str, Any]:
    """Times are annotations of the machines that wrote them; a clock that went back gives 0."""
    head = behind.head
    return {
        "raftIndex": source.manifest.raft.index,
        "ageSeconds": _between(source.manifest.time, begun.strftime(TIME)),
        "secondsBehind": _between(source.head.time, head.time) if head else 0,
        "recordsBehind": max(head.size - source.head.size, 0) if head else 0,
        "newestHead": {"place": behind.place, "records": head.size, "time": head.time} if head else None,
        "notInIt": list(behind.not_in_it),
    }


def _between(earlier: str, later: str) -> int:
    first, last = (datetime.strptime(each, TIME) for each in (earlier, later))  # both UTC
    return max(int((last - first).total_seconds()), 0)


def _secrets(values: Sequence[Compared]) -> dict[str, Any]:
    return {
        "secrets": len({each.name for each in values}),
        "versions": len(values),
        "differing": [
            {"name": each.name, "version": each.version, "fields": list(each.fields), "lost": each.lost}
            for each in values
            if each.differs
        ],
        "noLongerKept": [
            {"name": each.name, "version": each.version} for each in values if each.lost and not each.differs
        ],
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
