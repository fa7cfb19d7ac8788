"""What a refused call means: a race is left for the next look, anything else is an error that names the object."""

import pytest

from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.ports import Answer, Reason, Ref, Refused
from bootstrap.steps.context.outcome import expect, granted

REF = Ref("v1", "ConfigMap", "a", "b")


def test_what_was_applied_is_handed_on() -> None:
    assert expect({"kind": "ConfigMap"}, REF) == {"kind": "ConfigMap"}
    assert expect(None, REF) is None


@pytest.mark.parametrize("reason", [Reason.EXISTS, Reason.CONFLICT, Reason.NOT_FOUND])
def test_another_that_was_faster_is_left_for_the_next_look(reason: Reason) -> None:
    assert expect(Refused(reason), REF) is None


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.EXISTS, Reason.CONFLICT, Reason.NOT_FOUND}))
def test_any_other_refusal_is_an_error_of_its_own(reason: Reason) -> None:
    with pytest.raises(WorldError if reason is not Reason.FORBIDDEN else PreconditionError) as caught:
        expect(Refused(reason, "why"), REF)
    codes = {Reason.FORBIDDEN: "E_RBAC", Reason.FIELD_CONFLICT: "E_FIELD_OWNER"}
    assert caught.value.code == codes.get(reason, "E_REFUSED")
    assert (caught.value.where, "why" in caught.value.message) == (str(REF), True)


def test_vault_s_refusal_is_never_taken_for_a_yes() -> None:
    yes = Answer(status=200, data={})
    assert granted(yes, "sys/mounts") is yes
    with pytest.raises(WorldError, match="sys/mounts: Vault answered 400: no; never") as caught:
        granted(Answer(status=400, data={}, errors=("no", "never")), "sys/mounts")
    assert (caught.value.code, caught.value.where) == ("E_VAULT_REFUSED", "sys/mounts")
    with pytest.raises(WorldError, match=r"Vault answered 404$"):
        granted(Answer(status=404, data={}), "sys/mounts")
