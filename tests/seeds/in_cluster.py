"""Violations in the cluster, by whoever may write there."""

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.seeds import objects as made
from tests.seeds.hand import Hand, Object, Seed
from tests.seeds.in_vault import TOKEN

BINDING = "bootstrap-retired-scaffolds"
LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}
MARKS = {
    "app.kubernetes.io/managed-by": "bootstrap",
    "app.kubernetes.io/part-of": "bootstrap",
    "bootstrap.dev/role": "derived",
}
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps"}
PAYMENT = "orders-payment-token"


def _put(data: str, value: str) -> Callable[[Object], None]:
    def change(obj: Object) -> None:
        obj["data"][data] = value

    return change


def _strange(since: int, until: int) -> str:
    """A certificate of a CA that no commit had, from one year to another."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1).not_valid_before(datetime(since, 1, 1)).not_valid_after(datetime(until, 1, 1))
    )
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _of_another_ca(hand: Hand) -> None:
    hand.edit("Secret", "vault-tls", "vault", _put("vault-1.crt", _strange(2024, 2124)))


def _ended(hand: Hand) -> None:
    hand.edit("Secret", "vault-tls", "vault", _put("vault-1.crt", _strange(2024, 2025)))


def _scaffold_again(hand: Hand) -> None:
    hand.delete("ValidatingAdmissionPolicyBinding", BINDING)
    hand.create(made.secret("deploy-credential-bootstrap", "gitops", {"password": "made-anew"}))


def _looks_away(obj: Object) -> None:
    """The binding is as it was applied, and has a field more."""
    obj["spec"]["matchResources"] = {
        **obj["spec"].get("matchResources", {}),
        "namespaceSelector": {"matchLabels": {"nowhere": "true"}},
    }


def _changed_secret(hand: Hand) -> None:
    hand.stop_operator()
    hand.edit("Secret", PAYMENT, "orders", _put("token", "put-here-by-hand"))


def _lost_secret(hand: Hand) -> None:
    hand.stop_operator()
    hand.delete("Secret", PAYMENT, "orders")


def _applied_from_git(hand: Hand) -> None:
    hand.stop_operator()
    hand.edit("Secret", PAYMENT, "orders", lambda obj: obj["metadata"].setdefault("labels", {}).update(FLUX))


def _taken_from(name: str) -> Callable[[Object], None]:
    def change(obj: Object) -> None:
        obj["spec"]["selector"]["secret"]["name"] = name

    return change


def _asks_for_more(hand: Hand) -> None:
    def change(obj: Object) -> None:
        obj["spec"]["dataFrom"] = [{"extract": {"key": TOKEN}}]

    hand.stop_operator()
    hand.edit("ExternalSecret", "orders-database", "orders", change)


def _another_vault(hand: Hand) -> None:
    def change(obj: Object) -> None:
        obj["spec"]["provider"]["vault"]["server"] = "https://vault.elsewhere.example:8200"

    hand.stop_operator()
    hand.edit("ClusterSecretStore", "vault-backend", "", change)


def _foreign(hand: Hand, *objects: Object) -> None:
    """The operator rests, so that nothing is read or written for real."""
    hand.stop_operator()
    hand.create(made.namespace())
    for obj in objects:
        hand.create(obj)


def _copied(hand: Hand) -> None:
    hand.create(made.namespace())
    hand.create(made.secret("borrowed", made.STRANGERS, {"token": hand.value(TOKEN, "token")}))


def _in_a_file(hand: Hand) -> None:
    text = f"[provider]\nurl = https://payments.example\ntoken = {hand.value(TOKEN, 'token')}\n"
    hand.create(made.config_map("orders-config", "orders", {"app.ini": text}))


def _old_in_config(hand: Hand) -> None:
    old = hand.git_value("orders-session-key", "key")
    hand.create(made.config_map("orders-config", "orders", {"SESSION_KEY": old}))


def _old_from_flux(hand: Hand) -> None:
    old = hand.git_value("postgres-superuser", "password")
    hand.create(made.namespace())
    hand.create(made.secret("postgres", made.STRANGERS, {"password": old}, FLUX))


def _bound(hand: Hand, *rules: Object, place: str = "", marks: Object = made.NONE) -> None:
    hand.create(made.role("of-eve", list(rules), marks=marks))
    hand.create(made.binding("of-eve", [made.user("eve")], "of-eve", place, marks))


def _joined(name: str) -> Callable[[Hand], None]:
    def change(obj: Object) -> None:
        obj["subjects"].append(made.user("eve"))

    return lambda hand: hand.edit("ClusterRoleBinding", name, "", change)


def _impostor(hand: Hand) -> None:
    """A binding with a name and label of Kubernetes' own, to somebody else."""
    hand.create(made.role("system:controller:resourcequota-controller-2", [made.rule("update")], marks=LABEL))
    name = "system:controller:resourcequota-controller-2"
    hand.create(made.binding(name, [made.account("default", "kube-system")], name, marks=LABEL))


