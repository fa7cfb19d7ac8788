"""What a job in the cluster knows of the platform that it saves: value-free, and no more than it needs (INV1, S2).

`up` writes it into ConfigMap ``snapshot-settings``; the job has it as files, beside its tokens.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from bootstrap.model.catalog import Bucket
from bootstrap.model.errors import PreconditionError
from bootstrap.model.outside import json_value

SETTINGS: Final = "settings.json"  # the files of the job's folder
ESCROW: Final = "escrow.json"
LEDGER_KEY: Final = "ledger.pub"
CA: Final = "vault-ca.crt"
ROOTS: Final = ("root.txt", "root.asc")  # one of them: the holders' public halves
KUBECONFIG: Final = "kubeconfig"
VAULT_TOKEN: Final = "vault-token"  # noqa: S105  a file's name: what the job logs in to Vault with


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``cluster`` is the UID of namespace kube-system; ``secrets`` are name and path of what is saved by itself,
    ``credentials`` the path of the bucket's and ``bucket_ca`` what its server is known by, PEM, where there is one."""

    platform: str
    environment: str
    cluster: str
    vault_namespace: str
    replicas: int
    keep: int
    secrets: Mapping[str, str]
    bucket: Bucket | None = None
    credentials: str = ""
    bucket_ca: str = ""

    def to_text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, indent=1) + "\n"

    @staticmethod
    def from_bytes(data: bytes, where: str) -> "Settings":
        """PreconditionError E_SNAPSHOT_SETTINGS."""
        try:
            found: Any = json_value(data)
            return Settings(
                platform=str(found["platform"]),
                environment=str(found["environment"]),
                cluster=str(found["cluster"]),
                vault_namespace=str(found["vault_namespace"]),
                replicas=int(found["replicas"]),
                keep=int(found["keep"]),
                secrets={str(name): str(path) for name, path in found["secrets"].items()},
                bucket=_bucket(found["bucket"]),
                credentials=str(found["credentials"]),
                bucket_ca=str(found["bucket_ca"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise unusable(where, f"{SETTINGS} is not what `up` writes") from None


def _bucket(found: Any) -> Bucket | None:
    return None if found is None else Bucket(**{str(name): str(value) for name, value in found.items()})


def unusable(where: str, why: str) -> PreconditionError:
    return PreconditionError(
        f"{where} is not the folder that a job of snapshots is given: {why}",
        code="E_SNAPSHOT_SETTINGS",
        where=where,
        hint="bootstrap up writes ConfigMap bootstrap-system/snapshot-settings anew; leave --in-cluster out elsewhere",
    )
