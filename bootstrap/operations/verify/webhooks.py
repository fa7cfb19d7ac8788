"""Webhooks that change a Secret, or what the operator reads, as it is written: who answers them is a writer (INV6)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from bootstrap.intent.manifests import committed_objects
from bootstrap.ports import Ref
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.external_secret_objects import external_secrets, published

KIND: Final = ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")
_WATCHED: Final = {
    "": {"secrets"},
    "external-secrets.io": {"externalsecrets", "pushsecrets", "clustersecretstores"},
}
_ALL: Final = {"*", "*/*"}
_WRITING: Final = {"CREATE", "UPDATE", "*"}


def undeclared(world: World, people: Collection[str]) -> Iterator[str]:
    """Each with where it is answered. One whose configuration lies in the commit is declared, and so is one that is
    answered where a declared account lies."""
    homes = {who.removeprefix("ServiceAccount ").partition("/")[0] for who in people if "/" in who}
    committed = set(_committed(world))
    labels = [*_labels(world)]
    for obj in world.cluster.list(*KIND):
        name = obj["metadata"]["name"]
        for hook in obj.get("webhooks") or ():
            place = _place(hook)
            if not _meets(hook, labels) or (name, place) in committed or place.partition("/")[0] in homes:
                continue
            yield f"MutatingWebhookConfiguration {name} (answered at {place})"


def _place(hook: Mapping[str, Any]) -> str:
    client = hook.get("clientConfig") or {}
    service = client.get("service") or {}
    return f"{service.get('namespace')}/{service.get('name')}" if service else str(client.get("url") or "")


def _meets(hook: Mapping[str, Any], namespaces: list[Mapping[str, str]]) -> bool:
    """Whether it is asked about one of ours. What an object or a condition says besides is not looked at."""
    rules = hook.get("rules") or ()
    if not any(map(_watches, rules)):
        return False
    return any(_selects(hook.get("namespaceSelector") or {}, labels) for labels in namespaces)


def _watches(rule: Mapping[str, Any]) -> bool:
    groups, resources = {*rule.get("apiGroups", ())}, {*rule.get("resources", ())}
    if not _WRITING & {*rule.get("operations", ())}:
        return False
    return any(groups & {group, "*"} and resources & (names | _ALL) for group, names in _WATCHED.items())


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """As the API server judges a label selector."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_fits(each, labels) for each in selector.get("matchExpressions") or ())


def _fits(each: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = each["key"], each.get("values") or ()
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[each["operator"]]


def _labels(world: World) -> Iterator[Mapping[str, str]]:
    """Of each namespace in which a Secret or an object of ours lies."""
    derived = [*external_secrets(world.intent)]
    for _, push, readers in published(world.intent):
        derived += (push, *readers)
    places = {obj["metadata"]["namespace"] for obj in derived} | {world.intent.platform.vault.namespace}
    for place in sorted(places):
        live = world.cluster.get(Ref("v1", "Namespace", place)) or {"metadata": {}}
        yield {"kubernetes.io/metadata.name": place} | (live["metadata"].get("labels") or {})


def _committed(world: World) -> Iterator[tuple[str, str]]:
    for path, data in world.intent.manifests.items():
        if KIND[1].encode() in data and path.endswith((".yaml", ".yml", ".json")):
            for obj in committed_objects(path, data):
                if obj["kind"] == KIND[1]:
                    yield from ((obj["metadata"]["name"], _place(hook)) for hook in obj.get("webhooks") or ())