SEEDS: tuple[Seed, ...] = (
    Seed(
        claim="cluster-identity",
        what="the proven key is another Vault's",
        named="cluster id",
        plant=lambda hand: hand.edit(
            "ConfigMap", "vault-init", "bootstrap-system", _put("clusterId", "other")
        ),
    ),
    Seed(
        claim="synced",
        what="an ExternalSecret of the catalog is gone",
        named="ExternalSecret orders/orders-payment-token",
        plant=lambda hand: hand.delete("ExternalSecret", PAYMENT, "orders"),
        also=frozenset({"INV3"}),  # the Secret goes with its owner
    ),
    Seed(
        claim="synced",
        what="a PushSecret of the catalog is gone",
        named="PushSecret database/orders-database",
        plant=lambda hand: hand.delete("PushSecret", "orders-database", "database"),
    ),
    Seed(
        claim="synced",
        what="a PushSecret of the catalog takes another Secret",
        named="not as derived: PushSecret database/orders-database",
        plant=lambda hand: hand.edit("PushSecret", "orders-database", "database", _taken_from("eve")),
    ),
    Seed(
        claim="synced",
        what="an ExternalSecret of the catalog asks for more",
        named="not as derived: ExternalSecret orders/orders-database",
        plant=_asks_for_more,
        also=frozenset({"INV3"}),  # once the operator has looked
    ),
    Seed(
        claim="synced",
        what="the store leads to another Vault",
        named="not as derived: ClusterSecretStore vault-backend",
        plant=_another_vault,
    ),
    Seed(
        claim="current",
        what="a materialized Secret is changed while the operator is stopped",
        named="Secret orders/orders-payment-token is not what Vault holds: token",
        plant=_changed_secret,
    ),
    Seed(
        claim="current",
        what="a materialized Secret is deleted while the operator is stopped",
        named="Secret orders/orders-payment-token is not there",
        plant=_lost_secret,
    ),
    Seed(
        claim="current",
        what="a materialized Secret is also applied by a GitOps controller",
        named="is also applied by a Flux Kustomization",
        plant=_applied_from_git,
    ),
    Seed(
        claim="left-over",
        what="an ExternalSecret of ours that no entry derives",
        named="ExternalSecret orders/forgotten",
        plant=lambda hand: _foreign(hand, made.external("forgotten", "orders", "elsewhere/x", marks=MARKS)),
    ),
    Seed(
        claim="left-over",
        what="a PushSecret of ours that no entry derives",
        named="PushSecret database/forgotten",
        plant=lambda hand: _foreign(hand, made.push("forgotten", "database", "elsewhere/x", marks=MARKS)),
    ),
    Seed(
        claim="foreign-readers",
        what="a stranger's ExternalSecret reads below platform-data/",
        named="ExternalSecret strangers/curious reads platform-data/postgres/orders",
        plant=lambda hand: _foreign(
            hand, made.external("curious", made.STRANGERS, "platform-data/postgres/orders")
        ),
    ),
    Seed(
        claim="foreign-readers",
        what="a stranger's ExternalSecret reads by a store of its own",
        named=f"ExternalSecret strangers/curious reads {TOKEN}",
        plant=lambda hand: _foreign(
            hand,
            made.store("mine", made.STRANGERS),
            made.external("curious", made.STRANGERS, f"secret/data/{TOKEN}", {"name": "mine"}),
        ),
    ),
    Seed(
        claim="foreign-pushers",
        what="a stranger's PushSecret writes a path of ours",
        named=f"PushSecret strangers/generous writes {TOKEN}",
        plant=lambda hand: _foreign(hand, made.push("generous", made.STRANGERS, TOKEN)),
    ),
    Seed(
        claim="foreign-pushers",
        what="a stranger's PushSecret writes by a store of its own",
        named="PushSecret strangers/generous writes platform-data/a/b",
        plant=lambda hand: _foreign(
            hand,
            made.store("mine", made.STRANGERS, "https://vault-0.vault-internal.vault.svc:8200"),
            made.push(
                "generous", made.STRANGERS, "platform-data/a/b", {"name": "mine", "kind": "SecretStore"}
            ),
        ),
    ),
    Seed(
        claim="foreign-pushers",
        what="a stranger's PushSecret writes a path of ours with dots and slashes in it",
        named=f"PushSecret strangers/generous writes {TOKEN}",
        plant=lambda hand: _foreign(
            hand, made.push("generous", made.STRANGERS, f"team/..//{TOKEN.replace('/', '//')}")
        ),
    ),
    Seed(
        claim="foreign-readers",
        what="a stranger's ExternalSecret reads by a store that begins below the mount",
        named=f"ExternalSecret strangers/curious reads {TOKEN}",
        plant=lambda hand: _foreign(
            hand,
            made.store("mine", made.STRANGERS, path=f"secret/./data/{TOKEN.partition('/')[0]}"),
            made.external("curious", made.STRANGERS, TOKEN.partition("/")[2], {"name": "mine"}),
        ),
    ),
    Seed(
        claim="scaffolds",
        what="a scaffold is made again",
        named="gitops-deploy-credential",
        plant=_scaffold_again,
        also=frozenset({"H3"}),  # nothing refuses it any more
    ),
    Seed(
        claim="scaffolds",
        what="the admission binding is gone",
        named=f"ValidatingAdmissionPolicyBinding {BINDING}",
        plant=lambda hand: hand.delete("ValidatingAdmissionPolicyBinding", BINDING),
        also=frozenset({"H3"}),
    ),
    Seed(
        claim="scaffolds-refused",
        what="the admission binding has a selector more",
        named="gitops/deploy-credential-bootstrap",
        plant=lambda hand: hand.edit("ValidatingAdmissionPolicyBinding", BINDING, "", _looks_away),
        also=frozenset({"INV2"}),
    ),
    Seed(
        claim="certificates",
        what="a certificate that a Vault starts with has expired",
        named="certificate that vault-1 starts with ends 2025-01-01",
        plant=_ended,
    ),
    Seed(
        claim="certificates",
        what="a certificate that a Vault starts with is of a CA that the commit does not trust",
        named="what vault-1 starts with is of no CA in keys/vault-ca.crt",
        plant=_of_another_ca,
    ),
    Seed(
        claim="no-old-value",
        what="a retired value lies in a ConfigMap",
        named="orders-session-key.key (an old value) in ConfigMap orders/orders-config",
        plant=_old_in_config,
    ),
    Seed(
        claim="no-old-value",
        what="a GitOps controller applies the value that Git had",
        named="Secret strangers/postgres, applied by a Flux Kustomization",
        plant=_old_from_flux,
    ),
    Seed(
        claim="no-copy",
        what="a materialized Secret is copied to another namespace",
        named="orders-payment-token.token in Secret strangers/borrowed",
        plant=_copied,
    ),
    Seed(
        claim="no-copy",
        what="a value lies in a file of a ConfigMap",
        named="orders-payment-token.token in ConfigMap orders/orders-config",
        plant=_in_a_file,
    ),
    Seed(
        claim="kubernetes-writers",
        what="a user is bound to all Secrets, under Kubernetes' own label",
        named="User eve (create/patch secrets, ClusterRoleBinding of-eve)",
        plant=lambda hand: _bound(hand, made.rule("create patch"), marks=LABEL),
    ),
    Seed(
        claim="kubernetes-writers",
        what="a user may update one materialized Secret by its name",
        named="User eve (update secrets, RoleBinding of-eve)",
        plant=lambda hand: _bound(hand, made.rule("update", names=PAYMENT), place="orders"),
    ),
    Seed(
        claim="kubernetes-writers",
        what="a user may have a token of Vault's account, so a certificate of Vault",
        named="User eve (create serviceaccounts/token, RoleBinding of-eve)",
        plant=lambda hand: _bound(hand, made.rule("create", "serviceaccounts/token"), place="vault"),
    ),
    Seed(
        claim="kubernetes-writers",
        what="a user joins a binding that lies in Git",
        named="User eve (",
        plant=_joined("external-secrets"),
    ),
    Seed(
        claim="kubernetes-writers",
        what="a binding that looks like one of Kubernetes' own",
        named="ServiceAccount kube-system/default (update secrets",
        plant=_impostor,
    ),
)
