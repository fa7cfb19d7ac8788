"""Every permission that a run needs in Kubernetes, so that all missing ones are named at once (E_RBAC)."""

from collections.abc import Iterator
from typing import Final

from bootstrap.intent.manifests import committed_objects
from bootstrap.model.catalog import Intent, RetireMode
from bootstrap.ports import Permission
from bootstrap.steps.context.health import READY
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.operator import writing_namespaces

_WRITE = ("get", "list", "create", "patch")
_OF_VAULT: Final = (  # what Vault is installed as, group and resource
    ("", "configmaps"),
    ("", "services"),
    ("", "serviceaccounts"),
    ("apps", "statefulsets"),
    ("policy", "poddisruptionbudgets"),
    ("networking.k8s.io", "networkpolicies"),
)

# Where the API server shows who signs the tokens of service accounts.
ISSUER_PATHS: Final = ("/.well-known/openid-configuration", "/openid/v1/jwks")


def wanted(intent: Intent) -> tuple[Permission, ...]:
    return tuple(dict.fromkeys(_wanted(intent)))


def abandoning(namespace: str) -> tuple[Permission, ...]:
    """What `abandon` needs besides, to remove a Vault whose key was never proven."""
    binding = Permission("delete", "rbac.authorization.k8s.io", "clusterrolebindings")
    return (*(Permission("delete", group, resource, namespace) for group, resource in _OF_VAULT), binding)


def beginning_anew() -> tuple[Permission, ...]:
    """What `up` needs besides, once a new authority is approved: retired scaffolds may be made again."""
    group = "admissionregistration.k8s.io"
    kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
    return tuple(Permission("delete", group, kind) for kind in kinds)


def restoring_in_place(intent: Intent) -> tuple[Permission, ...]:
    """What `up --restore` needs besides where parts of a platform are left: they go, its operator rests meanwhile."""
    return (
        *beginning_anew(),
        Permission("delete", "apps", "statefulsets", intent.platform.vault.namespace),
        *recovering_a_quorum(intent),
    )


def recovering_a_quorum(intent: Intent) -> tuple[Permission, ...]:
    """What `up --approve recover-quorum` needs besides: other volumes go, the operator rests meanwhile."""
    operator = intent.platform.external_secrets.deployment.partition("/")[0]
    return (
        *(Permission(verb, "", "persistentvolumes") for verb in ("list", "delete")),
        *(Permission(verb, "apps", "deployments", operator) for verb in ("get", "update")),
        Permission("list", "", "pods", operator),
    )


