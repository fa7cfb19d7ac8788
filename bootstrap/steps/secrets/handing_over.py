"""The handover of many secrets, in batches that overlap: while one is written, the next is announced (H1, H2).

Of each batch the INTENT records are durable before its first write, and its COMMIT records follow when each value was
read back, in one object with the INTENT records of the batch after the next. The ledger is written by one thread.
Values of two batches are in memory at most: a copy that was compared has none any more.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.handover import Commitments, Next, SecretState, next_step
from bootstrap.steps.context.flight import Crew
from bootstrap.steps.context.progress import Progress
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import (
    Copy,
    Here,
    conflict,
    copy_into_vault,
    here,
    planned_copy,
    read_version_one,
)

BATCH = 128  # one object of the ledger a batch, and its copy in Vault: 0.02 durable writes a secret
UNDER_WAY = 2  # batches: the server has work while the ledger is written


def announced_by(ledger: Ledger) -> dict[str, frozenset[Commitments]]:
    """Secret name to what its INTENT records announced."""
    found: dict[str, frozenset[Commitments]] = {}
    for record in ledger.current:
        fact = record.fact
        if fact.type is RecordType.INTENT and fact.of_handover and fact.secret:
            commitments = frozenset(fact.commitments.items())
            found[fact.secret.name] = found.get(fact.secret.name, frozenset()) | {commitments}
    return found


@dataclass(frozen=True, slots=True)
class _Planned:
    """Of which nothing is written: ``fresh`` will be, ``adopted`` were before; ``intents`` are to be announced."""

    secrets: Sequence[Secret]
    facts: Mapping[str, Fact]
    fresh: Sequence[Copy]
    intents: Sequence[Fact]
    adopted: Mapping[str, Copy]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A batch whose intents are durable: ``facts`` of all, ``writes`` under way, ``adopted`` were written before."""

    secrets: Sequence[Secret]
    facts: Mapping[str, Fact]
    writes: Mapping[str, Future[Copy]]
    adopted: Mapping[str, Copy]

    def commits(self) -> Iterator[Fact]:
        """In the catalog's order, so that the same run writes the same ledger; waits for what is under way."""
        for secret in self.secrets:
            name = secret.name
            done = self.adopted[name] if name in self.adopted else self.writes[name].result()
            yield done.commit(self.facts[name])


class HandingOver:
    """``present`` are names of those that had a version when they were looked at."""

    def __init__(self, world: World, present: frozenset[str]) -> None:
        ledger = world.ledger.read()
        self._world = world
        self._place: Here = here(world)
        self._present = present
        self._announced = announced_by(ledger)
        self._size = ledger.chain.size

    def run(self, secrets: Sequence[Secret]) -> None:
        """Returns once the COMMIT of each is durable."""
        world = self._world
        progress = Progress(world.clock, world.narrator, "secrets handed over", len(secrets))
        begun: deque[_Begun] = deque()
        with world.session.flight.crew() as crew:
            for start in range(0, len(secrets), BATCH):
                written = begun.popleft() if len(begun) == UNDER_WAY else None
                commits = tuple(written.commits()) if written else ()
                batch = self._planned(secrets[start : start + BATCH])
                self._append((*commits, *batch.intents))
                begun.append(self._begin(crew, batch))
                progress.more(len(commits))
            for written in begun:
                self._append(tuple(written.commits()))
                progress.more(len(written.secrets))

    def _planned(self, secrets: Sequence[Secret]) -> _Planned:
        world, place = self._world, self._place
        self._hear_of_others()
        maybe = [s for s in secrets if s.name in self._present or s.name in self._announced]
        versions = world.each(lambda s: read_version_one(world, s, place), maybe, "secrets begun before")
        adopted = {v.secret.name: self._ours(v) for v in versions if v is not None}
        fresh = [planned_copy(world, s, place) for s in secrets if s.name not in adopted]
        facts = self._facts((*fresh, *adopted.values()))
        intents = [facts[c.secret.name] for c in fresh if self._step(c, written=False) is Next.INTEND]
        return _Planned(secrets, facts, fresh, intents, {name: copy.bare() for name, copy in adopted.items()})

    def _begin(self, crew: Crew, batch: _Planned) -> _Begun:
        world, place = self._world, self._place
        writes = {
            c.secret.name: crew.begin(lambda copy: copy_into_vault(world, copy, place).bare(), c)
            for c in batch.fresh
        }
        return _Begun(batch.secrets, batch.facts, writes, batch.adopted)

    def _facts(self, copies: Sequence[Copy]) -> dict[str, Fact]:
        """By name; where there is a scaffold, its fact names it as it is in the cluster now."""
        world, place = self._world, self._place
        standing = [c for c in copies if c.secret.scaffold is not None]
        asked = world.each(lambda c: c.intent(world, place), standing, "scaffolds looked at")
        facts = {c.secret.name: fact for c, fact in zip(standing, asked, strict=True)}
        return facts | {c.secret.name: c.intent(world, place) for c in copies if c.secret.name not in facts}

    def _ours(self, version: Copy) -> Copy:
        """A version 1 whose answer was lost is ours if one of our INTENT records announced it."""
        if self._step(version, written=True) is not Next.COMMIT:
            raise conflict(version.secret, "a version 1 that no intent of ours announced")
        return version

    def _step(self, copy: Copy, *, written: bool) -> Next:
        earlier = self._announced.get(copy.secret.name, frozenset())
        own = copy.commitment_set
        return next_step(SecretState(written=written, announced=earlier, version=own, planned=own))

    def _append(self, facts: Sequence[Fact]) -> None:
        """Vault's own records count too."""
        self._size += len(self._world.ledger.append(facts))

    def _hear_of_others(self) -> None:
        """Where another run has written to the ledger, what it announced counts too."""
        ledger = self._world.ledger.read()
        if ledger.chain.size != self._size:
            self._announced, self._size = announced_by(ledger), ledger.chain.size
