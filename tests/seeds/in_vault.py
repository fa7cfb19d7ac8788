"""Violations in Vault."""

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bootstrap.steps.vault.pod_login import CONFIG
from bootstrap.steps.vault.policies import RUN
from tests.seeds.hand import Hand, Seed

TOKEN = "applications/orders/payment-token"
EVERY = 'path "secret/data/*" { capabilities = ["create", "update"] }\n'


def _asked(method: str, path: str, body: Mapping[str, Any] | None = None) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        hand.vault(method, path, body)

    return plant


def _may_write(path: str) -> Callable[[Hand], None]:
    text = f'path "{path}" {{ capabilities = ["create", "update"] }}\n'
    return lambda hand: _policy(hand, "helpers", text)


def _policy(hand: Hand, name: str, text: str) -> None:
    hand.vault("PUT", f"sys/policies/acl/{name}", {"policy": text})


def _ledger(hand: Hand) -> str:
    """The newest batch; the head beside it is none."""
    names = hand.names("ConfigMap", "bootstrap-system")
    return [name for name in names if name.startswith("ledger-") and name != "ledger-head"][-1]


def _lost_batch(hand: Hand) -> None:
    hand.vault("DELETE", f"secret/metadata/bootstrap/ledger/{_ledger(hand)}")


def _cut_both(hand: Hand) -> None:
    last = _ledger(hand)
    hand.vault("DELETE", f"secret/metadata/bootstrap/ledger/{last}")
    hand.delete("ConfigMap", last, "bootstrap-system")


def _rewritten(hand: Hand) -> None:
    hand.vault("DELETE", f"secret/metadata/{TOKEN}")
    hand.vault(
        "POST", f"secret/data/{TOKEN}", {"options": {"cas": 0}, "data": {"token": "another-value-4711"}}
    )


def _emptied(hand: Hand) -> None:
    hand.vault("DELETE", f"secret/metadata/{TOKEN}")
    hand.vault("POST", f"secret/metadata/{TOKEN}", {"custom_metadata": {"owner": "somebody"}})


def _version(hand: Hand, value: str) -> None:
    hand.vault("POST", f"secret/data/{TOKEN}", {"options": {"cas": 1}, "data": {"token": value}})


def _role(hand: Hand, name: str, namespace: str, policies: list[str]) -> None:
    body = {
        "bound_service_account_names": ["default"],
        "bound_service_account_namespaces": [namespace],
        "token_policies": policies,
        "audience": "vault",
    }
    hand.vault("POST", f"auth/kubernetes/role/{name}", body)


def _widened_role(hand: Hand) -> None:
    now = hand.vault("GET", "auth/kubernetes/role/external-secrets")
    places = [*now["bound_service_account_namespaces"], "strangers"]
    hand.vault("POST", "auth/kubernetes/role/external-secrets", {"bound_service_account_namespaces": places})


def _for_another_pod(hand: Hand) -> None:
    path = "auth/vault-pods/role/vault-renewer-vault-0"
    claim = "/kubernetes.io/pod/name"
    body = {"role_type": "jwt", "user_claim": claim, "user_claim_json_pointer": True}
    hand.vault("POST", path, body | {"bound_claims": {claim: ["vault-0", "vault-1"]}})


def _key_of_another(hand: Hand) -> None:
    now, other = hand.vault("GET", CONFIG), ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    keys = [*now["jwt_validation_pubkeys"], pem]
    hand.vault("POST", CONFIG, {"bound_issuer": now["bound_issuer"], "jwt_validation_pubkeys": keys})


def _alias(hand: Hand) -> None:
    """On another way to log in: Vault keeps one alias for each."""
    entity = hand.vault("GET", "identity/entity/name/ns-orders")
    mount = hand.vault("GET", "sys/auth")["token/"]["accessor"]
    body = {"name": "eve", "canonical_id": entity["id"], "mount_accessor": mount}
    hand.vault("POST", "identity/entity-alias", body)


def _configuration(hand: Hand, data: dict[str, str]) -> None:
    hand.vault("POST", "secret/data/platform-config/postgres/main", {"data": data})


