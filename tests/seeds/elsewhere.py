"""Values of the catalog that lie elsewhere: in other fields, other forms, other kinds, and other paths of Vault."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator

from tests.seeds import objects as made
from tests.seeds.hand import Hand, Object, Seed
from tests.seeds.in_vault import TOKEN

VALUE = "orders-payment-token.token"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
LABELS = {"app": "copied"}


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _noted(obj: Object, notes: dict[str, str]) -> Object:
    obj["metadata"]["annotations"] = notes
    return obj


def _applied(value: str) -> Object:
    """The Secret has another value by now; what was applied first is still written on it."""
    before = made.secret("borrowed", made.STRANGERS, {}) | {"data": {"token": _base64(value)}}
    after = made.secret("borrowed", made.STRANGERS, {"token": "another-one"})
    return _noted(after, {APPLIED: json.dumps(before)})


def _helm(value: str) -> Object:
    """As Helm keeps a release: JSON, compressed, in base64."""
    manifest = f"apiVersion: v1\nkind: Secret\ndata:\n  token: {_base64(value)}\n"
    release = gzip.compress(json.dumps({"name": "app", "manifest": manifest}).encode())
    obj = made.secret(
        "sh.helm.release.v1.app.v1", made.STRANGERS, {"release": base64.b64encode(release).decode()}
    )
    return obj | {"type": "helm.sh/release.v1"}


def _registry(value: str) -> Object:
    auths = {"auths": {"registry.example": {"auth": _base64(f"robot:{value}")}}}
    obj = made.secret("registry", made.STRANGERS, {".dockerconfigjson": json.dumps(auths)})
    return obj | {"type": "kubernetes.io/dockerconfigjson"}


def _template(container: Object, notes: dict[str, str] | None = None) -> Object:
    pod = {
        "containers": [{"name": "app", "image": "example.com/app:1", **container}],
        "restartPolicy": "Always",
    }
    return {"metadata": {"labels": LABELS, "annotations": notes or {}}, "spec": pod}


def _deployment(container: Object, notes: dict[str, str] | None = None) -> Object:
    meta = {"name": "app", "namespace": made.STRANGERS}
    spec = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": _template(container, notes)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def _cron_job(container: Object) -> Object:
    template = _template(container)
    template["spec"]["restartPolicy"] = "Never"
    spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": template}}}
    meta = {"name": "app", "namespace": made.STRANGERS}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": spec}


def _revision(value: str) -> Object:
    """What an earlier template of a StatefulSet said."""
    template = _template({"env": [{"name": "TOKEN", "value": value}]})
    meta = {"name": "app-5c6d", "namespace": made.STRANGERS}
    data = {"spec": {"template": template}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": meta,
        "data": data,
        "revision": 1,
    }


def _map(text: str) -> Object:
    return made.config_map("notes", made.STRANGERS, {"text": text})


PLACES: tuple[tuple[str, str, Callable[[str], Object]], ...] = (
    ("in an annotation", "ConfigMap", lambda v: _noted(_map(""), {"note": f"token {v}"})),
    ("in what kubectl noted when it applied a Secret", "Secret", _applied),
    ("as the name of a key", "Secret", lambda v: made.secret("keys", made.STRANGERS, {v: "x"})),
    ("as base64 of base64", "Secret", lambda v: made.secret("x", made.STRANGERS, {"x": _base64(_base64(v))})),
    ("in a Helm release", "Secret", _helm),
    ("in the login to a registry", "Secret", _registry),
    ("in hexadecimal", "ConfigMap", lambda v: _map(v.encode().hex())),
    ("between hyphens", "ConfigMap", lambda v: _map(f"before-{v}-behind")),
    ("as text of JSON in JSON", "ConfigMap", lambda v: _map(json.dumps(json.dumps({"x": f"a\n{v}\nb"})))),
    ("in a text of a hundred kilobytes", "ConfigMap", lambda v: _map("a line of text\n" * 7000 + v)),
    (
        "in the environment of a Deployment",
        "Deployment",
        lambda v: _deployment({"env": [{"name": "TOKEN", "value": v}]}),
    ),
    ("in an annotation of a Deployment's pods", "Deployment", lambda v: _deployment({}, {"token": v})),
    ("in the arguments of a CronJob", "CronJob", lambda v: _cron_job({"args": [f"--token={v}"]})),
    ("in an earlier template of a controller", "ControllerRevision", _revision),
)


def _planted(place: Callable[[str], Object]) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        hand.create(made.namespace())
        hand.create(place(hand.value(TOKEN, "token")))

    return plant


def _in_clusters() -> Iterator[Seed]:
    for what, kind, place in PLACES:
        yield Seed(
            claim="no-copy",
            what=f"a value lies {what}",
            named=f"{VALUE} in {kind} {made.STRANGERS}/",
            plant=_planted(place),
        )


def _templated(hand: Hand) -> None:
    """An ExternalSecret that asks Vault for nothing of ours, and holds the value itself."""
    hand.stop_operator()
    hand.create(made.namespace())
    obj = made.external("literal", made.STRANGERS, "elsewhere/x")
    obj["spec"]["target"]["template"] = {"data": {"token": hand.value(TOKEN, "token")}}
    hand.create(obj)


def _in_vault(hand: Hand) -> None:
    hand.vault("POST", "secret/data/teams/orders", {"data": {"copied": hand.value(TOKEN, "token")}})


def _old_in_vault(hand: Hand) -> None:
    old = hand.git_value("orders-session-key", "key")
    hand.vault("POST", "secret/data/teams/orders", {"data": {"copied": old}})


def _in_marks(hand: Hand) -> None:
    marks = {"custom_metadata": {"note": hand.value(TOKEN, "token")}}
    hand.vault("POST", "secret/metadata/teams/orders", marks)
    hand.vault("POST", "secret/data/teams/orders", {"data": {"x": "y"}})


SEEDS: tuple[Seed, ...] = (
    *_in_clusters(),
    Seed(
        claim="no-copy",
        what="a value lies in the template of an ExternalSecret",
        named=f"{VALUE} in ExternalSecret {made.STRANGERS}/literal",
        plant=_templated,
    ),
    Seed(
        claim="no-copy",
        what="a value lies at a path of Vault that no entry names",
        named=f"{VALUE} in Vault secret/teams/orders",
        plant=_in_vault,
    ),
    Seed(
        claim="no-copy",
        what="a value lies in the metadata of a path of Vault",
        named=f"{VALUE} in Vault secret/teams/orders",
        plant=_in_marks,
    ),
    Seed(
        claim="no-old-value",
        what="a retired value lies at a path of Vault that no entry names",
        named="orders-session-key.key (an old value) in Vault secret/teams/orders",
        plant=_old_in_vault,
    ),
)
