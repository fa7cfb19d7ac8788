"""One run at a time: the Lease for politeness, the run record's epoch to notice a later run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bootstrap.engine.lease import HELD, Heartbeat, Lease, held, taken_over
from bootstrap.engine.record import ABANDONING, AT_WORK, RUN, RUNNING, RunRecord, read_run, settle
from bootstrap.engine.retry import Patience
from bootstrap.journal.store import read_journal
from bootstrap.model.errors import BootstrapError, HeldError, Interrupted
from bootstrap.model.plan import Plan
from bootstrap.ports import Clock, Cluster
from bootstrap.steps.context.world import World


class RunLock:
    """Lease and run record together: what a run takes before its first journalled act."""

    def __init__(
        self, cluster: Cluster, clock: Clock, lease: Lease, patience: Patience, *, run: str, holder: str = ""
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._lease = lease
        self._patience = patience
        self._run = run
        self._holder = holder
        self._heartbeat = Heartbeat(lease, clock)
        self._record: RunRecord | None = None

    @classmethod
    def of(cls, world: World, patience: Patience, what: str) -> "RunLock":
        """That of this process, which others see as doing ``what``: one word."""
        holder = f"{world.run.actor}, {what} {world.run.id}"
        lease = Lease(world.direct, world.clock, world.narrator, holder)
        return cls(world.direct, world.clock, lease, patience, run=world.run.id, holder=holder)

    @contextmanager
    def held(
        self,
        world: World,
        *,
        plan: Plan,
        accepted: tuple[str, ...] = (),
        approvals: tuple[str, ...] = (),
        unrecorded: tuple[str, ...] = (),
        state: str = RUNNING,
    ) -> Iterator[None]:
        """The block runs under a new epoch, ``world.run.epoch``; HeldError exit 7 when it cannot, or no longer.

        Whatever answer its last call got (403 from Vault, whose token a later run has revoked; a lost
        compare-and-swap; a record that is in the ledger already): where another run has the cluster, that is the
        answer here.
        """
        try:
            record = self.acquire(
                plan=plan, accepted=accepted, approvals=approvals, unrecorded=unrecorded, state=state
            )
            world.run.epoch, world.run.unrecorded = record.epoch, record.unrecorded
            world.session.guard = self.check
            yield
        except Interrupted:
            raise
        except BootstrapError as error:
            lost = None if error.code == HELD else self._lost()
            if lost is None:
                raise
            world.narrator.event("note", message=f"the last call of this run: {error.code} {error.message}")
            raise lost from None
        finally:
            self.release()

    def acquire(
        self,
        *,
        plan: Plan,
        accepted: tuple[str, ...] = (),
        approvals: tuple[str, ...] = (),
        unrecorded: tuple[str, ...] = (),
        state: str = RUNNING,
    ) -> RunRecord:
        """Takes the Lease and begins a new epoch, whose record it returns. Raises HeldError exit 7.

        What ``unrecorded`` says comes to what earlier runs have left of that, and so does a run that is given back.
        """
        self._lease.acquire()
        self._heartbeat.start()
        before = self._patience.read(lambda: read_run(self._cluster))
        wanted = RunRecord(
            epoch=self._next_epoch(before),
            run=self._run,
            plan=plan.digest,
            commit=plan.commit,
            tool=plan.tool,
            state=state,
            accepted=accepted,
            approvals=approvals,
            holder=self._holder,
            since=self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            unrecorded=tuple(dict.fromkeys([*_left(before, state), *unrecorded])),
        )
        if not settle(self._cluster, self._clock, before, wanted):
            raise self._superseded()
        self._record = wanted
        return wanted

    def check(self) -> None:
        """Raises HeldError once another run holds the Lease or has begun a later epoch."""
        self._heartbeat.check()
        if self._patience.read(lambda: read_run(self._cluster)) != self._record:
            raise self._superseded()

    def finish(self, state: str, unrecorded: tuple[str, ...] = ()) -> None:
        """Marks how the run ended, and what the ledger still lacks. Raises HeldError when a later run has begun."""
        assert self._record is not None
        ended = replace(self._record, state=state, unrecorded=unrecorded)
        if not settle(self._cluster, self._clock, self._record, ended):
            raise self._superseded()

    def release(self) -> None:
        self._heartbeat.stop()
        self._lease.release()

    def _lost(self) -> HeldError | None:
        """Who has the cluster now instead; None while it is ours, or when it cannot be asked. One look only:
        something went wrong already, and waiting would not mend that."""
        if self._record is None:
            return None
        try:
            self._heartbeat.check()
            ours = read_run(self._cluster) == self._record
        except HeldError as error:
            return error
        except BootstrapError:
            return None
        return None if ours else self._superseded()

    def _next_epoch(self, before: RunRecord | None) -> int:
        """Never a number that a journal already has, even where the run record was deleted."""
        entries = self._patience.read(lambda: read_journal(self._cluster))
        journalled = max((entry.epoch for entry in entries), default=0)
        return max(before.epoch if before else 0, journalled) + 1

    def _superseded(self) -> HeldError:
        """Named by the run record, which does not depend on the Lease."""
        try:
            now = read_run(self._cluster)
        except BootstrapError:
            now = None
        if now is None or now.run == self._run:
            return taken_over("", RUN)
        who, since = now.holder or f"run {now.run}", now.since or "some time"
        if now.state in AT_WORK:
            return held(who, since, RUN)
        return taken_over(f"{who}, since {since}, {now.state}", RUN)


def _left(before: RunRecord | None, state: str) -> tuple[str, ...]:
    if before is None:
        return ()
    given_back = state == ABANDONING and before.state == RUNNING
    return (*before.unrecorded, *((f"abandoned {before.run}",) if given_back else ()))
