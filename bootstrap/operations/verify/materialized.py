"""What a materialized Secret should hold by what Vault holds, and what it does hold (INV3, INV5).

Compared in constant time, field by field; neither the operator nor its status is asked.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.external_secret_objects import external_secrets, published
from bootstrap.steps.secrets.versions import Held, held

LAG = timedelta(minutes=10)  # twice REFRESH: what a consumer may lag behind a new version
Values = Mapping[str, Sensitive]

# What a GitOps controller, or a person with kubectl, leaves on an object that it applies from a file.
APPLIED_BY = {
    "kustomize.toolkit.fluxcd.io/name": "a Flux Kustomization",
    "helm.toolkit.fluxcd.io/name": "a Flux HelmRelease",
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "meta.helm.sh/release-name": "Helm",
    "kubectl.kubernetes.io/last-applied-configuration": "kubectl apply",
}


def external_of(world: World) -> Iterator[Object]:
    """Every ExternalSecret that the catalog derives."""
    yield from external_secrets(world.intent)
    for _, _, readers in published(world.intent):
        yield from readers


def target_of(obj: Object) -> Ref:
    return Ref("v1", "Secret", obj["spec"]["target"]["name"], obj["metadata"]["namespace"])


def path_of(obj: Object) -> str:
    """The one path that an ExternalSecret of ours reads."""
    spec = obj["spec"]
    found = spec["dataFrom"][0]["extract"] if "dataFrom" in spec else spec["data"][0]["remoteRef"]
    return str(found["key"])


def expected(obj: Object, version: Values) -> Values | None:
    """Key to value; None where Vault's version has not what the ExternalSecret asks for."""
    spec = obj["spec"]
    if "dataFrom" in spec:
        strategy = spec["dataFrom"][0]["extract"]["decodingStrategy"]
        wanted = {name: (name, strategy) for name in version}
    else:
        wanted = {
            each["secretKey"]: (each["remoteRef"]["property"], each["remoteRef"]["decodingStrategy"])
            for each in spec["data"]
        }
    try:
        return {
            key: version[name].from_base64() if strategy == "Base64" else version[name]
            for key, (name, strategy) in wanted.items()
        }
    except (KeyError, ValueError):
        return None


def stale(world: World, obj: Object, now: Held) -> str:
    """How the Secret of ``obj`` is other than Vault's current version; empty where it is the same."""
    ref = target_of(obj)
    live = world.cluster.get(ref)
    if live is None:
        return "is not there"
    data: Values = live.get("data") or {}
    wanted = expected(obj, now.values)
    if wanted is None:
        return f"asks for what version {now.version} does not have"
    if data == wanted:
        return ""
    older = _older(world, obj, data, now.version)
    if older:
        return f"holds version {older}, Vault has {now.version}"
    other = sorted({*data} ^ {*wanted} | {key for key in {*data} & {*wanted} if data[key] != wanted[key]})
    return f"is not what Vault holds: {', '.join(other)}"


def _older(world: World, obj: Object, data: Values, current: int) -> int:
    """The version before the current one, if that is what is held; an earlier one where each since is fresh; else 0."""
    while current > 1:
        before = held(world, path_of(obj), current - 1)
        if before is None:
            break
        if expected(obj, before.values) == data:
            return before.version
        current = before.version if is_fresh(world, before) else 0
    return 0


def is_fresh(world: World, now: Held) -> bool:
    """Whether Vault has this version for so short a time that the operator may not have looked yet."""
    return now.version > 1 and now.since is not None and world.cluster.server_time() - now.since < LAG


def applied_by(live: Object) -> str:
    """What else applies this object from a file of its own; empty where nothing does."""
    meta = live["metadata"]
    marks = {*(meta.get("labels") or {}), *(meta.get("annotations") or {})}
    return ", ".join(sorted({who for mark, who in APPLIED_BY.items() if mark in marks}))
