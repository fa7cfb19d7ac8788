"""Rules of the manifests' own ExternalSecrets and PushSecrets: no second road beside the catalog's (INV4, INV6)."""

from collections.abc import Iterator
from typing import Any

from bootstrap.intent.findings import Finding
from bootstrap.intent.manifests import committed_objects, of_kind
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.model.catalog import Intent, Internal, Secret
from bootstrap.model.errors import DefinitionError
from bootstrap.model.names import kv_path

_MENTIONED = of_kind("(?:Cluster)?ExternalSecret", "(?:Cluster)?PushSecret")
_IN_EACH = {"ClusterExternalSecret": "externalSecretSpec", "ClusterPushSecret": "pushSecretSpec"}


def judge(intent: Intent) -> Iterator[Finding]:
    """E_AUTHORITY with the manifest's path for a materialized Secret, or a path in Vault, that has two owners."""
    entries: list[Secret | Internal] = [*intent.secrets, *intent.internals]
    made = {(c.namespace, c.secret): e.name for e in entries for c in e.consumers}
    paths = {s.path: s.name for s in intent.secrets if s.path}
    for path, data in sorted(intent.manifests.items()):
        if path.endswith(SUFFIXES) and _MENTIONED.search(data):
            for obj in objects_of(path, data):
                yield from _judge(path, obj, made, paths)


def objects_of(path: str, data: bytes) -> list[dict[str, Any]]:
    """None of a file that cannot be read."""
    try:
        return list(committed_objects(path, data))
    except DefinitionError:
        return []  # reported where manifests are applied


def _judge(
    path: str, obj: dict[str, Any], made: dict[tuple[str, str], str], paths: dict[str, str]
) -> Iterator[Finding]:
    name, spec = str(obj["metadata"]["name"]), obj.get("spec")
    if not isinstance(spec, dict):
        return
    inner = spec.get(_IN_EACH[obj["kind"]]) if obj["kind"] in _IN_EACH else spec
    if not isinstance(inner, dict):
        return
    if obj["kind"].endswith("ExternalSecret"):
        secret, places = _target(obj, spec, inner)
        for owner in sorted(
            {e for (ns, s), e in made.items() if s == secret and (ns in places or not places)}
        ):
            message = f"{obj['kind']} {name} writes Secret {secret}, which the catalog's {owner} makes"
            yield _finding(path, message, "remove it: `up` derives it from the catalog's consumers")
    elif obj["kind"].endswith("PushSecret"):
        for remote in sorted(set(_remote_keys(inner))):
            if (owned := paths.get(kv_path(remote))) is not None:
                message = f"{obj['kind']} {name} writes the path of {owned}, which is handed over from Git"
                yield _finding(path, message, "describe it as an InternalSecret with a path of its own")


def _target(obj: dict[str, Any], spec: dict[str, Any], inner: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """The Secret, and the namespaces that it is written in; none stands for all, as labels may choose them."""
    target = inner.get("target")
    named = str(spec.get("externalSecretName") or obj["metadata"]["name"])
    secret = str(target.get("name") or named) if isinstance(target, dict) else named
    if obj["kind"] in _IN_EACH:
        listed = spec.get("namespaces")
        return secret, frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()
    return secret, frozenset((str(obj["metadata"].get("namespace", "")),))


def _remote_keys(spec: dict[str, Any]) -> Iterator[str]:
    for item in spec.get("data") or ():
        match = item.get("match") if isinstance(item, dict) else None
        remote = match.get("remoteRef") if isinstance(match, dict) else None
        if isinstance(remote, dict):
            yield str(remote.get("remoteKey", ""))


def _finding(path: str, message: str, hint: str) -> Finding:
    return Finding(id="E_AUTHORITY", where=path, message=message, hint=hint)
