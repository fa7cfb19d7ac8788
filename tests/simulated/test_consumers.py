"""Whether consumers are served from Vault, and what still holds on to a bootstrap copy (H3, INV5)."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.catalog import Consumer, Intent, SecretClass
from bootstrap.ports import Answer, Object, Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.consumers import ASKING, holders, look_again, unready, unwritten
from bootstrap.steps.secrets.external_secret_objects import external_secrets
from bootstrap.steps.secrets.trusting import behind
from bootstrap.steps.secrets.vault_backend import STORE_REF, store_object
from bootstrap.steps.vault.snapshot_objects import SETTINGS
from tests.simulator.platform import SimulatedPlatform
from tests.support.small_intent import an_intent

READS = Ref("v1", "Secret", "zeta", "demo")
COPIED = an_intent().secrets[1]


NONE = Answer(status=404, data={})


def world(*live: Object, answers: Callable[[str], Answer] = lambda _: NONE, **more: Any) -> World:
    found = {ref_of(obj): obj for obj in live}
    cluster = SimpleNamespace(
        get=found.get,
        list=lambda api, kind, namespace: [
            o for r, o in found.items() if (r.kind, r.namespace) == (kind, namespace)
        ],
    )
    session = SimpleNamespace(read=answers)
    return cast(
        "World", SimpleNamespace(cluster=cluster, session=session, **({"intent": an_intent()} | more))
    )


def made(ref: Ref, **more: Any) -> Object:
    return {
        "apiVersion": ref.api,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        **more,
    }


# ---------------------------------------------------------------- ready


@pytest.mark.parametrize(
    ("workload", "status", "why"),
    [
        (None, None, ()),
        ("Deployment/web", None, ()),
        ("Deployment/web", {"availableReplicas": 1, "updatedReplicas": 1}, ()),
        ("Deployment/web", {}, ("Deployment demo/web is not ready",)),
        ("CronJob/web", {}, ()),
    ],
)
def test_h3_a_consumer_is_served_once_its_workload_is_ready(
    workload: str | None, status: Object | None, why: tuple[str, ...]
) -> None:
    secret = replace(
        an_intent().secrets[0], consumers=(Consumer(namespace="demo", secret="zeta", workload=workload),)
    )
    kind, _, name = (workload or "").partition("/")
    live = [made(Ref("apps/v1", kind, name, "demo"), spec={}, status=status)] if status is not None else []
    assert unready(world(made(READS), *live), secret) == why
    assert unready(world(*live), secret) == ("Secret demo/zeta is not there",)


# ---------------------------------------------------------------- what holds on to a copy

NAME = "alpha-bootstrap"
HOLDING: dict[str, Object] = {
    "volume": {"volumes": [{"name": "v", "secret": {"secretName": NAME}}]},
    "projected volume": {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": NAME}}]}}]},
    "envFrom": {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": NAME}}]}]},
    "env": {"containers": [{"name": "c", "env": [{"valueFrom": {"secretKeyRef": {"name": NAME}}}]}]},
    "init container": {"initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": NAME}}]}]},
}
FREE: dict[str, Object] = {
    "nothing": {"containers": [{"name": "c"}]},
    "another's": {
        "volumes": [{"name": "v", "secret": {"secretName": "other"}}, {"name": "w", "emptyDir": {}}]
    },
    "an image": {"imagePullSecrets": [{"name": NAME}]},
}


def pod(spec: Object, phase: str = "Running", namespace: str = "gitops") -> Object:
    return made(Ref("v1", "Pod", "reader", namespace), spec=spec, status={"phase": phase})


@pytest.mark.parametrize("how", [*HOLDING, *FREE])
def test_h3_a_pod_holds_on_to_what_it_names(how: str) -> None:
    found = holders(world(pod((HOLDING | FREE)[how])), COPIED)
    assert found == (("Pod gitops/reader",) if how in HOLDING else ())


@pytest.mark.parametrize(
    ("phase", "holds"), [("Pending", True), ("Running", True), ("Succeeded", False), ("Failed", False)]
)
def test_h3_one_that_has_ended_holds_nothing(phase: str, holds: bool) -> None:
    assert bool(holders(world(pod(HOLDING["volume"], phase)), COPIED)) is holds
    assert holders(world(pod(HOLDING["volume"], namespace="elsewhere")), COPIED) == ()


# ---------------------------------------------------------------- what waits for a value


def derived(**more: Any) -> Intent:
    intent = an_intent()
    some = replace(
        intent.secrets[0], source=None, secret_class=SecretClass.DERIVED, name="bucket", path="bucket"
    )
    reader = replace(some.consumers[0], secret="bucket")
    return replace(intent, secrets=(*intent.secrets, replace(some, consumers=(reader,), **more)))


BUCKET = Ref("external-secrets.io/v1", "ExternalSecret", "bucket", "demo")
ZETA = Ref("external-secrets.io/v1", "ExternalSecret", "zeta", "demo")


@pytest.mark.parametrize(
    ("secret_class", "by"),
    [
        (SecretClass.DERIVED, "infrastructure writes (class derived)"),
        (SecretClass.RUNTIME, "nobody has written yet"),
    ],
)
def test_inv5_what_git_does_not_introduce_waits_for_its_value(secret_class: SecretClass, by: str) -> None:
    intent = derived(secret_class=secret_class)
    live = [*external_secrets(intent)]
    late = {ref_of(obj) for obj in live}
    assert late == {BUCKET, ZETA}
    assert unwritten(world(*live, intent=intent), late) == {
        BUCKET: f"bucket waits for secret/bucket, which {by}"
    }
    assert unwritten(world(*live, intent=intent), {ZETA}) == {}
    assert unwritten(world(intent=intent), late) == {}, "it is not there, so it waits for nothing"
    there = Answer(status=200, data={"current_version": 1})
    assert unwritten(world(*live, intent=intent, answers=lambda _: there), late) == {}


def test_inv5_the_operator_is_made_to_look_and_nothing_of_that_is_left(platform: SimulatedPlatform) -> None:
    seen: list[Any] = []
    platform.cluster.controllers[:] = [lambda _, verb, obj: seen.append(obj["data"])]
    wanted = {**made(Ref("v1", "ConfigMap", "a", "default")), "data": {}, "spec": {"refreshInterval": "5m"}}
    look_again(platform.world(), wanted)
    live = platform.cluster.get(Ref("v1", "ConfigMap", "a", "default"))
    assert live is not None
    assert live["spec"] == {"refreshInterval": "5m"}
    assert len(seen) == 2
    assert ASKING["refreshInterval"] != "5m"


# ---------------------------------------------------------------- what trusts Vault's CA


@pytest.mark.parametrize("provider", [{}, {"vault": None}, {"vault": {"caBundle": "b2xk"}}])
def test_g7_a_store_that_trusts_another_ca_is_behind(provider: Object, platform: SimulatedPlatform) -> None:
    ours = platform.world()
    found = behind(world(made(STORE_REF, spec={"provider": provider}), intent=ours.intent))
    assert list(found) == [store_object(ours)]


def test_g7_settings_of_the_jobs_change_in_their_ca_alone(platform: SimulatedPlatform) -> None:
    ours = platform.world()
    settings = made(SETTINGS, data={"ca": "old", "more": "kept"})
    settings["metadata"] |= {"labels": {"a": "b"}, "uid": "u"}
    (wanted,) = behind(world(settings, intent=ours.intent))
    (key,) = [name for name, text in wanted["data"].items() if "BEGIN CERTIFICATE" in text]
    assert wanted["metadata"] == {
        "name": SETTINGS.name,
        "namespace": SETTINGS.namespace,
        "labels": {"a": "b"},
    }
    assert {k: v for k, v in wanted["data"].items() if k != key} == {
        k: v for k, v in settings["data"].items() if k != key
    }
    store = made(STORE_REF, spec=store_object(ours)["spec"])
    assert list(behind(world(store, wanted, intent=ours.intent))) == []
    assert list(behind(world(intent=ours.intent))) == []
