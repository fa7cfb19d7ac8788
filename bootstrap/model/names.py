"""Names that are decided once: our namespace, labels and annotations, Vault's mounts, roles and paths (D2, D3)."""

from posixpath import normpath
from typing import Final

SYSTEM_NAMESPACE: Final = "bootstrap-system"
RUN_ACCOUNT: Final = "bootstrap"
RUN_ROLE: Final = "bootstrap-run"
RUN_POLICY: Final = "bootstrap-run"
SNAPSHOT_ACCOUNT: Final = "bootstrap-snapshot"
SNAPSHOT_ROLE: Final = "bootstrap-snapshot"
SNAPSHOT_POLICY: Final = "bootstrap-snapshot"
JOB_ACCOUNT: Final = "bootstrap-snapshot-job"
JOB_ROLE: Final = "bootstrap-snapshot-job"
JOB_POLICY: Final = "bootstrap-snapshot-job"
CONFIGURE_POLICY: Final = "bootstrap-configure"
READER_ROLE: Final = "external-secrets"
READER_ACCOUNT: Final = "external-secrets"
STORE: Final = "vault-backend"
VAULT_SECRETS: Final = "vault-"  # how ours in Vault's namespace begin: certificates, unseal key
KV_MOUNT: Final = "secret"
TRANSIT_MOUNT: Final = "bootstrap-transit"
TRANSIT_KEY: Final = "countersign"  # in it: Vault's own signature over the ledger and over snapshots
PKI_MOUNT: Final = "vault-pki"
POD_LOGIN: Final = "vault-pods"  # by which Vault's own pods log in, each as itself
RENEWER: Final = "vault-renewer"  # the audience of its token; with a pod's name behind it, role and policy
VAULT_ACCOUNT: Final = "vault"
AUDIT_DEVICE: Final = "file"
AUDIT_STREAM: Final = "stdout"  # the second device: the log of Vault's container
AUDIT_FILE: Final = "/vault/audit/audit.log"
TXN_HEADER: Final = "X-Bootstrap-Txn"
WINDOW: Final = "vault-init"
RESTORATION: Final = "vault-restore"
RECOVERY: Final = "vault-recovery"

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
PART_OF: Final = "app.kubernetes.io/part-of"
OURS: Final = "bootstrap"  # the value of both labels
PLAN_ANNOTATION: Final = "bootstrap.dev/plan"
COMMIT_ANNOTATION: Final = "bootstrap.dev/commit"
ENVIRONMENT_ANNOTATION: Final = "bootstrap.dev/environment"
SECRET_ANNOTATION: Final = "bootstrap.dev/secret"  # noqa: S105  an annotation's name
CLAIM_ANNOTATION: Final = "bootstrap.dev/claim"
REPLICAS_ANNOTATION: Final = "bootstrap.dev/replicas"  # that a Deployment at rest had
ROLE_LABEL: Final = "bootstrap.dev/role"


def renewer(pod: str) -> str:
    """The role and the policy by which the renewer beside one Vault asks for that pod's certificate."""
    return f"{RENEWER}-{pod}"


def kv(path: str) -> str:
    """A secret of the catalog as people write it: ``secret/PATH``."""
    return f"{KV_MOUNT}/{path}"


def kv_path(remote: str) -> str:
    """The catalog's path of what an object of another hand calls a remote key: whichever slashes and dots it has, and
    with the mount or without it, clients of Vault ask for the same."""
    path = normpath(f"/{remote}").strip("/")
    return path.removeprefix(f"{KV_MOUNT}/").removeprefix("data/")


def kv_data(path: str) -> str:
    """Where its values are read and written (KV v2)."""
    return f"{KV_MOUNT}/data/{path}"


def kv_metadata(path: str) -> str:
    """Where its versions and custom metadata lie (KV v2)."""
    return f"{KV_MOUNT}/metadata/{path}"
