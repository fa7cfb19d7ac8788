"""Violations by fields that nobody of ours wrote, by what others ask of our Vault, and by Kubernetes' own ways."""

from collections.abc import Callable
from typing import Any

from tests.seeds import objects as made
from tests.seeds.hand import Hand, Object, Seed
from tests.seeds.in_vault import TOKEN

PAYMENT = "orders-payment-token"
RETIRED = "bootstrap-retired-scaffolds"
ADMISSION = "admissionregistration.k8s.io/v1"
GENERATORS = "generators.external-secrets.io/v1alpha1"
RBAC = made.GROUP
FLUX = """\
  operators:
    - serviceAccounts: [flux-system/kustomize-controller]
      reason: It applies what Git says
"""


def _with(*path: str, value: Any) -> Callable[[Object], None]:
    """The object as it was applied, with one field more, or another."""

    def change(obj: Object) -> None:
        for name in path[:-1]:
            obj = obj.setdefault(name, {})
        obj[path[-1]] = value

    return change


def _edited(kind: str, name: str, place: str, change: Callable[[Object], None]) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        hand.stop_operator()
        hand.edit(kind, name, place, change)

    return plant


def _created(*objects: Object) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        hand.stop_operator()
        hand.create(made.namespace())
        for obj in objects:
            hand.create(obj)

    return plant


def _everywhere(kind: str, api: str, spec: Object) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "wide"}, "spec": spec}


def _generator() -> Object:
    provider = made.store("x", made.STRANGERS)["spec"]["provider"]["vault"]
    spec = {"path": f"secret/data/{TOKEN}", "method": "GET", "provider": provider}
    meta = {"name": "quiet", "namespace": made.STRANGERS}
    return {"apiVersion": GENERATORS, "kind": "VaultDynamicSecret", "metadata": meta, "spec": spec}


def _web_store() -> Object:
    obj = made.store("web", made.STRANGERS)
    url = "https://vault.vault.svc:8200/v1/secret/data/{{ .remoteRef.key }}"
    obj["spec"]["provider"] = {"webhook": {"url": url, "result": {"jsonPath": "$.data.data"}}}
    return obj


def _webhook() -> Object:
    rules = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["secrets"],
    }
    hook = {
        "name": "eve.example.org",
        "rules": [rules],
        "clientConfig": {"url": "https://eve.example.org/mutate"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "orders"}},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {
        "apiVersion": ADMISSION,
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "eve"},
        "webhooks": [hook],
    }


def _bound(place: str, *rules: Object) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        hand.create(made.role("of-eve", list(rules)))
        hand.create(made.binding("of-eve", [made.user("eve")], "of-eve", place))

    return plant


def _beside_flux(hand: Hand) -> None:
    hand.commit("bootstrap.yaml", lambda text: text.rstrip() + "\n" + FLUX)
    hand.create(made.namespace("flux-system"))
    hand.create(made.role("everything", [made.rule("*", "*", "*")]))
    flux = made.account("kustomize-controller", "flux-system")
    hand.create(made.binding("flux", [flux], "everything"))
    _bound("flux-system", made.rule("create", "pods"))(hand)


def _bind_named(hand: Hand) -> None:
    hand.create(made.role("everything", [made.rule("*", "*", "*")]))
    rules = (
        made.rule("bind", "clusterroles", RBAC, "everything"),
        made.rule("create", "clusterrolebindings", RBAC),
    )
    _bound("", *rules)(hand)


def _unless(obj: Object) -> None:
    obj["spec"]["matchConditions"] = [{"name": "never", "expression": "false"}]


WAYS = (
    (
        "a user may have a token of the operator's account",
        "external-secrets",
        ("create", "serviceaccounts/token"),
    ),
    ("a user may make pods in kube-system", "kube-system", ("create", "pods")),
    (
        "a user may have a token of the account that aggregates roles",
        "kube-system",
        ("create", "serviceaccounts/token", "", "clusterrole-aggregation-controller"),
    ),
)

