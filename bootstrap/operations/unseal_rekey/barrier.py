"""What `rekey-unseal` does last in Vault: its barrier key gives way too, as a change that is on record (S5).

Who has read the old share and a copy of Vault's store has the old barrier key. From here on Vault writes under
another one; what was written before stays under the old one, which Vault keeps to read it.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import RecordType
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.model.plan import Step
from bootstrap.operations.unseal_rekey.parts import unfinished
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.configuring import announcement, begun, configuring, end, ending
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.root_session import Call

ROTATE: Final = "sys/rotate"
STATUS: Final = "sys/key-status"
GENERATION, TERM = "generation", "barrierTerm"  # details of its CONFIGURED


@dataclass(frozen=True, slots=True)
class Observation:
    """``generation`` is that of the share, 0 where it is not known; ``begun`` as in ``VaultConfiguration``."""

    generation: int
    rotated: bool
    begun: tuple[str, ...]


class NextBarrierKey:
    """Once for each generation of the share. One that was killed before it was recorded is done once more: another key
    than wanted does no harm."""

    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        window, ledger = WindowStore(self.world.cluster).read(), self.world.ledger.read()
        generation = window.generation if window else 0
        return Observation(generation, _is_recorded(ledger, generation), begun(ledger))

    def decide(self, seen: Observation) -> Decision:
        if not seen.generation:
            return Blocked(unfinished("the init window is lost"))
        if seen.rotated:
            return Satisfied(f"rotated with the share of generation {seen.generation}")
        return Act(_change(seen.generation), ("announce it, call sys/rotate, record Vault's new term",))

    def act(self, seen: Observation) -> None:
        world, txn = self.world, secrets.token_hex(16)
        world.session.fence()
        if seen.begun:
            end(world)
            world.ledger.append([ending(world, left, "by a later run") for left in seen.begun])
        world.ledger.append([announcement(world, txn, (_change(seen.generation),))])
        with configuring(world, txn) as call:
            term = _rotated(call)
        end(world)
        details = {GENERATION: str(seen.generation), TERM: str(term)}
        world.ledger.append([ending(world, txn, "by the run that began it", **details)])


def _change(generation: int) -> str:
    return f"rotate Vault's barrier key, with the share of generation {generation}"


def _is_recorded(ledger: Ledger, generation: int) -> bool:
    ended = (r.fact.details for r in ledger.records if r.fact.type is RecordType.CONFIGURED)
    return any(TERM in details and details.get(GENERATION) == str(generation) for details in ended)


def _rotated(call: Call) -> int:
    """The term of the new key. WorldError E_ROTATE where Vault still writes under the old one."""
    before = _term(call)
    with suppress(UnknownOutcome):  # the term tells
        granted(call("PUT", ROTATE), ROTATE)
    after = _term(call)
    if after <= before:
        raise WorldError(
            f"Vault did not rotate its barrier key: term {after}",
            code="E_ROTATE",
            where=ROTATE,
            hint="the same command tries it again",
        )
    return after


def _term(call: Call) -> int:
    return int(granted(call("GET", STATUS), STATUS).data["term"])
