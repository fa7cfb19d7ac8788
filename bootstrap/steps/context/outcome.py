"""What to do with a call that was refused: an object that is there already is left for the next look."""

from typing import TypeVar

from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.ports import Answer, Reason, Ref, Refused
from bootstrap.steps.context.health import kubectl

T = TypeVar("T")


def being_deleted(namespace: Ref) -> PreconditionError:
    """E_NAME_TAKEN of a namespace that goes: nothing can be made in it, and what is in it tells nothing."""
    return PreconditionError(
        f"namespace {namespace.name} is being deleted",
        code="E_NAME_TAKEN",
        where=str(namespace),
        hint=f"wait until {kubectl('get', namespace)} finds nothing, then `bootstrap up`",
    )


def expect(result: T | Refused, ref: Ref) -> T | None:
    """The result, or None where another writer was faster (the step looks again). WorldError otherwise."""
    if not isinstance(result, Refused):
        return result
    if result.reason in (Reason.EXISTS, Reason.CONFLICT, Reason.NOT_FOUND):
        return None
    if result.reason is Reason.FORBIDDEN:
        raise PreconditionError(
            f"not allowed: {result.detail}",
            code="E_RBAC",
            where=str(ref),
            hint="`bootstrap doctor` lists what is missing",
        )
    if result.reason is Reason.FIELD_CONFLICT:
        raise WorldError(
            f"fields are {result.reason}: {result.detail}",
            code="E_FIELD_OWNER",
            where=str(ref),
            hint=f"{kubectl('get', ref, '-o yaml --show-managed-fields')} shows who; "
            "where the declared value is put back, nothing conflicts any more",
        )
    raise WorldError(
        f"{result.reason}: {result.detail}", code="E_REFUSED", where=str(ref), hint="`bootstrap status`"
    )


def granted(answer: Answer, what: str) -> Answer:
    """The answer itself when Vault granted it; WorldError with Vault's own words otherwise."""
    if answer.ok:
        return answer
    raise WorldError(
        f"{what}: Vault answered {answer.status}"
        + (": " + "; ".join(answer.errors) if answer.errors else ""),
        code="E_VAULT_REFUSED",
        where=what,
        hint="`bootstrap status` shows Vault's state; `bootstrap up` looks again",
    )
