"""A retired scaffold does not come back: admission refuses its re-creation, and new content of one that was emptied,
by any user (H3)."""

from bootstrap.model.catalog import RetireMode, Secret
from bootstrap.ports import Object
from bootstrap.steps.context.names import labels

POLICY = "bootstrap-retired-scaffolds"
API = "admissionregistration.k8s.io/v1"


def admission_policy(secrets: tuple[Secret, ...]) -> tuple[Object, Object]:
    """The ValidatingAdmissionPolicy and its binding, for all scaffolds of the catalog."""
    emptied = tuple(s for s in secrets if s.handover.retire is RetireMode.INERT)
    operations = ["CREATE", *(["UPDATE"] if emptied else [])]
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": operations, "resources": ["secrets"]}
    checks = [_check(f"request.operation != 'CREATE' || !({_among(secrets)})")]
    if emptied:
        empty = "!has(object.data) || size(object.data) == 0"
        checks.append(_check(f"request.operation != 'UPDATE' || !({_among(emptied)}) || {empty}"))
    policy = {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": POLICY, "labels": labels("retirement")},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": checks,
        },
    }
    binding = {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": POLICY, "labels": labels("retirement")},
        "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
    }
    return policy, binding


def _among(secrets: tuple[Secret, ...]) -> str:
    names = sorted(f"{s.scaffold.namespace}/{s.scaffold.name}" for s in secrets if s.scaffold)
    listed = ", ".join(f"'{n}'" for n in names)
    return f"(request.namespace + '/' + request.name) in [{listed}]"


def _check(expression: str) -> Object:
    message = "this bootstrap secret was retired: Vault is its authority"
    return {"expression": expression, "message": message, "reason": "Forbidden"}
