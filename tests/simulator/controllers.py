"""What a cluster does by itself, for the simulator: stateful sets, deployments, External Secrets, admission.

Each is a function for ``SimulatedCluster.controllers``; all act at once, where the real ones take seconds.
"""

import base64
import json
from typing import Any

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref, Refused
from bootstrap.steps.authority.traces import DERIVED
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.vault.presence import ordinals
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.vault import Secret, SimulatedVault

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
OPERATOR = Ref("apps/v1", "Deployment", "external-secrets", "external-secrets")
FAILED = {"conditions": [{"type": "Ready", "status": "False", "message": "could not get secret data"}]}


def stateful_sets(cluster: SimulatedCluster, verb: str, obj: Object) -> None:
    """Pods by ordinal with their claims; OnDelete, so a pod keeps its template until somebody deletes it."""
    if obj["kind"] == "Pod" and verb == "deleted":
        owner = cluster.get(Ref("apps/v1", "StatefulSet", "vault", obj["metadata"]["namespace"]))
        if owner is not None:
            _scale(cluster, owner)
    elif obj["kind"] == "StatefulSet" and verb != "deleted":
        _scale(cluster, obj)


def _scale(cluster: SimulatedCluster, owner: Object) -> None:
    namespace, wanted = owner["metadata"]["namespace"], ordinals(owner)
    for n in range(5):
        ref = Ref("v1", "Pod", f"vault-{n}", namespace)
        live = cluster.get(ref)
        if n in wanted and live is None:
            for claim in ("data", "audit"):
                cluster.create(_made("PersistentVolumeClaim", f"{claim}-vault-{n}", namespace))
            template = owner["spec"]["template"]
            pod = _made("Pod", f"vault-{n}", namespace) | {
                "spec": template["spec"],
                "status": {"phase": "Running"},
            }
            pod["metadata"]["annotations"] = dict(template["metadata"].get("annotations", {}))
            cluster.create(pod)
        elif n not in wanted and live is not None:
            cluster.delete(ref, uid=live["metadata"]["uid"])


def _made(kind: str, name: str, namespace: str) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def deployments(cluster: SimulatedCluster, verb: str, obj: Object) -> None:
    if obj["kind"] == "Deployment" and (verb == "created" or (verb == "changed" and ref_of(obj) == OPERATOR)):
        count = obj["spec"].get("replicas", 1)
        status = {"availableReplicas": count, "updatedReplicas": count, "observedGeneration": 1}
        _status(cluster, obj, status)


def definitions(cluster: SimulatedCluster, verb: str, obj: Object) -> None:
    if obj["kind"] == "CustomResourceDefinition" and verb == "created":
        _status(cluster, obj, {"conditions": [{"type": "Established", "status": "True"}]})


def admission(cluster: SimulatedCluster) -> None:
    """Enforce each bound ValidatingAdmissionPolicy on Secrets, read as text: names in its expression are refused at
    creation; where it speaks of UPDATE, those get no content."""
    api = "admissionregistration.k8s.io/v1"

    def refuse(obj: Object, operation: str = "CREATE") -> str:
        if obj["kind"] != "Secret":
            return ""
        name = f"'{obj['metadata']['namespace']}/{obj['metadata']['name']}'"
        home = cluster.get(Ref("v1", "Namespace", obj["metadata"]["namespace"]))
        for binding in cluster.list(api, "ValidatingAdmissionPolicyBinding"):
            matched = (
                binding["spec"].get("matchResources", {}).get("namespaceSelector", {}).get("matchLabels", {})
            )
            if home is not None and not matched.items() <= (home["metadata"].get("labels") or {}).items():
                continue
            policy = cluster.get(Ref(api, "ValidatingAdmissionPolicy", binding["spec"]["policyName"]))
            for rule in policy["spec"]["validations"] if policy else ():
                speaks = "'UPDATE'" in rule["expression"]
                if name in rule["expression"] and speaks is (operation == "UPDATE"):
                    return str(rule["message"])
        return ""

    cluster.admission.append(refuse)
    cluster.updates.append(lambda obj: refuse(obj, "UPDATE") if obj.get("data") else "")


