"""A retired scaffold does not come back: admission refuses its re-creation by any user (H3)."""

from bootstrap.model.catalog import Secret
from bootstrap.ports import Object
from bootstrap.steps.context.names import labels

POLICY = "bootstrap-retired-scaffolds"
API = "admissionregistration.k8s.io/v1"


def admission_policy(secrets: tuple[Secret, ...]) -> tuple[Object, Object]:
    """The ValidatingAdmissionPolicy and its binding, for all scaffolds of the catalog."""
    names = sorted(f"{s.scaffold.namespace}/{s.scaffold.name}" for s in secrets if s.scaffold)
    listed = ", ".join(f"'{n}'" for n in names)
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}
    policy = {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": POLICY, "labels": labels("retirement")},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [
                {
                    "expression": f"!((request.namespace + '/' + request.name) in [{listed}])",
                    "message": "this bootstrap secret was retired: Vault is its authority",
                    "reason": "Forbidden",
                }
            ],
        },
    }
    binding = {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": POLICY, "labels": labels("retirement")},
        "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
    }
    return policy, binding
