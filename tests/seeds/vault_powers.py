"""Violations in Vault by whom it lets in, by what it grants, and by how it keeps."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.seeds.hand import Hand, Seed
from tests.seeds.in_vault import TOKEN

WRITING = 'capabilities = ["create", "update", "sudo"]'
ADMINS = """\
  operators:
    - users: [alice@example.org]
      policies: [platform-admins]
      reason: On call
"""


def _asked(method: str, path: str, body: Mapping[str, Any]) -> Callable[[Hand], None]:
    def plant(hand: Hand) -> None:
        hand.vault(method, path, body)

    return plant


def _may(path: str) -> Callable[[Hand], None]:
    return _asked("PUT", "sys/policies/acl/helpers", {"policy": f'path "{path}" {{ {WRITING} }}\n'})


def _admins(hand: Hand) -> None:
    """Declared in Git."""
    hand.commit("bootstrap.yaml", lambda text: text.rstrip() + "\n" + ADMINS)
    every = f'path "secret/data/*" {{ {WRITING} }}\n'
    hand.vault("PUT", "sys/policies/acl/platform-admins", {"policy": every})


def _role(hand: Hand, account: str, namespace: str, policies: list[str]) -> None:
    body = {
        "bound_service_account_names": [account],
        "bound_service_account_namespaces": [namespace],
        "token_policies": policies,
        "audience": "vault",
    }
    hand.vault("POST", "auth/kubernetes/role/ci", body)


def _everybody(hand: Hand) -> None:
    _admins(hand)
    _role(hand, "*", "*", ["platform-admins"])


def _member(hand: Hand) -> None:
    _admins(hand)
    entity = hand.vault("GET", "identity/entity/name/ns-orders")["id"]
    body = {"policies": ["platform-admins"], "member_entity_ids": [entity]}
    hand.vault("POST", "identity/group/name/oncall", body)


def _without_audience(hand: Hand) -> None:
    now = hand.vault("GET", "auth/kubernetes/role/external-secrets")
    hand.vault("POST", "auth/kubernetes/role/external-secrets", {**now, "audience": ""})


def _raw(hand: Hand) -> None:
    body = {"type": "file", "options": {"file_path": "/vault/audit/more.log", "log_raw": "true"}}
    hand.vault("POST", "sys/audit/more", body)


def _metadata(**fields: Any) -> Callable[[Hand], None]:
    return _asked("POST", f"secret/metadata/{TOKEN}", fields)


PLACES = (
    ("plugins", "sys/plugins/catalog/*", "plugins"),
    ("audit devices", "sys/audit/*", "audit devices"),
    ("how the mount keeps versions", "secret/config", "how versions are kept"),
    (
        "one batch of the ledger's copy",
        "secret/metadata/bootstrap/ledger/ledger-00000009",
        "the ledger's copy",
    ),
    ("the ledger's copy by its end", "secret/destroy/bootstrap/ledger/ledger-000000*", "the ledger's copy"),
    ("tokens of any policy", "auth/token/create", "tokens of any policy"),
    ("orphan tokens", "auth/token/create-*", "tokens of any policy"),
    ("certificates of a Vault", "vault-pki/issue/vault-1", "certificates of Vault"),
    ("the mount of certificates", "sys/mounts/vault-pki/tune", "the mount of Vault's certificates"),
    ("the recovery key", "sys/rekey-recovery-key/init", "the unseal key"),
)

SEEDS: tuple[Seed, ...] = (
    *(
        Seed(
            claim="vault-writers",
            what=f"a foreign policy may write {what}",
            named=f"policy helpers changes {word}",
            plant=_may(path),
        )
        for what, path, word in PLACES
    ),
    Seed(
        claim="vault-writers",
        what="another role gives a reader's policy",
        named="role ci holds reader-orders",
        plant=lambda hand: _role(hand, "default", "strangers", ["reader-orders"]),
    ),
    Seed(
        claim="vault-writers",
        what="another role gives the policy of snapshots",
        named="role ci holds bootstrap-snapshot",
        plant=lambda hand: _role(hand, "default", "strangers", ["bootstrap-snapshot"]),
    ),
    Seed(
        claim="vault-writers",
        what="a token with the run's policy, which no login gave",
        named=", which no login gave, holds bootstrap-run",
        plant=_asked("POST", "auth/token/create-orphan", {"policies": ["bootstrap-run"], "period": "768h"}),
    ),
    Seed(
        claim="vault-writers",
        what="a role gives a declared policy to every account of the cluster",
        named="role ci gives platform-admins to every account",
        plant=_everybody,
    ),
    Seed(
        claim="vault-grants",
        what="a namespace's entity is a member of a group",
        named="entity ns-orders has group oncall",
        plant=_member,
    ),
    Seed(
        claim="vault-grants",
        what="the readers' role takes a token for any audience",
        named="auth/kubernetes/role/external-secrets is not as declared",
        plant=_without_audience,
    ),
    Seed(
        claim="vault-grants",
        what="the login of Kubernetes believes another address",
        named="auth/kubernetes/config is not as declared",
        plant=_asked(
            "POST",
            "auth/kubernetes/config",
            {"kubernetes_host": "https://kubernetes.default.svc.cluster.local"},
        ),
    ),
    Seed(
        claim="vault-grants",
        what="a pod of Vault may have a certificate of any name",
        named="vault-pki/roles/vault-1 is not as declared",
        plant=_asked("POST", "vault-pki/roles/vault-1", {"allow_any_name": True}),
    ),
    Seed(
        claim="audit",
        what="a third device writes values in the clear",
        named="audit device more/ writes values in the clear",
        plant=_raw,
    ),
    Seed(
        claim="audit",
        what="the header with the token is audited in the clear",
        named="x-vault-token",
        plant=_asked("PUT", "sys/config/auditing/request-headers/X-Vault-Token", {"hmac": False}),
    ),
    Seed(
        claim="authority",
        what="versions of a secret end by themselves",
        named="orders-payment-token (its versions end after 1h0m0s)",
        plant=_metadata(delete_version_after="1h0m0s"),
    ),
    Seed(
        claim="authority",
        what="Vault keeps one version of a secret",
        named="orders-payment-token (1 versions are kept)",
        plant=_metadata(max_versions=1),
    ),
    Seed(
        claim="authority",
        what="a secret may be written without saying over which version",
        named="orders-payment-token (its writes are not checked)",
        plant=_metadata(cas_required=False),
    ),
)
