"""What a step kind is given: the plan, the intent and the ports, once per run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bootstrap.model.catalog import Intent
from bootstrap.model.errors import Transient, WorldError
from bootstrap.model.plan import Plan
from bootstrap.ports import (
    Clock,
    Cluster,
    EncryptedFiles,
    EscrowProof,
    Narrator,
    Records,
    RootMaterial,
)
from bootstrap.steps.context.session import Session
from bootstrap.steps.context.transfers import Transfers

T = TypeVar("T")


@dataclass(slots=True)
class Run:
    """This run. ``epoch`` is 0 until the lock is held: before that nothing may be changed."""

    id: str
    epoch: int = 0
    actor: str = ""


@dataclass(slots=True, kw_only=True)
class World:
    """``files`` is None when no root key was given: kinds that need a value then say so (E_ROOT_NEEDED)."""

    plan: Plan
    intent: Intent
    cluster: Cluster
    session: Session
    material: RootMaterial
    files: EncryptedFiles | None
    ledger: Transfers
    records: Records
    proof: EscrowProof
    clock: Clock
    narrator: Narrator
    run: Run
    approvals: frozenset[str] = frozenset()
    auto_void: bool = True  # a store whose init answer was lost is voided without asking

    def wait(self, what: str, check: Callable[[], T | None], seconds: float = 120, pause: float = 0.5) -> T:
        """Look until ``check`` gives something; a server that is away for a moment is part of waiting.

        Told is only what the first look did not give. Raises WorldError E_TIMEOUT, naming what was waited for.
        """
        until = self.clock.monotonic() + seconds
        told, last = False, ""
        while self.clock.monotonic() < until:
            try:
                found = check()
            except Transient as error:
                found, last = None, error.message
            if found:
                return found
            if not told:
                self.narrator.event("waiting", message=what)
                told = True
            self.clock.sleep(pause)
        raise WorldError(
            f"{what}: not within {seconds:.0f} s" + (f" ({last})" if last else ""),
            code="E_TIMEOUT",
            hint="see `bootstrap status`; `bootstrap up` goes on from here",
        )
