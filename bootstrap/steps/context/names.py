"""Names as objects of the cluster carry them, and the names themselves (``model/names.py``)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bootstrap.model.names import AUDIT_DEVICE as AUDIT_DEVICE
from bootstrap.model.names import AUDIT_FILE as AUDIT_FILE
from bootstrap.model.names import AUDIT_STREAM as AUDIT_STREAM
from bootstrap.model.names import CLAIM_ANNOTATION as CLAIM_ANNOTATION
from bootstrap.model.names import COMMIT_ANNOTATION as COMMIT_ANNOTATION
from bootstrap.model.names import CONFIGURE_POLICY as CONFIGURE_POLICY
from bootstrap.model.names import ENVIRONMENT_ANNOTATION as ENVIRONMENT_ANNOTATION
from bootstrap.model.names import JOB_ACCOUNT as JOB_ACCOUNT
from bootstrap.model.names import JOB_POLICY as JOB_POLICY
from bootstrap.model.names import JOB_ROLE as JOB_ROLE
from bootstrap.model.names import KV_MOUNT as KV_MOUNT
from bootstrap.model.names import MANAGED_BY as MANAGED_BY
from bootstrap.model.names import OURS as OURS
from bootstrap.model.names import PART_OF as PART_OF
from bootstrap.model.names import PKI_MOUNT as PKI_MOUNT
from bootstrap.model.names import PLAN_ANNOTATION as PLAN_ANNOTATION
from bootstrap.model.names import POD_LOGIN as POD_LOGIN
from bootstrap.model.names import READER_ACCOUNT as READER_ACCOUNT
from bootstrap.model.names import READER_ROLE as READER_ROLE
from bootstrap.model.names import RECOVERY as RECOVERY
from bootstrap.model.names import RENEWER as RENEWER
from bootstrap.model.names import REPLICAS_ANNOTATION as REPLICAS_ANNOTATION
from bootstrap.model.names import RESTORATION as RESTORATION
from bootstrap.model.names import ROLE_LABEL as ROLE_LABEL
from bootstrap.model.names import RUN_ACCOUNT as RUN_ACCOUNT
from bootstrap.model.names import RUN_POLICY as RUN_POLICY
from bootstrap.model.names import RUN_ROLE as RUN_ROLE
from bootstrap.model.names import SECRET_ANNOTATION as SECRET_ANNOTATION
from bootstrap.model.names import SNAPSHOT_ACCOUNT as SNAPSHOT_ACCOUNT
from bootstrap.model.names import SNAPSHOT_POLICY as SNAPSHOT_POLICY
from bootstrap.model.names import SNAPSHOT_ROLE as SNAPSHOT_ROLE
from bootstrap.model.names import STORE as STORE
from bootstrap.model.names import SYSTEM_NAMESPACE as SYSTEM_NAMESPACE
from bootstrap.model.names import TRANSIT_KEY as TRANSIT_KEY
from bootstrap.model.names import TRANSIT_MOUNT as TRANSIT_MOUNT
from bootstrap.model.names import TXN_HEADER as TXN_HEADER
from bootstrap.model.names import VAULT_ACCOUNT as VAULT_ACCOUNT
from bootstrap.model.names import VAULT_SECRETS as VAULT_SECRETS
from bootstrap.model.names import WINDOW as WINDOW
from bootstrap.model.names import renewer as renewer
from bootstrap.ports import Object


def labels(role: str = "", **more: str) -> dict[str, str]:
    found = {MANAGED_BY: OURS, PART_OF: OURS}
    if role:
        found[ROLE_LABEL] = role
    return found | more


def is_ours(obj: Object) -> bool:
    marks: dict[str, Any] = obj.get("metadata", {}).get("labels") or {}
    return marks.get(MANAGED_BY) == OURS


# For namespaces in which only pods of ours run: the API server refuses others that ask for more.
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}


def namespace(name: str, marks: Mapping[str, str] = MappingProxyType({}), **annotations: str) -> Object:
    """``marks`` are further labels."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels() | dict(marks), "annotations": annotations},
    }
