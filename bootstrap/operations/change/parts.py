"""The parts of `bootstrap set`, kinds like those of `up`: the value itself, and then what its consumers hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from bootstrap.ledger.record import Fact
from bootstrap.ledger.versions import REASON, VERSION, announced, explained
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import DecisionNeeded, DefinitionError, EvidenceError, WorldError
from bootstrap.model.names import kv
from bootstrap.model.plan import Step
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.value_change import ValueState, ValueStep, next_value_step
from bootstrap.operations.change.request import Adoption, NewValue, next_values
from bootstrap.operations.verify.materialized import stale, target_of
from bootstrap.ports import Object
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import SECRET_ANNOTATION
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.consumers import look_again
from bootstrap.steps.secrets.external_secret_objects import REFRESH, external_secrets
from bootstrap.steps.secrets.next_version import adoption, intention, write_next, written_unrecorded
from bootstrap.steps.secrets.versions import Held, current_version, held

SERVED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Versions:
    """``values`` are those of the next version, ``unrecorded`` what an interrupted change wrote."""

    current: int
    now: Held | None
    explained: bool
    values: Mapping[str, Sensitive]
    unrecorded: tuple[Fact, ...]


class ValueSet:
    """The newest version of the secret holds the value, and a record says so."""

    def __init__(self, step: Step, world: World, request: NewValue) -> None:
        self.world, self.request, self.secret = world, request, request.secret

    def observe(self) -> Versions:
        world, secret = self.world, self.secret
        ledger = world.ledger.read()
        version, now = current_version(world, secret.in_vault), held(world, secret.in_vault)
        return Versions(
            current=version,
            now=now,
            explained=version in explained(ledger)[secret.name],
            values=next_values(self.request, now.values) if now else {},
            unrecorded=written_unrecorded(world, ledger, secret.name),
        )

    def decide(self, seen: Versions) -> Decision:
        secret = self.secret
        match _next(seen):
            case ValueStep.RECORD:
                return Act(f"record what an interrupted change of {secret.name} wrote")
            case ValueStep.WRITE:
                return Act(f"write version {seen.current + 1} of {kv(secret.in_vault)}")
            case ValueStep.DONE:
                return Satisfied(
                    f"version {seen.current} of {kv(secret.in_vault)} holds the value, and is on record"
                )
            case ValueStep.LOST:
                return Blocked(_lost(secret, seen.current))
            case ValueStep.UNEXPLAINED:
                return Blocked(_unexplained(secret, seen.current))

    def act(self, seen: Versions) -> None:
        if seen.unrecorded:
            self.world.ledger.append(seen.unrecorded)
            seen = self.observe()
        if _next(seen) is not ValueStep.WRITE:
            return  # the look that follows says what it is instead
        intent = self._intent(seen)
        fact = write_next(self.world, self.secret, intent, seen.values)
        self.world.ledger.append([fact])

    def _intent(self, seen: Versions) -> Fact:
        """The one on record where this very change was announced before: its outcome was not known."""
        world, version = self.world, seen.current + 1
        wanted = intention(world, self.secret, version, seen.values, self.request.reason)
        for record in announced(world.ledger.read()):
            fact = record.fact
            same = (fact.destination, fact.commitments, fact.details[REASON])
            if same == (wanted.destination, wanted.commitments, wanted.details[REASON]):
                return fact
        world.ledger.append([wanted])
        return wanted


def _next(seen: Versions) -> ValueStep:
    state = ValueState(
        current=seen.current,
        readable=seen.now is not None,
        explained=seen.explained,
        announced=bool(seen.unrecorded),
        equal=seen.now is not None and seen.now.values == seen.values,
    )
    return next_value_step(state)


@dataclass(frozen=True, slots=True)
class Strange:
    current: int
    found: Held | None
    explained: bool
    unrecorded: tuple[Fact, ...]


class VersionAdopted:
    """A record explains a version that another wrote, and commits to what it holds."""

    def __init__(self, step: Step, world: World, request: Adoption) -> None:
        self.world, self.request, self.secret = world, request, request.secret

    def observe(self) -> Strange:
        world, secret, version = self.world, self.secret, self.request.version
        ledger = world.ledger.read()
        return Strange(
            current=current_version(world, secret.in_vault),
            found=held(world, secret.in_vault, version),
            explained=version in explained(ledger)[secret.name],
            unrecorded=written_unrecorded(world, ledger, secret.name),
        )

    def decide(self, seen: Strange) -> Decision:
        secret, version = self.secret, self.request.version
        if seen.explained:
            return Satisfied(f"version {version} of {kv(secret.in_vault)} is on record")
        if not 0 < version <= seen.current:
            return Blocked(_no_version(secret, version, seen.current))
        if seen.unrecorded:
            return Act(f"record what an interrupted change of {secret.name} wrote, and version {version}")
        return Act(f"record version {version} of {kv(secret.in_vault)}, which another wrote")

    def act(self, seen: Strange) -> None:
        world, request, facts = self.world, self.request, seen.unrecorded
        if not any(fact.details[VERSION] == str(request.version) for fact in facts):
            facts += (adoption(world, self.secret, request.version, seen.found, request.reason),)
        world.ledger.append(facts)


@dataclass(frozen=True, slots=True)
class Serving:
    """``late`` are ExternalSecrets whose Secret holds something else than Vault now, and how; ``asked``: they were made
    to look."""

    late: tuple[tuple[Object, str], ...]
    count: int
    asked: bool


class ConsumersServed:
    """Each consumer's Secret holds Vault's version. An operator that is away does not fail the change: it is named."""

    def __init__(self, step: Step, world: World, secret: Secret) -> None:
        self.world, self.secret, self.asked = world, secret, False

    def observe(self) -> Serving:
        now = held(self.world, self.secret.in_vault)
        objects = [o for o in external_secrets(self.world.intent) if _is_of(o, self.secret)]
        late = tuple((o, why) for o in objects if now and (why := self._late(o, now)))
        return Serving(late, len(objects), self.asked)

    def decide(self, seen: Serving) -> Decision:
        late = tuple(f"{target_of(o)} {why}" for o, why in seen.late)
        if late and not seen.asked:
            return Act(f"let the operator look again: {len(late)} of {seen.count} consumers are late", late)
        waits = tuple(f"{each}; the operator looks again within {REFRESH}" for each in late)
        return Satisfied(f"{seen.count - len(late)} of {seen.count} consumers hold it", waits)

    def act(self, seen: Serving) -> None:
        for obj, _ in seen.late:
            if self.world.cluster.get(ref_of(obj)) is not None:  # `up` makes one that is gone
                look_again(self.world, obj)
        self.asked = True
        try:
            self.world.wait(
                f"consumers hold the new value of {self.secret.name}",
                lambda: not self.observe().late,
                seconds=SERVED_SECONDS,
            )
        except WorldError as error:
            if error.code != "E_TIMEOUT":
                raise

    def _late(self, obj: Object, now: Held) -> str:
        """Also where an answer was lost while the operator was made to look: the object is to be as declared again."""
        live = self.world.cluster.get(ref_of(obj))
        asking = live is not None and self.world.cluster.differs(obj)
        return stale(self.world, obj, now) or ("is not asked for as declared" if asking else "")


def _is_of(obj: Object, secret: Secret) -> bool:
    return bool(obj["metadata"]["annotations"][SECRET_ANNOTATION] == secret.name)


def _lost(secret: Secret, version: int) -> EvidenceError:
    what = (
        f"version {version}, the newest, is deleted or destroyed"
        if version
        else "handed over, and gone from Vault"
    )
    return EvidenceError(
        f"{secret.name}: {what}",
        code="E_VALUE_LOST",
        where=kv(secret.in_vault),
        hint="undelete it in Vault, or restore Vault's own snapshot; Vault's audit log says who deleted it",
    )


def _unexplained(secret: Secret, version: int) -> DecisionNeeded:
    return DecisionNeeded(
        f"{secret.name}: version {version}, the newest, has no record: another wrote it; nothing was written",
        code="E_VERSION_UNEXPLAINED",
        where=kv(secret.in_vault),
        hint="find out who wrote it (Vault's audit log), then "
        f"`bootstrap set {secret.name} --adopt {version} --reason TEXT`; after that a value can be set",
    )


def _no_version(secret: Secret, version: int, newest: int) -> DefinitionError:
    return DefinitionError(
        f"{secret.name} has no version {version}; the newest is {newest}",
        code="E_NO_VERSION",
        where=kv(secret.in_vault),
        hint="`bootstrap verify` names versions without a record",
    )
