"""What a step kind is given: the plan, the intent and the ports, once per run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from bootstrap.model.catalog import Intent
from bootstrap.model.errors import Transient, WorldError
from bootstrap.model.plan import Plan
from bootstrap.ports import (
    Certificates,
    Clock,
    Cluster,
    EscrowProof,
    GuardedFiles,
    Narrator,
    Records,
    RootMaterial,
)
from bootstrap.steps.context.look import Look
from bootstrap.steps.context.progress import Progress
from bootstrap.steps.context.session import Session
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.transfers import Transfers
from bootstrap.waiting import NotYet, retry

A = TypeVar("A")
T = TypeVar("T")
FIRST_PAUSE: Final = 0.1  # seconds


@dataclass(slots=True)
class Run:
    """This run. ``epoch`` is 0 until the lock is held: before that nothing may be changed.

    ``unrecorded`` are decisions of people that the ledger does not have yet: ``plan FROM TO`` for an accepted plan
    change, ``abandoned RUN`` for a run that was given back.
    """

    id: str
    epoch: int = 0
    actor: str = ""
    unrecorded: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class World:
    """``files`` is None when no root key was given: kinds that need a value then say so (E_ROOT_NEEDED).

    ``cluster`` shares its reads within a ``look``; ``direct`` is the same without that, for what must see each change
    as it happens: the lock.
    """

    plan: Plan
    intent: Intent
    cluster: Cluster
    direct: Cluster
    look: Look
    session: Session
    material: RootMaterial
    certificates: Certificates
    files: GuardedFiles | None
    ledger: Transfers
    records: Records
    proof: EscrowProof
    clock: Clock
    narrator: Narrator
    run: Run
    approvals: frozenset[str] = frozenset()
    restore: SnapshotSource | None = None  # where the authority comes from, in a restore
    auto_void: bool = True  # a store whose init answer was lost is voided without asking

    def each(self, work: Callable[[A], T], items: Iterable[A], what: str) -> list[T]:
        """``work`` of each item, many at once, in their order; ``what`` says in words what they are."""
        wanted = tuple(items)
        progress = Progress(self.clock, self.narrator, what, len(wanted))
        return self.session.flight.each(work, wanted, progress.one)

    def wait(self, what: str, check: Callable[[], T | None], seconds: float = 120, pause: float = 0.15) -> T:
        """Look until ``check`` gives something; a server that is away for a moment is part of waiting.

        The pauses between looks grow up to ``pause``, in seconds: most of what is waited for is there at once. Shown is
        only what the first look did not give. Raises WorldError E_TIMEOUT, naming what was waited for.
        """
        shown, last = False, ""

        def look() -> T:
            nonlocal last
            try:
                found = check()
            except Transient as error:
                last = error.message
                raise
            if not found:
                raise NotYet
            return found

        def tell(_error: Exception, _pause: float) -> None:
            nonlocal shown
            if not shown:
                self.narrator.event("waiting", message=what)
            shown = True

        try:
            first = min(FIRST_PAUSE, pause)
            return retry(
                look, clock=self.clock, seconds=seconds, pause=first, longest=pause, before_pause=tell
            )
        except (NotYet, Transient):
            raise WorldError(
                f"{what}: not within {seconds:.0f} s" + (f" ({last})" if last else ""),
                code="E_TIMEOUT",
                hint="see `bootstrap status`; `bootstrap up` goes on from here",
            ) from None
