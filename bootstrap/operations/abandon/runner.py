"""Giving an unfinished run back (PH3): what it owns and nothing committed goes; `up` then begins anew.

Through the same loop as `up`: Lease and epoch first, each part journalled before it acts. Killed anywhere, both
`abandon` and `up` go on from there; while it is under way the run record says so, and no plan holds the next run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bootstrap.engine.interrupt import Interrupt, interruptible
from bootstrap.engine.lease import holder_of
from bootstrap.engine.lock import RunLock
from bootstrap.engine.loop import StepLoop
from bootstrap.engine.record import (
    ABANDONED,
    ABANDONING,
    FINISHED,
    REKEYING,
    RUN,
    SETTING,
    RunRecord,
    read_run,
)
from bootstrap.engine.retry import Patience
from bootstrap.journal.entries import Event, last_intended
from bootstrap.journal.store import Journal, read_journal
from bootstrap.model import layout
from bootstrap.model.decision import Act, Blocked
from bootstrap.model.errors import Interrupted, PreconditionError
from bootstrap.model.plan import Step
from bootstrap.operations.abandon.parts import (
    PartClass,
    RootToken,
    RunTokens,
    UncommittedCopies,
    vault_is_away,
)
from bootstrap.operations.abandon.unproven_vault import UnprovenVault
from bootstrap.ports import Ref
from bootstrap.steps.authority.facts import given_back
from bootstrap.steps.context.environment import bound_to, mismatch
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.restoration import under_way

PARTS: Final[dict[str, PartClass]] = {
    "abandon-tokens": RunTokens,
    "abandon-root-token": RootToken,
    "abandon-vault": UnprovenVault,
    "abandon-scaffolds": UncommittedCopies,
}
STEPS: Final = (
    Step(id="abandon-tokens", kind="abandon-tokens", phase="", title="The run's tokens in Vault are revoked"),
    Step(id="abandon-root-token", kind="abandon-root-token", phase="", title="The root token is revoked"),
    Step(id="abandon-vault", kind="abandon-vault", phase="", title="A Vault with an unproven key is gone"),
    Step(
        id="abandon-scaffolds",
        kind="abandon-scaffolds",
        phase="",
        title="No bootstrap secret stands that is not handed over",
    ),
)
ALWAYS: Final = {
    "namespace bootstrap-system": "the journal, the run record, the init window and the ledger are there",
    "what admission refuses": "it guards the run's account, and where the operator may write",
    layout.RECORDS: "written by runs, committed by people",
    "what lies in Vault": "Vault is its authority, or will be: the next run adopts what this one wrote",
    "what manifests/ declares, and namespaces": "installed, and holds no secret; others may use it by now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """``goes`` in order, item by item; ``stays`` is what does not, and why. ``over``: it was given back before.

    ``holder`` is whom the Lease names: at work, or dead, which only trying tells.
    """

    record: RunRecord
    holder: str
    goes: tuple[str, ...]
    stays: dict[str, str]

    @property
    def over(self) -> bool:
        return self.record.state == ABANDONED and not self.goes


class Abandon:
    """``world.run`` names this process like a run: it takes an epoch of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._interrupt = Interrupt()
        self._patience = Patience(world.clock, world.narrator, self._interrupt)
        self._lock = RunLock.of(world, self._patience, "abandon")
        kinds: Callable[[str], PartClass] = PARTS.__getitem__
        self._loop = StepLoop(STEPS, world, kinds, self._lock, self._patience, self._interrupt)

    def listing(self) -> Listing:
        """Reads only. PreconditionError E_NOTHING_TO_ABANDON for a cluster without an unfinished run."""
        record = self._patience.read(lambda: read_run(self._world.cluster))
        if record is None or record.state in (FINISHED, SETTING, REKEYING):
            raise _nothing(record)
        self._refuse_another_environment()
        goes: list[str] = []
        stays: dict[str, str] = {}
        for step in STEPS:
            part = PARTS[step.kind](step, self._world)
            seen = self._patience.read(part.observe, step.id)
            decision = part.decide(seen)
            if isinstance(decision, Blocked):
                raise decision.error
            if isinstance(decision, Act):
                goes += decision.changes or (decision.summary,)
            stays |= part.stays(seen)
        if record.commit != self._world.intent.commit:
            stays[f"what only commit {record.commit} declares"] = (
                f"the run began there: --rev {record.commit}"
            )
        holder = self._patience.read(lambda: holder_of(self._world.cluster))
        return Listing(record=record, holder=holder, goes=tuple(goes), stays=stays | ALWAYS)

    def _refuse_another_environment(self) -> None:
        live = self._patience.read(lambda: self._world.cluster.get(Ref("v1", "Namespace", SYSTEM_NAMESPACE)))
        wrong = mismatch(bound_to(live), self._world.plan.environment) if live is not None else None
        if wrong is not None:
            raise wrong

    def run(self) -> None:
        """HeldError exit 7, without a change, while another run has the cluster."""
        with interruptible(self._interrupt):
            try:
                self._held()
            except Interrupted as error:
                raise _explained(error) from None

    def _held(self) -> None:
        world = self._world
        with self._lock.held(world, plan=world.plan, state=ABANDONING):
            opened = last_intended(self._patience.read(lambda: read_journal(world.cluster)))
            journal = Journal(
                world.cluster, world.clock, epoch=world.run.epoch, run=world.run.id, plan=world.plan.digest
            )
            journal.append(Event.NOTE, "", "abandon: the runs so far are given back")
            for step in STEPS:
                self._loop.advance(step, journal, opened=opened is not None and opened.step == step.id)
            left = self._record()
            journal.append(Event.NOTE, "", "abandoned")
            self._lock.finish(ABANDONED, left)

    def _record(self) -> tuple[str, ...]:
        """That the run was given back, in the ledger; what is left for the next run where that cannot be written now:
        without the root key, before the ledger is open, while it comes back by a restore, and while Vault is away that
        countersigns it."""
        world = self._world
        ledger = self._patience.read(world.ledger.read)
        away = ledger.meaning.countersigning.current is not None and vault_is_away(world)
        moving = under_way(world.cluster, ledger) is not None
        if world.files is None or not ledger.entries or moving or away:
            return world.run.unrecorded
        world.ledger.append(tuple(given_back(world, ledger)))
        return ()


def _nothing(record: RunRecord | None) -> PreconditionError:
    if record is None:
        return PreconditionError(
            "nothing to abandon: no run has begun on this cluster",
            code="E_NOTHING_TO_ABANDON",
            where=str(RUN),
            hint="`bootstrap plan` shows what `bootstrap up` would do",
        )
    return PreconditionError(
        f"nothing to abandon: run {record.epoch} is {_whose(record)}, and what Vault owns is not given back",
        code="E_NOTHING_TO_ABANDON",
        where=str(RUN),
        hint="`bootstrap status` shows what stands",
    )


def _whose(record: RunRecord) -> str:
    return WHOSE[record.state]


WHOSE = {
    FINISHED: "finished",
    SETTING: "a change of a value, which `bootstrap up` ends",
    REKEYING: "a rekey, which `bootstrap rekey-unseal` and `bootstrap up` end",
}


def _explained(error: Interrupted) -> Interrupted:
    return Interrupted(
        error.message,
        signal_number=error.signal_number,
        hint="bootstrap abandon goes on from here, and so does bootstrap up, from any machine",
    )
