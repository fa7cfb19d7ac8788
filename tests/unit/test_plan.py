"""G5: the plan is a pure function of commit and tool, and says what each step will do."""

import json
from dataclasses import replace
from typing import get_args

from bootstrap.engine.loader import load_phases, phase_files
from bootstrap.engine.plan import make_plan
from bootstrap.engine.plan_schema import Run
from bootstrap.engine.record import STATES
from bootstrap.steps.registry import KINDS
from tests.support.small_intent import an_intent


def test_the_document_says_what_the_intent_says() -> None:
    document = make_plan(load_phases(phase_files(), KINDS), an_intent(), "0.1.0").document
    assert (document["commit"], document["tree"], document["tool"]) == ("c" * 40, "d" * 40, "0.1.0")
    assert [secret["name"] for secret in document["secrets"]] == ["alpha", "zeta"]
    assert document["secrets"][0]["source"]["blob"] == "e" * 40
    assert document["secrets"][1]["renew"] == "generate"
    assert document["scaffolds"] == [{"namespace": "gitops", "name": "alpha-bootstrap", "from": "alpha"}]
    assert document["derived"] == [
        {
            "kind": "ExternalSecret",
            "namespace": "demo",
            "name": "database",
            "path": "platform-data/postgres/demo",
        },
        {"kind": "ExternalSecret", "namespace": "demo", "name": "zeta", "path": "applications/demo/zeta"},
        {
            "kind": "PushSecret",
            "namespace": "postgres",
            "name": "database",
            "path": "platform-data/postgres/demo",
        },
    ]
    assert [item["name"] for item in document["namespaces"]] == ["demo", "postgres"]


def test_the_document_is_plain_json() -> None:
    plan = make_plan(load_phases(phase_files(), KINDS), an_intent(), "0.1.0")
    assert json.loads(plan.canonical()) == plan.document


def test_the_order_of_the_catalog_does_not_change_the_digest() -> None:
    phases, intent = load_phases(phase_files(), KINDS), an_intent()
    turned = replace(intent, secrets=tuple(reversed(intent.secrets)))
    assert make_plan(phases, intent, "0").digest == make_plan(phases, turned, "0").digest


def test_anything_that_matters_changes_the_digest() -> None:
    phases, intent = load_phases(phase_files(), KINDS), an_intent()
    digests = {
        make_plan(phases, intent, "0").digest,
        make_plan(phases, intent, "1").digest,
        make_plan(phases[:-1], intent, "0").digest,
        make_plan(phases, replace(intent, commit="f" * 40), "0").digest,
        make_plan(phases, replace(intent, blobs={}), "0").digest,
        make_plan(phases, replace(intent, secrets=intent.secrets[:1]), "0").digest,
    }
    assert len(digests) == 6


def test_each_state_of_a_run_has_its_word_in_the_published_schema() -> None:
    (named,) = (get_args(field.annotation) for name, field in Run.model_fields.items() if name == "state")
    assert sorted(named) == sorted(("none", *STATES))
