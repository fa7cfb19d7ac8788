"""What saves snapshots in the cluster by itself, as plain objects: nothing in them is secret (INV1, S2).

A CronJob of this program's own image, under an account of its own: it reads ConfigMaps of ``bootstrap-system``, which
hold no value, and writes the note of what it has saved. It has no right to any Secret; what it may in Vault comes from
its login there.
"""

from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from bootstrap.model import snapshot_settings as folder
from bootstrap.model.catalog import Bucket, Intent, Snapshots
from bootstrap.model.snapshot_settings import Settings
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import JOB_ACCOUNT, SYSTEM_NAMESPACE, labels
from bootstrap.steps.vault import last_snapshot
from bootstrap.steps.vault.containers import API_PORT
from bootstrap.steps.vault.objects import APP, DNS_RULE, KUBERNETES_RULE, on_ports

SETTINGS: Final = Ref("v1", "ConfigMap", "snapshot-settings", SYSTEM_NAMESPACE)
ACCOUNT: Final = Ref("v1", "ServiceAccount", JOB_ACCOUNT, SYSTEM_NAMESPACE)
ROLE: Final = Ref("rbac.authorization.k8s.io/v1", "Role", JOB_ACCOUNT, SYSTEM_NAMESPACE)
BINDING: Final = Ref("rbac.authorization.k8s.io/v1", "RoleBinding", JOB_ACCOUNT, SYSTEM_NAMESPACE)
CLAIM: Final = Ref("v1", "PersistentVolumeClaim", "snapshots", SYSTEM_NAMESPACE)
NETWORK: Final = Ref("networking.k8s.io/v1", "NetworkPolicy", JOB_ACCOUNT, SYSTEM_NAMESPACE)
# In the order in which they are taken away: what acts first, what tells that there is something last.
REMOVED: Final = (last_snapshot.CRON_JOB, BINDING, ROLE, ACCOUNT, NETWORK, last_snapshot.REF, SETTINGS)

PLACE, OUT = "/bootstrap", "/snapshots"
USER: Final = 65532
TOKEN_SECONDS: Final = 600  # of the account's token for Vault: it logs in with it as it begins
SECONDS: Final = 3600  # that one job may take
KUBECONFIG: Final = """\
apiVersion: v1
kind: Config
clusters:
  - name: here
    cluster: {server: "https://kubernetes.default.svc", certificate-authority: ca.crt}
users:
  - name: job
    user: {tokenFile: token}
contexts:
  - name: here
    context: {cluster: here, user: job}
current-context: here
"""


def objects(intent: Intent, wanted: Snapshots, settings: Settings, escrow: bytes) -> tuple[Object, ...]:
    """Applied in this order; the claim and the note are not among them, since they are made once."""
    return (
        _settings(intent, settings, escrow),
        _object(ACCOUNT) | {"automountServiceAccountToken": False},
        _object(ROLE) | {"rules": _rules()},
        _object(BINDING)
        | {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ROLE.name},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT.name, "namespace": ACCOUNT.namespace}],
        },
        _network_policy(wanted, intent.platform.vault.namespace),
        _cron_job(wanted),
    )


def made_once(wanted: Snapshots) -> tuple[Object, ...]:
    """Created where they are not there: the volume's claim, which is never taken away, and the empty note."""
    if wanted.volume is None:
        return (last_snapshot.empty(),)
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": wanted.volume.size}},
    }
    if wanted.volume.storage_class:
        claim["storageClassName"] = wanted.volume.storage_class
    return (_object(CLAIM) | {"spec": claim}, last_snapshot.empty())


def _object(ref: Ref) -> Object:
    meta = {"name": ref.name, "namespace": ref.namespace, "labels": labels("snapshot-job")}
    return {"apiVersion": ref.api, "kind": ref.kind, "metadata": meta}


def _settings(intent: Intent, settings: Settings, escrow: bytes) -> Object:
    keys = {
        name: intent.keys[name]
        for name in (folder.LEDGER_KEY, folder.CA, *folder.ROOTS)
        if name in intent.keys
    }
    data = {name: content.decode() for name, content in keys.items()}
    data |= {
        folder.SETTINGS: settings.to_text(),
        folder.ESCROW: escrow.decode(),
        folder.KUBECONFIG: KUBECONFIG,
    }
    return _object(SETTINGS) | {"data": data}


