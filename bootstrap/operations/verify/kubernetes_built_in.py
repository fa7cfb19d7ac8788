"""What Kubernetes and kubeadm bind by themselves: each by its binding, role, subject and what the role gives.

A label proves nothing: the maker of a binding writes its labels too. What goes beyond these lines is not built in.
Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata of Kubernetes 1.34.4, and kubeadm's
``kubeadm:cluster-admins``. Two controllers are there for older versions, which let them read Secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ALL = frozenset({"*"})
_READ = frozenset({"read the unseal key"})


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """``subject`` as in a report; ``powers`` as of ``kubernetes_powers``, ``*`` for any."""

    role: str
    subject: str
    powers: frozenset[str]


def _controller(name: str, *powers: str, reads: bool = False) -> tuple[str, BuiltIn]:
    role = f"system:controller:{name}"
    return role, BuiltIn(
        role, f"ServiceAccount kube-system/{name}", frozenset(powers) | (_READ if reads else frozenset())
    )


# Name of the ClusterRoleBinding to what it is.
BUILT_IN: Mapping[str, BuiltIn] = {
    "cluster-admin": BuiltIn("cluster-admin", "Group system:masters", ALL),
    "kubeadm:cluster-admins": BuiltIn("cluster-admin", "Group kubeadm:cluster-admins", ALL),
    "system:kube-controller-manager": BuiltIn(
        "system:kube-controller-manager",
        "User system:kube-controller-manager",
        frozenset({"create secrets", "delete secrets", "update secrets", "create serviceaccounts/token"})
        | _READ,
    ),
    **dict(
        (
            _controller(
                "generic-garbage-collector",
                *(f"{verb} secrets" for verb in ("delete", "patch", "update")),
                *(f"{verb} pushsecrets" for verb in ("patch", "update")),
                reads=True,
            ),
            _controller("namespace-controller", "delete secrets", "deletecollection secrets", reads=True),
            _controller("clusterrole-aggregation-controller", "escalate clusterroles"),
            _controller("legacy-service-account-token-cleaner", "delete secrets", "patch secrets"),
            _controller("resourcequota-controller", reads=True),
            _controller("persistent-volume-binder", reads=True),
            _controller("expand-controller", reads=True),
        )
    ),
}
# Where they are by other means than a binding, and cannot be taken away.
ALWAYS = "whoever is in system:masters"


def is_built_in(binding: str, role: str, subject: str, powers: frozenset[str]) -> bool:
    """Whether a ClusterRoleBinding to a ClusterRole gives this subject no more than Kubernetes itself does."""
    known = BUILT_IN.get(binding)
    if known is None or (known.role, known.subject) != (role, subject):
        return False
    return known.powers == ALL or powers <= known.powers