SEEDS: tuple[Seed, ...] = (
    Seed(
        claim="synced",
        what="an ExternalSecret of the catalog never looks again",
        named=f"not as derived: ExternalSecret orders/{PAYMENT}",
        plant=_edited(
            "ExternalSecret", PAYMENT, "orders", _with("spec", "refreshPolicy", value="CreatedOnce")
        ),
    ),
    Seed(
        claim="synced",
        what="an ExternalSecret of the catalog has a template of another hand",
        named=f"not as derived: ExternalSecret orders/{PAYMENT}",
        plant=_edited(
            "ExternalSecret",
            PAYMENT,
            "orders",
            _with("spec", "target", "template", value={"data": {"token": "another"}}),
        ),
    ),
    Seed(
        claim="synced",
        what="a PushSecret of the catalog has a template of another hand",
        named="not as derived: PushSecret database/orders-database",
        plant=_edited(
            "PushSecret", "orders-database", "database", _with("spec", "template", value={"data": {"x": "y"}})
        ),
    ),
    Seed(
        claim="synced",
        what="the store lets some namespaces in only",
        named="not as derived: ClusterSecretStore vault-backend",
        plant=_edited(
            "ClusterSecretStore",
            "vault-backend",
            "",
            _with("spec", "conditions", value=[{"namespaces": ["strangers"]}]),
        ),
    ),
    Seed(
        claim="foreign-readers",
        what="a ClusterExternalSecret reads a path of ours",
        named=f"ClusterExternalSecret wide reads {TOKEN}",
        plant=_created(
            _everywhere(
                "ClusterExternalSecret",
                "external-secrets.io/v1",
                {
                    "namespaceSelectors": [{"matchLabels": {"no": "where"}}],
                    "externalSecretSpec": made.external("x", "y", TOKEN)["spec"],
                },
            )
        ),
    ),
    Seed(
        claim="foreign-readers",
        what="a generator reads a path of ours",
        named=f"VaultDynamicSecret strangers/quiet reads {TOKEN}",
        plant=_created(_generator()),
    ),
    Seed(
        claim="foreign-readers",
        what="a stranger's store asks our Vault as a web page",
        named="ExternalSecret strangers/curious reads whatever it finds",
        plant=_created(_web_store(), made.external("curious", made.STRANGERS, "x", {"name": "web"})),
    ),
    Seed(
        claim="foreign-pushers",
        what="a ClusterPushSecret writes a path of ours",
        named=f"ClusterPushSecret wide writes {TOKEN}",
        plant=_created(
            _everywhere(
                "ClusterPushSecret",
                "external-secrets.io/v1alpha1",
                {
                    "namespaceSelectors": [{"matchLabels": {"no": "where"}}],
                    "pushSecretSpec": made.push("x", "y", TOKEN)["spec"],
                },
            )
        ),
    ),
    Seed(
        claim="scaffolds",
        what="the admission policy has a condition that is never met",
        named=f"ValidatingAdmissionPolicy {RETIRED}",
        plant=lambda hand: hand.edit("ValidatingAdmissionPolicy", RETIRED, "", _unless),
        also=frozenset({"H3"}),
    ),
    Seed(
        claim="scaffolds",
        what="the admission policy lets pass what it cannot judge",
        named=f"ValidatingAdmissionPolicy {RETIRED}",
        plant=lambda hand: hand.edit(
            "ValidatingAdmissionPolicy", RETIRED, "", _with("spec", "failurePolicy", value="Ignore")
        ),
    ),
    Seed(
        claim="kubernetes-writers",
        what="nothing guards the run's account",
        named="ValidatingAdmissionPolicyBinding bootstrap-run-account",
        plant=lambda hand: hand.delete("ValidatingAdmissionPolicyBinding", "bootstrap-run-account"),
    ),
    Seed(
        claim="kubernetes-writers",
        what="the guard of the operator's writes looks at one namespace only",
        named="ValidatingAdmissionPolicyBinding bootstrap-operator-writes",
        plant=lambda hand: hand.edit(
            "ValidatingAdmissionPolicyBinding",
            "bootstrap-operator-writes",
            "",
            _with("spec", "matchResources", value={"namespaceSelector": {"matchLabels": {"no": "where"}}}),
        ),
    ),
    Seed(
        claim="kubernetes-writers",
        what="a webhook changes Secrets as they are written",
        named="MutatingWebhookConfiguration eve",
        plant=lambda hand: hand.create(_webhook()),
    ),
    Seed(
        claim="kubernetes-writers",
        what="a user may make pods beside a declared account",
        named="User eve (create pods, RoleBinding of-eve)",
        plant=_beside_flux,
    ),
    Seed(
        claim="kubernetes-writers",
        what="a user may bind one ClusterRole, which may everything",
        named="User eve (bind clusterroles, ClusterRoleBinding of-eve)",
        plant=_bind_named,
    ),
    *(
        Seed(
            claim="kubernetes-writers",
            what=what,
            named=f"User eve ({given[0]} {given[1]}, {'RoleBinding' if place else 'ClusterRoleBinding'} of-eve)",
            plant=_bound(place, made.rule(*given)),
        )
        for what, place, given in WAYS
    ),
)
