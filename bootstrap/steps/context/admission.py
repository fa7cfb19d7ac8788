"""A ValidatingAdmissionPolicy of ours with its binding: the API server judges by it itself, nothing of ours runs.

It cannot refuse a change of itself: an administrator takes one away by deleting its binding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bootstrap.ports import Object
from bootstrap.steps.context.names import labels

API: Final = "admissionregistration.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """``rules``: which requests are judged, ``only``: CEL that narrows them by name, ``refused``: CEL that must hold,
    each with the message where it does not."""

    name: str
    role: str
    rules: tuple[Mapping[str, Any], ...]
    must: Mapping[str, str]
    only: Mapping[str, str]
    namespace: str = ""

    def objects(self) -> tuple[Object, Object]:
        constraints: dict[str, Any] = {"resourceRules": [dict(rule) for rule in self.rules]}
        if self.namespace:
            label = {"kubernetes.io/metadata.name": self.namespace}
            constraints["namespaceSelector"] = {"matchLabels": label}
        spec: dict[str, Any] = {
            "failurePolicy": "Fail",
            "matchConstraints": constraints,
            "validations": [
                {"expression": expression, "message": message, "reason": "Forbidden"}
                for expression, message in self.must.items()
            ],
        }
        if self.only:
            spec["matchConditions"] = [{"name": n, "expression": e} for n, e in self.only.items()]
        meta = {"name": self.name, "labels": labels(self.role)}
        policy = {"apiVersion": API, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": spec}
        binding = {
            "apiVersion": API,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": meta,
            "spec": {"policyName": self.name, "validationActions": ["Deny"]},
        }
        return policy, binding


def rule(operations: Sequence[str], resource: str) -> dict[str, Any]:
    """Requests for a resource, or a subresource, of the core group."""
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": list(operations),
        "resources": [resource],
    }


def listed(names: Sequence[str]) -> str:
    """A list of CEL. Names of Kubernetes' users may hold any character."""
    quoted = (name.replace("\\", "\\\\").replace("'", "\\'") for name in sorted(names))
    return "[" + ", ".join(f"'{name}'" for name in quoted) + "]"
