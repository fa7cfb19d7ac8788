"""What a consumer says of its Secret stands in the ExternalSecret's target, and nothing where it says nothing."""

from typing import Any

import pytest

from bootstrap.intent.load import load_intent
from bootstrap.steps.secrets.external_secret_objects import external_secrets
from tests.support.intent_fake import SECRET, changed

BASE = {"name": "web-session", "creationPolicy": "Owner", "deletionPolicy": "Retain"}
MARKS = 'labels: {app: web}, annotations: {"a.io/b": "true"}'
TEMPLATE = {"metadata": {"labels": {"app": "web"}, "annotations": {"a.io/b": "true"}}}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", {}),
        ("immutable: true", {"immutable": True}),
        (MARKS, {"template": TEMPLATE}),
        ("labels: {app: web}", {"template": {"metadata": {"labels": {"app": "web"}}}}),
        ("type: example.org/x", {"template": {"type": "example.org/x"}}),
        (f"type: example.org/x, {MARKS}", {"template": {"type": "example.org/x", **TEMPLATE}}),
    ],
)
def test_type_and_marks_of_the_secret(more: str, expected: dict[str, Any]) -> None:
    entry = SECRET.replace(
        "workload: Deployment/web", f"workload: Deployment/web{', ' if more else ''}{more}"
    )
    intent = load_intent(changed({"secrets/web.yaml": entry}))
    (target,) = [
        each["spec"]["target"]
        for each in external_secrets(intent)
        if each["spec"]["target"]["name"] == "web-session"
    ]
    assert target == BASE | expected
