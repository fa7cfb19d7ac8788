"""Objects that a stranger makes."""

from typing import Any

Object = dict[str, Any]
RBAC = "rbac.authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"
STRANGERS = "strangers"
NONE: Object = {}
OURS = {"kind": "ClusterSecretStore", "name": "vault-backend"}


def namespace(name: str = STRANGERS) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def secret(name: str, place: str, data: dict[str, str], marks: Object = NONE) -> Object:
    meta: Object = {"name": name, "namespace": place} | ({"labels": marks} if marks else {})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}


def config_map(name: str, place: str, data: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": place},
        "data": data,
    }


def external(name: str, place: str, key: str, store: Object = OURS, marks: Object = NONE) -> Object:
    meta: Object = {"name": name, "namespace": place} | ({"labels": marks} if marks else {})
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": meta,
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": store,
            "target": {"name": name},
            "dataFrom": [{"extract": {"key": key}}],
        },
    }


def push(name: str, place: str, key: str, store: Object = OURS, marks: Object = NONE) -> Object:
    meta: Object = {"name": name, "namespace": place} | ({"labels": marks} if marks else {})
    match = {"secretKey": "token", "remoteRef": {"remoteKey": key, "property": "token"}}
    return {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": meta,
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRefs": [store],
            "selector": {"secret": {"name": name}},
            "data": [{"match": match}],
        },
    }


def store(
    name: str, place: str, server: str = "https://vault.vault.svc:8200", path: str = "secret"
) -> Object:
    auth = {
        "kubernetes": {
            "mountPath": "kubernetes",
            "role": "external-secrets",
            "serviceAccountRef": {"name": "x"},
        }
    }
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": name, "namespace": place},
        "spec": {"provider": {"vault": {"server": server, "path": path, "version": "v2", "auth": auth}}},
    }


def _labelled(marks: Object) -> Object:
    return {"labels": marks} if marks else {}


def role(name: str, rules: list[Object], place: str = "", marks: Object = NONE) -> Object:
    where = {"namespace": place} if place else {}
    kind = "Role" if place else "ClusterRole"
    return {
        "apiVersion": RBAC,
        "kind": kind,
        "metadata": {"name": name, **where, **_labelled(marks)},
        "rules": rules,
    }


def rule(verbs: str, resources: str = "secrets", group: str = "", names: str = "") -> Object:
    narrowed = {"resourceNames": names.split()} if names else {}
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **narrowed}


def binding(name: str, subjects: list[Object], to: str, place: str = "", marks: Object = NONE) -> Object:
    """To a ClusterRole; in ``place``, or everywhere."""
    where = {"namespace": place} if place else {}
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding" if place else "ClusterRoleBinding",
        "metadata": {"name": name, **where, **_labelled(marks)},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": to},
        "subjects": subjects,
    }


def user(name: str) -> Object:
    return {"kind": "User", "apiGroup": GROUP, "name": name}


def group(name: str) -> Object:
    return {"kind": "Group", "apiGroup": GROUP, "name": name}


def account(name: str, place: str) -> Object:
    return {"kind": "ServiceAccount", "name": name, "namespace": place}
