"""The explicit, one-time handover of each secret's authority to Vault (H1-H5).

For a batch: durable INTENT records with the commitments of what will be written, then per secret the
metadata, one ``cas: 0`` write, a read-back of version 1 from the active node and a constant-time comparison,
then COMMIT records. A version that is there already is ours only if one of our INTENT records announced it.
"""

from dataclasses import dataclass

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import EvidenceError, PreconditionError
from bootstrap.model.handover import Next, SecretState, next_step
from bootstrap.model.names import kv
from bootstrap.model.plan import Step
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.handing_over import HandingOver, announced_by
from bootstrap.steps.secrets.immutable_fields import moved
from bootstrap.steps.secrets.next_version import written_unrecorded
from bootstrap.steps.secrets.transfer import conflict
from bootstrap.steps.secrets.written import written


@dataclass(frozen=True, slots=True)
class Observation:
    """``open`` are not committed yet; ``lost`` are committed, but Vault has no version of them any more. ``present``
    are names of those that have one.

    ``moved`` says where Git names another path than the one that a secret was handed over to; ``unrecorded`` are
    versions that an interrupted `set` wrote.
    """

    moved: tuple[PreconditionError, ...]
    open: tuple[Secret, ...]
    lost: tuple[Secret, ...]
    foreign: tuple[Secret, ...]
    present: frozenset[str] = frozenset()
    unrecorded: tuple[Fact, ...] = ()


class HandoverSecrets:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        ledger = self.world.ledger.read()
        committed, announced = named(ledger, RecordType.COMMIT), announced_by(ledger)
        secrets = self.world.intent.handovers
        present = written(self.world, secrets, committed)
        steps = {
            s.name: next_step(
                SecretState(
                    written=s.name in present,
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
            present=present,
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
        HandingOver(self.world, seen.present).run(seen.open)
        if seen.open:
            self.world.narrator.event(
                "handover", message=f"{len(seen.open)} secrets: Vault is authoritative", count=len(seen.open)
            )
