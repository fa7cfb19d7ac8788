"""Names that are decided once: our namespace, labels, Vault paths and roles (D3)."""

from typing import Any

from bootstrap.ports import Object

SYSTEM_NAMESPACE = "bootstrap-system"
RUN_ACCOUNT = "bootstrap"
RUN_ROLE = "bootstrap-run"
RUN_POLICY = "bootstrap-run"
READER_ROLE = "external-secrets"
READER_ACCOUNT = "external-secrets"
STORE = "vault-backend"
KV_MOUNT = "secret"
AUDIT_DEVICE = "file"
AUDIT_FILE = "/vault/audit/audit.log"
TXN_HEADER = "X-Bootstrap-Txn"
WINDOW = "vault-init"

MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"
PLAN_ANNOTATION = "bootstrap.dev/plan"
COMMIT_ANNOTATION = "bootstrap.dev/commit"
SECRET_ANNOTATION = "bootstrap.dev/secret"  # noqa: S105  an annotation's name
ROLE_LABEL = "bootstrap.dev/role"


def labels(role: str = "", **more: str) -> dict[str, str]:
    found = {MANAGED_BY: "bootstrap", PART_OF: "bootstrap"}
    if role:
        found[ROLE_LABEL] = role
    return found | more


def is_ours(obj: Object) -> bool:
    marks: dict[str, Any] = obj.get("metadata", {}).get("labels") or {}
    return marks.get(MANAGED_BY) == "bootstrap"


def namespace(name: str, **annotations: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels(), "annotations": annotations},
    }
