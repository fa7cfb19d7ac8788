"""One object in two manifests: the same twice is harmless, two that differ would be applied one over the other."""

import pytest

from bootstrap.intent.load import examine
from bootstrap.intent.rules.manifests import judge
from tests.support.intent_fake import changed

FOLDER = "manifests/external-secrets"
ROLE = "apiVersion: {}\nkind: {}\nmetadata: {{name: {}, namespace: {}, labels: {{a: {}}}}}\n"
RBAC = "rbac.authorization.k8s.io"


def found(one: str, other: str, where: str = FOLDER) -> list[tuple[str, str]]:
    intent, _ = examine(changed({f"{FOLDER}/one.yaml": one, f"{where}/two.yaml": other}))
    assert intent is not None
    return [(each.id, each.where) for each in judge(intent)]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_two_that_differ_are_an_error_also_under_another_version_of_their_group(version: str) -> None:
    one = ROLE.format(f"{RBAC}/v1", "Role", "x", "n", "b")
    other = ROLE.format(f"{RBAC}/{version}", "Role", "x", "n", "c")
    assert found(one, other) == [("E_MANIFEST_TWICE", f"{FOLDER}/two.yaml")]
    assert found(f"{one}---\n{other}", "") == [("E_MANIFEST_TWICE", f"{FOLDER}/one.yaml")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("v1", "Secret", "x", "n", "b"), ("v1", "Secret", "x", "n", "b")),
        (("v1", "Secret", "x", "n", "b"), ("v1", "Secret", "x", "m", "c")),
        (("v1", "Secret", "x", "n", "b"), ("v1", "Secret", "y", "n", "c")),
        (("v1", "Service", "x", "n", "b"), ("serving.knative.dev/v1", "Service", "x", "n", "c")),
    ],
)
def test_the_same_twice_and_two_of_one_name_are_none(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert found(ROLE.format(*one), ROLE.format(*other)) == []


def test_what_up_does_not_apply_is_not_compared() -> None:
    one, other = (ROLE.format("v1", "Secret", "x", "n", label) for label in "bc")
    assert found(one, other, "elsewhere") == []
