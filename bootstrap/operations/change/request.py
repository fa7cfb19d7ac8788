"""What `bootstrap set` is asked to do, judged before anything is changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bootstrap.engine.record import FINISHED, RUN, SETTING, RunRecord
from bootstrap.intent.rules.types import judge_opened
from bootstrap.intent.values import refuse_unfit, source_bytes, vault_string
from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import Intent, Secret, SecretClass
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.suggest import closest
from bootstrap.steps.context.environment import environment_of, mismatch
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.immutable_fields import moved
from bootstrap.steps.secrets.values import root_needed

LONGEST_REASON = 500  # characters
GIVE_VALUE = "give the value on a descriptor (--value fd:3 3< FILE) or on standard input (--value -)"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewValue:
    """``field`` is empty where the secret's only one is meant; ``value`` are the bytes as they were given."""

    secret: Secret
    field: str
    value: Sensitive
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    secret: Secret
    version: int
    reason: str


def find_secret(intent: Intent, name: str) -> Secret:
    """The entry of that name, which Git introduces. DefinitionError E_SECRET_UNKNOWN; E_NOT_HANDED_OVER for others."""
    found = next((s for s in intent.secrets if s.name == name), None)
    if found is None:
        raise _unknown(intent, name)
    if not found.handed_over:
        raise PreconditionError(
            f"{name} is not handed over by Git: {_whose(found)}",
            code="E_NOT_HANDED_OVER",
            where=found.where,
            hint=_instead(found),
        )
    return found


def _unknown(intent: Intent, name: str) -> DefinitionError:
    entry = next((e for e in intent.internals if e.name == name), None)
    if entry is not None:
        return DefinitionError(
            f"{name} is an {entry.kind}: its value is made in the cluster and published from there",
            code="E_SECRET_UNKNOWN",
            where=entry.where,
            hint=f"change Secret {entry.source.namespace}/{entry.source.secret}, by what makes it",
        )
    names = [s.name for s in intent.handovers]
    near = closest(name, names)
    return DefinitionError(
        f"there is no secret {name!r} in the catalog",
        code="E_SECRET_UNKNOWN",
        where="secrets/",
        hint=f"did you mean {near}?" if near else f"the catalog has {', '.join(sorted(names)) or 'none'}",
    )


def _whose(secret: Secret) -> str:
    if secret.secret_class is SecretClass.ROOT_MATERIAL:
        return "it is root material, which Vault never holds"
    if secret.secret_class is SecretClass.DERIVED:
        return "infrastructure writes it (class derived)"
    return "its entry has no source"


def _instead(secret: Secret) -> str:
    if secret.secret_class is SecretClass.ROOT_MATERIAL:
        return "`bootstrap keygen` makes it"
    if secret.secret_class is SecretClass.DERIVED:
        return "change it where it is made"
    return "give the entry a source, commit, and `bootstrap up`"


def refuse_reason(reason: str, value: Sensitive | None) -> None:
    """It is kept in the ledger, in the open: one line of text, and never the value. DefinitionError E_REASON."""
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        why = f"the reason is to be one line of 1 to {LONGEST_REASON} printable characters"
    elif value is not None and value.occurs_in(reason):
        why = "the reason holds the value: it is kept in the ledger, in the open"
    else:
        return
    raise DefinitionError(
        why, code="E_REASON", where="--reason", hint="say why, in a few words, without the value"
    )


def refuse_unready(world: World, secret: Secret, run: RunRecord | None) -> None:
    """What must hold of the cluster: its environment, a finished `up`, and the handover of this secret.

    PreconditionError E_ROOT_NEEDED, E_ENVIRONMENT, E_NOT_HANDED_OVER, E_RUN_UNFINISHED, E_PATH_MOVED.
    """
    if world.files is None:
        raise root_needed()
    wrong = mismatch(environment_of(world.cluster), world.plan.environment) if run else None
    if wrong is not None:
        raise wrong
    committed = named(world.ledger.read(), RecordType.COMMIT)
    if secret.name not in committed:
        raise PreconditionError(
            f"{secret.name} is not handed over yet: Git's value counts",
            code="E_NOT_HANDED_OVER",
            where=secret.where,
            hint="`bootstrap up` hands it over; before, change the encrypted file and commit it",
        )
    if run is None or run.state not in (FINISHED, SETTING):
        raise PreconditionError(
            f"run {run.epoch} is {run.state}" if run else "the run record is lost",
            code="E_RUN_UNFINISHED",
            where=str(RUN),
            hint="`bootstrap up` ends it; then set the value",
        )
    for error in moved(world, {secret.name: committed[secret.name]}):
        raise error


def field_of(secret: Secret, fields: Collection[str], wanted: str) -> str:
    """The field that is meant. DefinitionError E_FIELD names those that Vault holds."""
    listed = ", ".join(sorted(fields))
    if not wanted and len(fields) == 1:
        return next(iter(fields))
    if wanted in fields:
        return wanted
    near = closest(wanted, fields) if wanted else ""
    why = f"{secret.name} has no field {wanted!r}" if wanted else f"{secret.name} has several fields"
    raise DefinitionError(
        f"{why}; in Vault it has {listed}",
        code="E_FIELD",
        where=secret.where,
        hint=f"did you mean --field {near}?" if near else "name one of them: --field FIELD",
    )


def next_values(request: NewValue, held: Mapping[str, Sensitive]) -> dict[str, Sensitive]:
    """All fields of the next version, as Vault holds them: the one that is changed, and the others as they are.

    Judged as its handover judges what Git introduces: E_EMPTY, E_BINARY, E_SIZE, E_TYPE_FIELDS.
    """
    secret = request.secret
    field = field_of(secret, held, request.field)
    refuse_unfit(secret, {field: request.value}, GIVE_VALUE)
    found = {**held, field: vault_string(secret, field, request.value)}
    for finding in judge_opened(secret, _bytes(secret, found)):
        raise DefinitionError(finding.message, code=finding.id, where=finding.where, hint=finding.hint)
    refuse_unfit(secret, _bytes(secret, found), GIVE_VALUE)
    return found


def _bytes(secret: Secret, held: Mapping[str, Sensitive]) -> dict[str, Sensitive]:
    try:
        return {name: source_bytes(secret, name, value) for name, value in held.items()}
    except ValueError:
        raise PreconditionError(
            f"{secret.name}: a field in Vault is not base64, which source.encoding says it is",
            code="E_B64",
            where=secret.where,
            hint="name the field with --field, and set each that is not",
        ) from None
