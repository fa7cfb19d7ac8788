"""The ledger, before anything is handed over: opened for a new Vault, rebuilt from Vault's copy where it was lost.

The heads of the ledger are judged once more, now that Vault answers. Copies and heads that disagree tell of a restored
snapshot, and the run says so instead of writing on (H4, INV4). What people decided is on record from here on.
"""

from dataclasses import dataclass

from bootstrap.ledger import store
from bootstrap.ledger.record import Fact
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.heads import Verdict, judge
from bootstrap.model.plan import Step
from bootstrap.steps.authority.facts import given_back, moved, opening, unrecorded
from bootstrap.steps.authority.gather import Authority, gather, is_open
from bootstrap.steps.authority.stops import stopped
from bootstrap.steps.context.world import World


@dataclass(frozen=True, slots=True)
class Observation:
    """``lacking`` are decisions of people that are not on record."""

    authority: Authority
    lacking: tuple[Fact, ...]


class LedgerOpened:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        authority = gather(self.world, answering=True)
        return Observation(authority, unrecorded(self.world, authority))

    def decide(self, seen: Observation) -> Decision:
        authority = seen.authority
        stop = stopped(authority)
        if stop is not None:
            return Blocked(stop)
        kept = authority.copy.chain.size
        if judge(authority.found) is Verdict.REBUILD:
            batches = tuple(b.name for b in authority.batches)
            return Act(f"rebuild the cluster's ledger from Vault's copy, {kept} records", batches)
        if not is_open(authority.ledger, authority.window):
            return Act("open the ledger", ("record how Vault was initialised and proven",))
        if seen.lacking:
            return Act("record what was decided", tuple(_shown(fact) for fact in seen.lacking))
        return Satisfied(f"{authority.ledger.chain.size} records")

    def act(self, seen: Observation) -> None:
        authority = seen.authority
        if judge(authority.found) is Verdict.REBUILD:
            self._rebuild(authority)
        elif is_open(authority.ledger, authority.window):
            self.world.ledger.append(seen.lacking)
        else:
            self.world.ledger.append((*opening(self.world, authority), *seen.lacking))

    def _rebuild(self, authority: Authority) -> None:
        store.restore(self.world.cluster, authority.batches)
        self.world.ledger.reopen()
        count = authority.copy.chain.size
        self.world.narrator.event("rebuilt", message=f"ledger rebuilt from Vault's copy, {count} records")
        decided = given_back(self.world, authority.copy)
        self.world.ledger.append((*moved(self.world, authority), *decided))


def _shown(fact: Fact) -> str:
    return f"{fact.type} " + ", ".join(f"{name} {text}" for name, text in fact.details.items())
