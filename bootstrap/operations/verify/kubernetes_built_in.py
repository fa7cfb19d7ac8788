"""What Kubernetes and kubeadm bind by themselves: each by its binding, role, subject and what the role gives.

A label proves nothing: the maker of a binding writes its labels too. What goes beyond these lines is not built in.
Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata of Kubernetes 1.34.4, as far as a way of
``kubernetes_ways`` leads through it, and kubeadm's ``kubeadm:cluster-admins``. Two controllers are there for older
versions, which let them read Secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.operations.verify.kubernetes_powers import powers
from bootstrap.operations.verify.kubernetes_ways import RBAC_GROUP, Stake

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """``subject`` as in a report."""

    role: str
    subject: str
    rules: tuple[Rule, ...]


def _rule(verbs: str, resources: str = "secrets", group: str = "") -> Rule:
    return {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": [group]}


def _any(verbs: str) -> Rule:
    return _rule(verbs, "*", "*")


def _controller(name: str, *rules: Rule) -> tuple[str, BuiltIn]:
    role = f"system:controller:{name}"
    return role, BuiltIn(role, f"ServiceAccount kube-system/{name}", rules)


# Name of the ClusterRoleBinding to what it is.
BUILT_IN: Mapping[str, BuiltIn] = {
    "cluster-admin": BuiltIn("cluster-admin", "Group system:masters", (_any("*"),)),
    "kubeadm:cluster-admins": BuiltIn("cluster-admin", "Group kubeadm:cluster-admins", (_any("*"),)),
    "system:kube-controller-manager": BuiltIn(
        "system:kube-controller-manager",
        "User system:kube-controller-manager",
        (_rule("create delete get update"), _rule("create", "serviceaccounts/token"), _any("list watch")),
    ),
    **dict(
        (
            _controller("generic-garbage-collector", _any("delete get list patch update watch")),
            _controller("namespace-controller", _any("delete deletecollection get list watch")),
            _controller("clusterrole-aggregation-controller", _rule("escalate", "clusterroles", RBAC_GROUP)),
            _controller("legacy-service-account-token-cleaner", _rule("delete patch")),
            _controller("resourcequota-controller", _any("list watch")),
            _controller("persistent-volume-binder", _rule("get"), _rule("create", "pods")),
            _controller("expand-controller", _rule("get")),
            _controller(
                "cronjob-controller",
                _rule("create patch update", "jobs", "batch"),
                _rule("update", "cronjobs", "batch"),
            ),
            _controller("daemon-set-controller", _rule("create patch", "pods")),
            _controller(
                "deployment-controller",
                _rule("update", "pods"),
                _rule("update", "deployments", "apps"),
                _rule("create patch update", "replicasets", "apps"),
            ),
            _controller(
                "job-controller", _rule("create patch", "pods"), _rule("patch update", "jobs", "batch")
            ),
            _controller(
                "replicaset-controller", _rule("create patch", "pods"), _rule("update", "replicasets", "apps")
            ),
            _controller(
                "replication-controller",
                _rule("create patch", "pods"),
                _rule("update", "replicationcontrollers"),
            ),
            _controller("statefulset-controller", _rule("create patch update", "pods")),
        )
    ),
}
# Where they are by other means than a binding, and cannot be taken away.
ALWAYS = "whoever is in system:masters"


def is_built_in(binding: str, role: str, subject: str, given: frozenset[str], stake: Stake) -> bool:
    """Whether a ClusterRoleBinding to a ClusterRole gives this subject no more than Kubernetes itself does."""
    known = BUILT_IN.get(binding)
    if known is None or (known.role, known.subject) != (role, subject):
        return False
    return given <= powers(known.rules, stake, everywhere=True)
