"""What admission refuses of bootstrap copies: a return of each, and new content of those that were emptied (H3)."""

from dataclasses import replace

from bootstrap.model.catalog import RetireMode, Secret
from bootstrap.ports import Object
from bootstrap.steps.secrets.admission import admission_policy
from tests.support.small_intent import an_intent

COPIED = an_intent().secrets[1]


def retired(*modes: RetireMode) -> tuple[Secret, ...]:
    assert COPIED.scaffold is not None
    return tuple(
        replace(
            COPIED,
            scaffold=replace(COPIED.scaffold, name=mode.value),
            handover=replace(COPIED.handover, retire=mode),
        )
        for mode in modes
    )


def said(policy: Object) -> tuple[list[str], list[str]]:
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    return rule["operations"], [each["expression"] for each in policy["spec"]["validations"]]


def test_h3_the_return_of_each_is_refused() -> None:
    policy, _ = admission_policy(retired(RetireMode.DELETED, RetireMode.IGNORED))
    named = f"['gitops/{RetireMode.DELETED.value}', 'gitops/{RetireMode.IGNORED.value}']"
    assert said(policy) == (
        ["CREATE"],
        [f"request.operation != 'CREATE' || !((request.namespace + '/' + request.name) in {named})"],
    )


def test_h3_new_content_is_refused_of_those_that_were_emptied_alone() -> None:
    policy, _ = admission_policy(retired(RetireMode.DELETED, RetireMode.INERT))
    operations, (create, update) = said(policy)
    assert operations == ["CREATE", "UPDATE"]
    assert RetireMode.DELETED.value in create
    assert RetireMode.INERT.value in create
    assert f"['gitops/{RetireMode.INERT.value}']" in update
    assert "size(object.data) == 0" in update


def test_h3_what_has_no_copy_is_not_named() -> None:
    bare = replace(COPIED, scaffold=None)
    policy, _ = admission_policy((bare, *retired(RetireMode.DELETED)))
    assert said(policy)[1][0].count("gitops/") == 1
