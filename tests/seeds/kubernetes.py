"""What Kubernetes 1.34 and kubeadm bind by themselves, as far as it touches Secrets, tokens or roles.

Every default role that touches none of them is left out: `verify` has nothing to say of it.
"""

from tests.seeds import objects as made

LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}
ANY = "*"


def _any(verbs: str) -> made.Object:
    return made.rule(verbs, "*", "*")


def _controller(name: str, *rules: made.Object) -> tuple[str, made.Object, tuple[made.Object, ...]]:
    return f"system:controller:{name}", made.account(name, "kube-system"), rules


# Name of the binding and of its role, the subject, and the rules.
DEFAULTS = (
    ("cluster-admin", made.group("system:masters"), (_any("*"),)),
    (
        "system:kube-controller-manager",
        made.user("system:kube-controller-manager"),
        (
            made.rule("create", "secrets serviceaccounts"),
            made.rule("delete"),
            made.rule("get", "configmaps namespaces secrets serviceaccounts"),
            made.rule("update", "secrets serviceaccounts"),
            _any("list watch"),
            made.rule("create", "serviceaccounts/token"),
        ),
    ),
    _controller(
        "clusterrole-aggregation-controller",
        made.rule("escalate get list patch update watch", "clusterroles", made.GROUP),
    ),
    _controller("generic-garbage-collector", _any("delete get list patch update watch")),
    _controller("horizontal-pod-autoscaler", made.rule("get update", "*/scale", "*")),
    _controller("legacy-service-account-token-cleaner", made.rule("delete patch")),
    _controller("namespace-controller", _any("delete deletecollection get list watch")),
    _controller("resourcequota-controller", _any("list watch")),
)


def defaults() -> list[made.Object]:
    """The roles and bindings as objects, kubeadm's among them."""
    found = []
    for name, subject, rules in DEFAULTS:
        found += [made.role(name, list(rules), marks=LABEL), made.binding(name, [subject], name, marks=LABEL)]
    admins = made.binding("kubeadm:cluster-admins", [made.group("kubeadm:cluster-admins")], "cluster-admin")
    return [*found, admins]