class ExternalSecrets:
    """The operator: Secrets out of Vault for ExternalSecret, values into Vault for PushSecret.

    It looks at an object again when its spec was changed, never by itself: its interval is longer than any test. One
    that was scaled to none looks at nothing, and at everything once it is started.
    """

    def __init__(self, vault: SimulatedVault) -> None:
        self.vault = vault

    def __call__(self, cluster: SimulatedCluster, verb: str, obj: Object) -> None:
        if verb == "deleted":
            return
        if ref_of(obj) == OPERATOR:
            for kind in (("external-secrets.io/v1", "ClusterSecretStore"), *DERIVED):
                for each in cluster.list(*kind):
                    self(cluster, "changed", each)
        if _synced(obj) or _rests(cluster):
            return
        if obj["kind"] == "ClusterSecretStore":
            _status(cluster, obj, READY)
        elif obj["kind"] == "PushSecret":
            self._push(cluster, obj)
        elif obj["kind"] == "ExternalSecret":
            self._pull(cluster, obj)

    def _push(self, cluster: SimulatedCluster, obj: Object) -> None:
        name = obj["spec"]["selector"]["secret"]["name"]
        source = cluster.get(Ref("v1", "Secret", name, obj["metadata"]["namespace"]))
        if source is None:
            return
        for each in obj["spec"]["data"]:
            remote = each["match"]["remoteRef"]
            secrets = self.vault.live().secrets
            found = secrets.setdefault(remote["remoteKey"], Secret())
            merged = {**(found.versions[-1] if found.versions else {})}
            merged[remote["property"]] = source["data"][each["match"]["secretKey"]]
            if not found.versions or found.versions[-1] != merged:
                found.versions.append(merged)
        _status(cluster, obj, _ready(cluster, obj))

    def _pull(self, cluster: SimulatedCluster, obj: Object) -> None:
        spec = obj["spec"]
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        if spec.get("secretStoreRef") is None:  # a generator plays an operator
            target = spec.get("target", {}).get("name", name)
            template = spec.get("target", {}).get("template", {}).get("data") or {"password": "{{ }}"}
            data = {
                key: Sensitive(b"made-in-the-cluster" if "{{" in text else text.encode(), key)
                for key, text in template.items()
            }
        else:
            if not self._there(spec):
                _status(cluster, obj, FAILED)
                return
            target, data = spec["target"]["name"], self._values(spec)
        template = spec.get("target", {}).get("template", {})
        made = _made("Secret", target, namespace) | {"type": template.get("type", "Opaque"), "data": data}
        made["metadata"] = {**made["metadata"], **template.get("metadata", {})}
        made |= {"immutable": True} if spec.get("target", {}).get("immutable") else {}
        if isinstance(cluster.create(made), Refused) and not _overwritten(cluster, obj, made):
            return
        _status(cluster, obj, _ready(cluster, obj))

    def _there(self, spec: dict[str, Any]) -> bool:
        remote = [e["extract"]["key"] for e in spec.get("dataFrom", ())]
        remote += [e["remoteRef"]["key"] for e in spec.get("data", ())]
        secrets = self.vault.live().secrets
        return all(key in secrets and secrets[key].versions for key in remote)

    def _values(self, spec: dict[str, Any]) -> dict[str, Sensitive]:
        secrets = self.vault.live().secrets
        if "dataFrom" in spec:
            extract = spec["dataFrom"][0]["extract"]
            return _decoded(secrets[extract["key"]].versions[-1], extract["decodingStrategy"])
        found: dict[str, Sensitive] = {}
        for each in spec["data"]:
            remote = each["remoteRef"]
            value = {each["secretKey"]: secrets[remote["key"]].versions[-1][remote["property"]]}
            found |= _decoded(value, remote["decodingStrategy"])
        return found


def _decoded(values: dict[str, Sensitive], strategy: str) -> dict[str, Sensitive]:
    if strategy != "Base64":
        return dict(values)
    return {k: Sensitive(base64.b64decode(v.reveal()), k) for k, v in values.items()}


def _ready(cluster: SimulatedCluster, obj: Object) -> dict[str, Any]:
    """As the operator writes it: when it last looked, and at which spec."""
    now = cluster.server_time().strftime("%Y-%m-%dT%H:%M:%SZ")
    return READY | {"refreshTime": now, "syncedResourceVersion": _of_spec(obj)}


def _rests(cluster: SimulatedCluster) -> bool:
    live = cluster.peek(OPERATOR)
    return live is not None and live["spec"].get("replicas", 1) == 0


def _synced(obj: Object) -> bool:
    status = obj.get("status") or {}
    return status.get("conditions") == READY["conditions"] and status.get(
        "syncedResourceVersion", _of_spec(obj)
    ) == _of_spec(obj)


def _of_spec(obj: Object) -> str:
    return json.dumps(obj["spec"], sort_keys=True)


def _overwritten(cluster: SimulatedCluster, obj: Object, made: Object) -> bool:
    """The Secret that this object made before gets the new values; one of another owner is left."""
    meta = made["metadata"]
    live = cluster.get(Ref("v1", "Secret", meta["name"], meta["namespace"]))
    if live is None or not (obj.get("status") or {}).get("refreshTime"):
        return False
    cluster.replace({**live, "data": made["data"]})
    return True


def _status(cluster: SimulatedCluster, obj: Object, status: dict[str, Any]) -> None:
    cluster.set_status(obj, status)
