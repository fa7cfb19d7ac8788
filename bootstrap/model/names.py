"""Names that are decided once: our namespace, labels and annotations, Vault's mounts, roles and paths (D2, D3)."""

from typing import Final

SYSTEM_NAMESPACE: Final = "bootstrap-system"
RUN_ACCOUNT: Final = "bootstrap"
RUN_ROLE: Final = "bootstrap-run"
RUN_POLICY: Final = "bootstrap-run"
CONFIGURE_POLICY: Final = "bootstrap-configure"
READER_ROLE: Final = "external-secrets"
READER_ACCOUNT: Final = "external-secrets"
STORE: Final = "vault-backend"
VAULT_SECRETS: Final = "vault-"  # how ours in Vault's namespace begin: certificates, unseal key
KV_MOUNT: Final = "secret"
AUDIT_DEVICE: Final = "file"
AUDIT_FILE: Final = "/vault/audit/audit.log"
TXN_HEADER: Final = "X-Bootstrap-Txn"
WINDOW: Final = "vault-init"

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
PART_OF: Final = "app.kubernetes.io/part-of"
OURS: Final = "bootstrap"  # the value of both labels
PLAN_ANNOTATION: Final = "bootstrap.dev/plan"
COMMIT_ANNOTATION: Final = "bootstrap.dev/commit"
ENVIRONMENT_ANNOTATION: Final = "bootstrap.dev/environment"
SECRET_ANNOTATION: Final = "bootstrap.dev/secret"  # noqa: S105  an annotation's name
CLAIM_ANNOTATION: Final = "bootstrap.dev/claim"
ROLE_LABEL: Final = "bootstrap.dev/role"


def kv(path: str) -> str:
    """A secret of the catalog as people write it: ``secret/PATH``."""
    return f"{KV_MOUNT}/{path}"


def kv_data(path: str) -> str:
    """Where its values are read and written (KV v2)."""
    return f"{KV_MOUNT}/data/{path}"


def kv_metadata(path: str) -> str:
    """Where its versions and custom metadata lie (KV v2)."""
    return f"{KV_MOUNT}/metadata/{path}"