SEEDS: tuple[Seed, ...] = (
    Seed(
        claim="audit",
        what="the audit device is taken away",
        named="no audit device",
        plant=_asked("DELETE", "sys/audit/file"),
    ),
    Seed(
        claim="audit",
        what="the second audit device is taken away",
        named="E_AUDIT_OFF: no audit device stdout/ that writes to stdout among file/",
        plant=_asked("DELETE", "sys/audit/stdout"),
    ),
    Seed(
        claim="no-root",
        what="a root token is made",
        named="1 root",
        plant=_asked("POST", "auth/token/create", {"policies": ["root"], "no_parent": True}),
    ),
    Seed(
        claim="no-root",
        what="a token that could configure Vault is left",
        named="0 root, 1 with bootstrap-configure",
        plant=_asked("POST", "auth/token/create", {"policies": ["bootstrap-configure"], "no_parent": True}),
    ),
    Seed(
        claim="authority",
        what="a handed-over secret is removed from Vault",
        named="orders-payment-token",
        plant=_asked("DELETE", f"secret/metadata/{TOKEN}"),
        also=frozenset({"INV5"}),  # once its consumer looks again
    ),
    Seed(
        claim="authority",
        what="a handed-over secret is removed, and its path is listed all the same",
        named="orders-payment-token",
        plant=_emptied,
        also=frozenset({"H4", "INV5"}),
    ),
    Seed(
        claim="authority",
        what="the version in use is deleted",
        named="orders-payment-token",
        plant=_asked("DELETE", f"secret/data/{TOKEN}"),
        also=frozenset({"H4", "INV5"}),  # version 1 cannot be compared; its consumer finds nothing
    ),
    Seed(
        claim="values",
        what="a secret is removed and written anew, as a version 1 with another value",
        named="orders-payment-token",
        plant=_rewritten,
        also=frozenset(
            {"INV3", "INV4"}
        ),  # its consumer holds the old one; its writes are not checked any more
    ),
    Seed(
        claim="explained",
        what="a stranger writes a version 2",
        named="orders-payment-token version 2",
        plant=lambda hand: _version(hand, "changed-by-a-stranger"),
        also=frozenset({"INV3"}),
    ),
    Seed(
        claim="explained",
        what="a version 2 with the value of version 1",
        named="orders-payment-token version 2",
        plant=lambda hand: _version(hand, hand.value(TOKEN, "token")),
    ),
    Seed(
        claim="ledger",
        what="Vault's copy of the ledger lacks its last batch",
        named="E_ROLLBACK_VAULT",
        plant=_lost_batch,
    ),
    Seed(
        claim="ledger",
        what="the cluster's copy of the ledger lacks its last batch",
        named="E_ROLLBACK_CLUSTER",
        plant=lambda hand: hand.delete("ConfigMap", _ledger(hand), "bootstrap-system"),
        also=frozenset({"H3"}),  # it held the retirements
    ),
    Seed(
        claim="retirement",
        what="the last batch is cut off both copies of the ledger",
        named="orders-payment-token",
        plant=_cut_both,
        also=frozenset({"H4"}),  # the heads still name what was cut off
    ),
    Seed(
        claim="configuration",
        what="a private key lies below platform-config/",
        named="platform-config/postgres/main.host is a private key",
        plant=lambda hand: _configuration(hand, {"host": f"-----BEGIN PRIVATE KEY-----\n{'A' * 64}\n"}),
    ),
    Seed(
        claim="configuration",
        what="a secret's value lies below platform-config/",
        named="platform-config/postgres/main.host is the value of a secret",
        plant=lambda hand: _configuration(hand, {"host": hand.value(TOKEN, "token")}),
        also=frozenset({"INV7"}),  # it is a copy
    ),
    Seed(
        claim="vault-writers",
        what="a foreign policy may write every secret",
        named="policy humans changes",
        plant=lambda hand: _policy(hand, "humans", EVERY),
    ),
    Seed(
        claim="vault-writers",
        what="a foreign policy may write policies",
        named="policy helpers changes policies",
        plant=lambda hand: _policy(
            hand, "helpers", 'path "sys/policies/acl/team-*" { capabilities = ["update"] }\n'
        ),
    ),
    *(
        Seed(
            claim="vault-writers",
            what=f"a foreign policy may write {what}",
            named=f"policy helpers changes {word}",
            plant=_may_write(path),
        )
        for what, path, word in (
            ("groups by their root", "identity/group", "groups"),
            ("roles of its own", "auth/kubernetes/role/team-*", "which policies a login gives"),
        )
    ),
    Seed(
        claim="vault-writers",
        what="the policy that every token has is widened",
        named="policy default changes",
        plant=lambda hand: _policy(hand, "default", EVERY),
    ),
    Seed(
        claim="vault-writers",
        what="another role gives the run's policy",
        named="role ci holds bootstrap-run",
        plant=lambda hand: _role(hand, "ci", "strangers", ["bootstrap-run"]),
    ),
    Seed(
        claim="vault-writers",
        what="a role gives the configuring policy",
        named="role ci holds bootstrap-configure",
        plant=lambda hand: _role(hand, "ci", "strangers", ["bootstrap-configure"]),
    ),
    Seed(
        claim="vault-grants",
        what="the run's policy is widened to policies",
        named="policy bootstrap-run allows create/update sys/policies/acl/reader-*",
        plant=lambda hand: _policy(
            hand,
            "bootstrap-run",
            f'{RUN}path "sys/policies/acl/reader-*" {{ capabilities = ["create", "update"] }}\n',
        ),
    ),
    Seed(
        claim="vault-writers",
        what="an entity holds a pusher's policy",
        named="entity eve holds pusher-database",
        plant=_asked("POST", "identity/entity/name/eve", {"policies": ["pusher-database"]}),
    ),
    Seed(
        claim="vault-writers",
        what="a group holds a pusher's policy",
        named="group team holds pusher-database",
        plant=_asked("POST", "identity/group/name/team", {"policies": ["pusher-database"]}),
    ),
    Seed(
        claim="vault-grants",
        what="a reader's policy is widened to every secret",
        named="policy reader-orders allows read secret/data/*",
        plant=lambda hand: _policy(
            hand, "reader-orders", 'path "secret/data/*" { capabilities = ["read"] }\n'
        ),
    ),
    Seed(
        claim="vault-grants",
        what="a pusher's policy reaches a handed-over secret",
        named="policy pusher-database allows",
        plant=lambda hand: _policy(
            hand, "pusher-database", f'path "secret/data/{TOKEN}" {{ capabilities = ["update"] }}\n'
        ),
    ),
    Seed(
        claim="vault-grants",
        what="a namespace's entity has one more alias",
        named="entity ns-orders has alias eve",
        plant=_alias,
    ),
    Seed(
        claim="vault-writers",
        what="a token role gives the run's policy by a pattern",
        named="role auth/token/helpers holds bootstrap-configure, bootstrap-run",
        plant=_asked("POST", "auth/token/roles/helpers", {"allowed_policies_glob": ["boot*"]}),
    ),
    Seed(
        claim="vault-grants",
        what="the readers' role lets another namespace in",
        named="role external-secrets is given to, or gives, strangers",
        plant=_widened_role,
    ),
    Seed(
        claim="vault-grants",
        what="a pod of Vault may log in for another",
        named="role auth/vault-pods/vault-renewer-vault-0 is not bound to vault-0",
        plant=_for_another_pod,
    ),
    Seed(
        claim="vault-grants",
        what="the login of Vault's pods takes tokens of another key",
        named="takes tokens of 1 keys that the API server does not show",
        plant=_key_of_another,
    ),
    Seed(
        claim="vault-grants",
        what="another role lets in where a renewer does",
        named="role renew gives vault-renewer-vault-0",
        plant=lambda hand: _role(hand, "renew", "strangers", ["vault-renewer-vault-0"]),
    ),
)
