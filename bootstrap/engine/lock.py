"""One run at a time: the Lease for politeness, the run record's epoch to notice a later run (DESIGN 5)."""

from bootstrap.engine.lease import Heartbeat, Lease
from bootstrap.engine.patience import Patience
from bootstrap.engine.record import RUN, RUNNING, RunRecord, finished, read_run, settle
from bootstrap.journal.store import read_journal
from bootstrap.model.errors import HeldError
from bootstrap.ports import Clock, Cluster


class RunLock:
    """Lease and run record together: what a run takes before its first journalled act."""

    def __init__(self, cluster: Cluster, clock: Clock, lease: Lease, patience: Patience, run: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._lease = lease
        self._patience = patience
        self._run = run
        self._heartbeat = Heartbeat(lease, clock)
        self._record: RunRecord | None = None

    def acquire(
        self, *, plan: str, commit: str, accepted: tuple[str, ...], approvals: tuple[str, ...]
    ) -> int:
        """Takes the Lease and begins a new epoch, whose number it returns. Raises HeldError exit 7."""
        self._lease.acquire()
        self._heartbeat.start()
        before = self._patience.read(lambda: read_run(self._cluster))
        wanted = RunRecord(
            epoch=self._next_epoch(before),
            run=self._run,
            plan=plan,
            commit=commit,
            state=RUNNING,
            accepted=accepted,
            approvals=approvals,
        )
        if not settle(self._cluster, self._clock, before, wanted):
            raise self._superseded()
        self._record = wanted
        return wanted.epoch

    def check(self) -> None:
        """Raises HeldError once another run holds the Lease or has begun a later epoch."""
        self._heartbeat.check()
        if self._patience.read(lambda: read_run(self._cluster)) != self._record:
            raise self._superseded()

    def finish(self) -> None:
        """Marks the run finished. Raises HeldError when a later run has begun."""
        assert self._record is not None
        if not settle(self._cluster, self._clock, self._record, finished(self._record)):
            raise self._superseded()

    def release(self) -> None:
        self._heartbeat.stop()
        self._lease.release()

    def _next_epoch(self, before: RunRecord | None) -> int:
        """Never a number that a journal already has, even where the run record was deleted."""
        entries = self._patience.read(lambda: read_journal(self._cluster))
        journalled = max((entry.epoch for entry in entries), default=0)
        return max(before.epoch if before else 0, journalled) + 1

    def _superseded(self) -> HeldError:
        return HeldError(
            "another run has begun since; this one stops before its next change",
            code="E_HELD",
            where=str(RUN),
            hint="bootstrap status",
        )