def verifying() -> tuple[Permission, ...]:
    """What `verify` reads of the whole cluster; without one of them a proof is left out and says which."""
    rbac, external = "rbac.authorization.k8s.io", "external-secrets.io"
    everywhere = ("clusterexternalsecrets", "clusterpushsecrets")
    listed = (
        ("", "secrets"),
        ("", "configmaps"),
        ("", "pods"),
        *(("apps", f"{kind}s") for kind in ("deployment", "statefulset", "daemonset", "replicaset")),
        ("apps", "controllerrevisions"),
        ("batch", "jobs"),
        ("batch", "cronjobs"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        *((rbac, r) for r in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")),
        *((external, r) for r in ("externalsecrets", "pushsecrets", "secretstores", "clustersecretstores")),
        *((external, r) for r in everywhere),
        (f"generators.{external}", "vaultdynamicsecrets"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    )
    return tuple(Permission("list", group, resource) for group, resource in listed)


def _wanted(intent: Intent) -> Iterator[Permission]:
    for verb in _WRITE:
        yield Permission(verb, "", "namespaces")
    for group, resource in (
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("external-secrets.io", "clustersecretstores"),
    ):
        yield from (Permission(verb, group, resource) for verb in _WRITE)
    yield Permission("list", "storage.k8s.io", "storageclasses")
    yield from (Permission("get", "", path) for path in ISSUER_PATHS)
    yield from _own(SYSTEM_NAMESPACE)
    yield from _manifests(intent)
    yield from _workloads(intent)
    if intent.platform.snapshots is not None:
        yield from _snapshots(SYSTEM_NAMESPACE)
    yield from _vault(intent.platform.vault.namespace)
    for secret in intent.scaffolds:
        assert secret.scaffold is not None
        for verb in ("get", "create", "delete"):
            yield Permission(verb, "", "secrets", secret.scaffold.namespace)
        if secret.handover.retire is RetireMode.INERT:
            yield Permission("update", "", "secrets", secret.scaffold.namespace)
        yield Permission("list", "", "pods", secret.scaffold.namespace)
    for name in {*intent.reading_namespaces, *intent.pushing_namespaces}:
        yield from (Permission(verb, "", "serviceaccounts", name) for verb in ("get", "create"))
        yield from (Permission(verb, "", "secrets", name) for verb in ("get", "delete"))
        yield from (Permission(v, "external-secrets.io", "externalsecrets", name) for v in _WRITE)
    for name in writing_namespaces(intent):
        binding = "rbac.authorization.k8s.io", "rolebindings", name
        yield from (Permission(verb, *binding) for verb in ("get", "create", "patch"))
    for name in intent.pushing_namespaces:
        yield from (Permission(v, "external-secrets.io", "pushsecrets", name) for v in _WRITE)


def _manifests(intent: Intent) -> Iterator[Permission]:
    """What the repository's own manifests need; kinds that they define themselves are not served yet."""
    platform = intent.platform
    folders = (platform.external_secrets.manifests, *platform.workloads)
    for path, data in sorted(intent.manifests.items()):
        if not any(f and path.startswith(f.rstrip("/") + "/") for f in folders):
            continue
        for obj in committed_objects(path, data):
            group = obj["apiVersion"].rpartition("/")[0]
            place = obj["metadata"].get("namespace", "")
            yield from (Permission(v, group, plural(obj["kind"]), place) for v in ("get", "create", "patch"))


def _workloads(intent: Intent) -> Iterator[Permission]:
    for consumers in (*(s.consumers for s in intent.secrets), *(i.consumers for i in intent.internals)):
        for consumer in consumers:
            kind = (consumer.workload or "").partition("/")[0]
            if kind in READY:
                yield Permission("get", "apps", plural(kind), consumer.namespace)


def plural(kind: str) -> str:
    """The resource of a kind by the usual rule of English, which Kubernetes follows too."""
    name = kind.lower()
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")


def _own(namespace: str) -> Iterator[Permission]:
    for resource in ("configmaps", "secrets"):
        yield from (
            Permission(v, "", resource, namespace) for v in ("get", "list", "create", "update", "delete")
        )
    yield from (
        Permission(v, "coordination.k8s.io", "leases", namespace) for v in ("get", "create", "update")
    )
    yield from (Permission(v, "", "serviceaccounts", namespace) for v in ("get", "create"))
    yield Permission("create", "", "serviceaccounts", namespace, "token")


def _snapshots(namespace: str) -> Iterator[Permission]:
    """What saves them in the cluster; deleting is for when they are declared no longer."""
    rbac, network = "rbac.authorization.k8s.io", ("networking.k8s.io", "networkpolicies")
    for group, resource in (("batch", "cronjobs"), (rbac, "roles"), (rbac, "rolebindings"), network):
        yield from (Permission(v, group, resource, namespace) for v in ("get", "create", "patch", "delete"))
    yield from (Permission(v, "", "persistentvolumeclaims", namespace) for v in ("get", "create"))
    yield Permission("patch", "", "configmaps", namespace)
    yield from (Permission(v, "", "serviceaccounts", namespace) for v in ("patch", "delete"))


def _vault(namespace: str) -> Iterator[Permission]:
    for group, resource in _OF_VAULT:
        yield from (Permission(verb, group, resource, namespace) for verb in _WRITE)
    yield from (Permission(v, "", "secrets", namespace) for v in ("get", "create", "update", "delete"))
    yield from (Permission(v, "", "persistentvolumeclaims", namespace) for v in ("get", "delete"))
    yield from (Permission(v, "", "pods", namespace) for v in ("get", "list", "delete"))
    yield Permission("get", "", "pods", namespace, "log")  # keys of an unsealer; parts of the audit log
    yield Permission("create", "", "pods", namespace, "portforward")
    yield Permission("get", "", "pods", namespace, "portforward")