def _rules() -> list[dict[str, Any]]:
    return [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [last_snapshot.REF.name],
            "verbs": ["update"],
        },
    ]


def _network_policy(wanted: Snapshots, vault: str) -> Object:
    """Nothing connects to a job; it reaches Vault, DNS, the API server, and the bucket's server where there is one."""
    in_vault = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": vault}},
        "podSelector": {"matchLabels": APP},
    }
    egress = [{"ports": on_ports(API_PORT), "to": [in_vault]}, DNS_RULE, KUBERNETES_RULE]
    if wanted.bucket is not None:
        egress.append(_to_bucket(wanted.bucket))
    return _object(NETWORK) | {
        "spec": {
            "podSelector": {"matchLabels": labels("snapshot-job")},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": egress,
        }
    }


def _to_bucket(bucket: Bucket) -> dict[str, Any]:
    """By address where the endpoint has one; a policy knows no names, so else by port alone."""
    server = urlsplit(bucket.endpoint)
    rule: dict[str, Any] = {"ports": on_ports(server.port or (443 if server.scheme == "https" else 80))}
    try:
        address = ip_address(server.hostname or "")
    except ValueError:
        return rule
    return rule | {"to": [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}]}


def _cron_job(wanted: Snapshots) -> Object:
    job = {
        "backoffLimit": 2,
        "activeDeadlineSeconds": SECONDS,
        "template": {"metadata": {"labels": labels("snapshot-job")}, "spec": _pod(wanted)},
    }
    return _object(last_snapshot.CRON_JOB) | {
        "spec": {
            "schedule": wanted.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 600,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": labels("snapshot-job")}, "spec": job},
        }
    }


def _pod(wanted: Snapshots) -> dict[str, Any]:
    return {
        "serviceAccountName": ACCOUNT.name,
        "automountServiceAccountToken": False,  # its tokens are those below, each for one server
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        **_pull_secrets(wanted),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "snapshot",
                "image": wanted.image,
                "imagePullPolicy": "IfNotPresent",
                "args": ["snapshot", "save", "--in-cluster", PLACE, "--out", _out(wanted)],
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"memory": "1Gi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "place", "mountPath": PLACE, "readOnly": True},
                    *([] if wanted.bucket else [{"name": "snapshots", "mountPath": OUT}]),
                ],
            }
        ],
        "volumes": [
            {"name": "place", "projected": {"defaultMode": 0o440, "sources": _sources()}},
            *([] if wanted.bucket else [_volume()]),
        ],
    }


def _pull_secrets(wanted: Snapshots) -> dict[str, Any]:
    names = wanted.image_pull_secrets
    return {"imagePullSecrets": [{"name": name} for name in names]} if names else {}


def _out(wanted: Snapshots) -> str:
    """For ``--out``."""
    return OUT if wanted.bucket is None else f"s3://{wanted.bucket.bucket}/{wanted.bucket.prefix}"


def _volume() -> dict[str, Any]:
    return {"name": "snapshots", "persistentVolumeClaim": {"claimName": CLAIM.name}}


def _sources() -> list[dict[str, Any]]:
    """The settings, and a token for each server: Vault takes none that is not for it, nor does Kubernetes."""
    return [
        {"configMap": {"name": SETTINGS.name}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {
            "serviceAccountToken": {
                "path": folder.VAULT_TOKEN,
                "audience": "vault",
                "expirationSeconds": TOKEN_SECONDS,
            }
        },
    ]


def settings_of(intent: Intent, wanted: Snapshots, cluster: str, environment: str) -> Settings:
    vault = intent.platform.vault
    return Settings(
        platform=intent.platform.name,
        environment=environment,
        cluster=cluster,
        vault_namespace=vault.namespace,
        replicas=vault.replicas,
        keep=wanted.keep,
        secrets={secret.name: secret.in_vault for secret in intent.saved},
        bucket=wanted.bucket,
        credentials=intent.bucket_path,
        bucket_ca=intent.bucket_ca.decode(errors="replace"),
    )
