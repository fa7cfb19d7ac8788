"""G5: the plan is a pure function of commit and tool, and says what each step will do."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bootstrap.engine.loader import load_phases, phase_files
from bootstrap.engine.plan import make_plan
from bootstrap.model.catalog import (
    BootstrapCopy,
    Consumer,
    ExternalSecrets,
    Handover,
    Intent,
    Internal,
    InternalSource,
    Platform,
    Renew,
    Secret,
    SecretClass,
    Source,
    VaultSpec,
)
from bootstrap.steps.registry import KINDS


def an_intent() -> Intent:
    secrets = (
        Secret(
            name="zeta",
            secret_class=SecretClass.RUNTIME,
            owner="team",
            purpose="a test",
            where="secrets/a.yaml:1",
            source=Source(file="encrypted/z.sops.yaml"),
            path="applications/demo/zeta",
            handover=Handover(renew=Renew.GENERATE),
            consumers=(Consumer(namespace="demo", secret="zeta"),),
        ),
        Secret(
            name="alpha",
            secret_class=SecretClass.BOOTSTRAP,
            owner="team",
            purpose="a test",
            where="secrets/a.yaml:9",
            source=Source(file="encrypted/a.age"),
            path="platform/demo/alpha",
            scaffold=BootstrapCopy(namespace="gitops", name="alpha-bootstrap"),
        ),
    )
    internal = Internal(
        name="database",
        kind="InternalSecret",
        owner="team",
        purpose="a test",
        where="secrets/b.yaml:1",
        source=InternalSource(namespace="postgres", secret="made"),
        path="platform-data/postgres/demo",
        properties={"user": "username"},
        consumers=(Consumer(namespace="demo", secret="database"),),
    )
    return Intent(
        commit="c" * 40,
        tree="d" * 40,
        platform=Platform(
            name="demo",
            where="bootstrap.yaml:1",
            vault=VaultSpec(version="1.21.1", image="docker.io/hashicorp/vault:1.21.1"),
            external_secrets=ExternalSecrets(
                manifests="manifests/external-secrets",
                deployment="external-secrets/external-secrets",
                service_account="external-secrets/external-secrets",
            ),
        ),
        secrets=secrets,
        internals=(internal,),
        keys={},
        manifests={},
        blobs={"encrypted/a.age": "e" * 40},
    )


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


def test_g5_the_environment_does_not_change_one_byte() -> None:
    script = (
        "from tests.unit.test_plan import *;"
        "print(make_plan(load_phases(phase_files(), KINDS), an_intent(), '0').digest)"
    )
    ambient = {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "HOME": "/nonexistent", "VAULT_TOKEN": "x"}
    seen = set()
    for seed, extra in (("0", {}), ("1", ambient), ("2", {"PYTHONUTF8": "0", "LC_ALL": "C"})):
        env = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, **extra}
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, cwd=root, capture_output=True, check=True
        )
        seen.add(done.stdout)
    assert len(seen) == 1
