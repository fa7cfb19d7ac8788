"""The explicit, one-time handover of each secret's authority to Vault (H1-H5).

For a batch: durable INTENT records with the commitments of what will be written, then per secret the
metadata, one ``cas: 0`` write, a read-back of version 1 from the active node and a constant-time comparison,
then COMMIT records. A version that is there already is ours only if one of our INTENT records announced it.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import EvidenceError, PreconditionError
from bootstrap.model.handover import Commitments, Next, SecretState, next_step
from bootstrap.model.names import kv
from bootstrap.model.plan import Step
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.immutable_fields import moved
from bootstrap.steps.secrets.next_version import written_unrecorded
from bootstrap.steps.secrets.transfer import (
    Copy,
    conflict,
    copy_into_vault,
    here,
    is_written,
    planned_copy,
    read_version_one,
)

BATCH = 64
WORKERS = 8
Announced = dict[str, frozenset[Commitments]]
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Observation:
    """``open`` are not committed yet; ``lost`` are committed, but Vault has no metadata of them any more.

    ``moved`` says where Git names another path than the one that a secret was handed over to; ``unrecorded`` are
    versions that an interrupted `set` wrote.
    """

    moved: tuple[PreconditionError, ...]
    open: tuple[Secret, ...]
    lost: tuple[Secret, ...]
    foreign: tuple[Secret, ...]
    unrecorded: tuple[Fact, ...] = ()


class HandoverSecrets:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        ledger = self.world.ledger.read()
        committed, announced = named(ledger, RecordType.COMMIT), announced_by(ledger)
        secrets = self.world.intent.handovers
        present = dict(
            zip(
                (s.name for s in secrets),
                self._each(lambda s: is_written(self.world, s), secrets),
                strict=True,
            )
        )
        steps = {
            s.name: next_step(
                SecretState(
                    written=present[s.name],
                    announced=announced.get(s.name, frozenset()),
                    committed=s.name in committed,
                )
            )
            for s in secrets
        }
        return Observation(
            moved=tuple(moved(self.world, committed)),
            open=tuple(s for s in secrets if s.name not in committed),
            lost=tuple(s for s in secrets if steps[s.name] is Next.LOST),
            foreign=tuple(s for s in secrets if steps[s.name] is Next.CONFLICT),
            unrecorded=written_unrecorded(self.world, ledger),
        )

    def decide(self, seen: Observation) -> Decision:
        if seen.moved:
            return Blocked(seen.moved[0])
        if seen.lost:
            return Blocked(
                EvidenceError(
                    f"{', '.join(s.name for s in seen.lost)}: handed over, and gone from Vault",
                    code="E_VALUE_LOST",
                    where=kv(seen.lost[0].in_vault),
                    hint="restore Vault's own snapshot; the value in Git is no longer authoritative",
                )
            )
        if seen.foreign:
            return Blocked(conflict(seen.foreign[0], "a version that no intent of ours explains"))
        if seen.open:
            summary = f"hand {len(seen.open)} secrets over to Vault"
            return Act(
                summary, tuple(f"{s.name} to secret/{s.path}, renew {s.handover.renew}" for s in seen.open)
            )
        if seen.unrecorded:
            those = tuple(
                f"record version {f.details['version']} of {f.details['secret']}" for f in seen.unrecorded
            )
            return Act(f"record {len(those)} changed values that an interrupted `set` wrote", those)
        return Satisfied(f"Vault is authoritative for {len(self.world.intent.handovers)} secrets")

    def act(self, seen: Observation) -> None:
        self.world.ledger.append(seen.unrecorded)
        for start in range(0, len(seen.open), BATCH):
            self._batch(seen.open[start : start + BATCH])

    def _batch(self, secrets: tuple[Secret, ...]) -> None:
        world, place = self.world, here(self.world)
        announced = announced_by(world.ledger.read())
        versions = self._each(lambda s: read_version_one(world, s, place), secrets)
        found = dict(zip((s.name for s in secrets), versions, strict=True))
        fresh = [planned_copy(world, s, place) for s in secrets if found[s.name] is None]
        facts = {c.secret.name: c.intent(world, place) for c in fresh}
        world.ledger.append(
            [facts[c.secret.name] for c in fresh if self._step(c, announced, written=False) is Next.INTEND]
        )
        copies = self._each(lambda c: copy_into_vault(world, c, place), fresh)
        adopted = [
            self._ours(s, version, announced) for s in secrets if (version := found[s.name]) is not None
        ]
        facts |= {c.secret.name: c.intent(world, place) for c in adopted}
        # In the catalog's order, so that the same run writes the same ledger.
        done = {c.secret.name: c for c in (*copies, *adopted)}
        world.ledger.append([done[s.name].commit(facts[s.name]) for s in secrets])
        world.narrator.event(
            "handover", message=f"{len(secrets)} secrets: Vault is authoritative", count=len(secrets)
        )

    def _ours(self, secret: Secret, version: Copy, announced: Announced) -> Copy:
        """A version 1 whose answer was lost is ours if one of our INTENT records announced it."""
        if self._step(version, announced, written=True) is not Next.COMMIT:
            raise conflict(secret, "a version 1 that no intent of ours announced")
        return version

    def _step(self, copy: Copy, announced: Announced, *, written: bool) -> Next:
        earlier = announced.get(copy.secret.name, frozenset())
        own = copy.commitment_set
        return next_step(SecretState(written=written, announced=earlier, version=own, planned=own))

    def _each(self, work: Callable[[A], B], items: Iterable[A]) -> list[B]:
        self.world.session.token()  # one login before the threads share it
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(work, items))


def announced_by(ledger: Ledger) -> Announced:
    """Secret name to what its INTENT records announced."""
    found: dict[str, frozenset[Commitments]] = {}
    for record in ledger.current:
        fact = record.fact
        if fact.type is RecordType.INTENT and fact.of_handover and fact.secret:
            commitments = frozenset(fact.commitments.items())
            found[fact.secret.name] = found.get(fact.secret.name, frozenset()) | {commitments}
    return found
