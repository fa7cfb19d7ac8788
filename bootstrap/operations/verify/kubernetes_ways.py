"""Every way of Kubernetes' RBAC to a secret of ours or to root in Vault: verb, resource, and where it counts (INV6).

The table of docs/reference/verify.md is this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

READ_KEY: Final = "read the unseal key"
CHANGES: Final = ("create", "update", "patch")
WRITES: Final = (*CHANGES, "delete", "deletecollection")
READS: Final = ("get", "list", "watch")
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_ESO: Final = "external-secrets.io"


class Where(StrEnum):
    SECRETS = "where a materialized Secret lies"
    UNSEAL = "where the unseal key lies"
    ACCOUNTS = "where an account lies that may write in Vault, have a certificate of Vault, or do what is counted here"
    PUSHES = "where a namespace publishes"
    DERIVED = "where ExternalSecrets of the catalog lie"
    PODS = "where the platform's pods run, or a pod could run as one of its accounts"
    ANYWHERE = "in any namespace"
    CLUSTER = "by a ClusterRoleBinding"


@dataclass(frozen=True, slots=True)
class Way:
    """``gives``: what its bearer has then, for the table."""

    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    where: Where
    gives: str


WAYS: Final[tuple[Way, ...]] = (
    Way(WRITES, "", ("secrets",), Where.SECRETS, "the materialized Secret itself"),
    Way(WRITES, "", ("secrets",), Where.UNSEAL, "the Secret that the unsealer reads"),
    Way(READS, "", ("secrets",), Where.UNSEAL, "the unseal key, so a root token"),
    Way(("create",), "", ("serviceaccounts/token",), Where.ACCOUNTS, "that account's login"),
    Way(("impersonate",), "", ("users", "groups"), Where.CLUSTER, "what that user or group may"),
    Way(("impersonate",), "", ("serviceaccounts",), Where.ANYWHERE, "what that account may"),
    Way(
        CHANGES, "", ("pods", "replicationcontrollers"), Where.PODS, "a pod with an account's token or a key"
    ),
    Way(
        CHANGES,
        "apps",
        ("deployments", "statefulsets", "daemonsets", "replicasets"),
        Where.PODS,
        "the same, by a controller",
    ),
    Way(CHANGES, "batch", ("jobs", "cronjobs"), Where.PODS, "the same, by a controller"),
    Way(("get", "create"), "", ("pods/exec", "pods/attach"), Where.PODS, "a pod's files and tokens"),
    Way(
        ("update", "patch"), "", ("pods/ephemeralcontainers",), Where.PODS, "a container beside the pod's own"
    ),
    Way(("get", "create"), "", ("nodes/proxy",), Where.CLUSTER, "the kubelet, so every pod of that node"),
    Way(("bind", "escalate"), RBAC_GROUP, ("roles",), Where.ANYWHERE, "any right there"),
    Way(("bind",), RBAC_GROUP, ("clusterroles",), Where.ANYWHERE, "any right there"),
    Way(("escalate",), RBAC_GROUP, ("clusterroles",), Where.CLUSTER, "any right"),
    Way(CHANGES, _ESO, ("pushsecrets",), Where.PUSHES, "a path of that namespace in Vault"),
    Way(CHANGES, _ESO, ("externalsecrets", "secretstores"), Where.DERIVED, "what the operator writes there"),
    Way(
        ("delete", "deletecollection"),
        _ESO,
        ("externalsecrets",),
        Where.DERIVED,
        "the Secret is taken away with what made it",
    ),
    Way(("delete",), "", ("namespaces",), Where.DERIVED, "the same, with all that is there"),
    Way(
        CHANGES,
        _ESO,
        ("clustersecretstores", "clusterexternalsecrets", "clusterpushsecrets"),
        Where.CLUSTER,
        "where the operator reads, and what it writes everywhere",
    ),
    Way(
        ("update", "patch", "delete", "deletecollection"),
        _ADMISSION,
        (
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ),
        Where.CLUSTER,
        "what admission refuses is admitted again",
    ),
    Way(
        WRITES,
        _ADMISSION,
        ("mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
        Where.CLUSTER,
        "every object is changed as it is written",
    ),
)
EVERY_VERB: Final = frozenset(verb for way in WAYS for verb in way.verbs)
# Not narrowed by resourceNames. A subresource's create is: its object's name is in the request.
NAMELESS: Final = frozenset({"create", "deletecollection", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Stake:
    """What counts in one namespace, or ("") in the whole cluster.

    ``secrets``: names of materialized Secrets; ``unseal``: the Secret with the unseal key, if it lies there;
    ``accounts``: service accounts whose login may write in Vault, or have a certificate of it, or who have one of the
    ways themselves; ``pushes``: whether PushSecrets here reach it;
    ``pods``: whether a pod here is the platform's, or could be one of its accounts.
    """

    secrets: frozenset[str] = frozenset()
    unseal: str = ""
    accounts: frozenset[str] = frozenset()
    pushes: bool = False
    pods: bool = False

    def __or__(self, other: "Stake") -> "Stake":
        return Stake(
            self.secrets | other.secrets,
            self.unseal or other.unseal,
            self.accounts | other.accounts,
            self.pushes or other.pushes,
            self.pods or other.pods,
        )

    def names(self, where: Where) -> frozenset[str] | None:
        """The names that a rule which speaks of some must name; None where any counts."""
        known: Mapping[Where, frozenset[str]] = {
            Where.SECRETS: self.secrets,
            Where.UNSEAL: frozenset({self.unseal}),
            Where.ACCOUNTS: self.accounts,
        }
        return known.get(where)

    def counts(self, where: Where, *, everywhere: bool) -> bool:
        return {
            Where.SECRETS: everywhere or bool(self.secrets),
            Where.UNSEAL: bool(self.unseal),
            Where.ACCOUNTS: bool(self.accounts),
            Where.PUSHES: self.pushes,
            Where.DERIVED: bool(self.secrets),
            Where.PODS: self.pods,
            Where.ANYWHERE: True,
            Where.CLUSTER: everywhere,
        }[where]
