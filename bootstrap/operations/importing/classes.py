"""What an encrypted file is that is no Secret of Kubernetes: one word for many files, from its path and its keys."""

import re
from collections.abc import Collection

from bootstrap.intent.encryption_forms import Form

_BY_PATH = (  # the first that fits counts
    (r"(^|/)(group|host)_vars/|(^|/)(ansible|inventor(y|ies)|playbooks?|roles)/", "variables of Ansible"),
    (r"(^|/)talos/|tal(env|secret|config)\.", "configuration of Talos"),
    (r"\.tfvars|\.tfstate|(^|/)terraform/|(^|/)(open)?tofu/", "variables of Terraform"),
    (r"(^|/)(docker|compose|stacks?)/|(docker-)?compose\.", "configuration of containers outside Kubernetes"),
    (r"(^|[/._-])values([._-]|$)|(^|/)helm(file)?/", "Helm values"),
    (r"(^|[/._-])kubeconfig", "a kubeconfig"),
    (
        r"(^|/)(cloud|infrastructure|infra|hosts?|machines?|nixos|provision)/",
        "configuration of infrastructure",
    ),
)
_TALOS = {"machine", "cluster", "trustdinfo"}
_FORMS = {
    Form.DOTENV: "a dotenv file",
    Form.INI: "an INI file",
    Form.BINARY: "a file of bytes",
    Form.JSON: "a JSON file",
    Form.YAML: "a YAML file",
}


def class_of(path: str, kinds: Collection[str], fields: Collection[str]) -> str:
    """``kinds`` of its documents (empty texts where there is none), ``fields`` of the first one."""
    named = sorted({kind for kind in kinds if kind})
    if named:
        return f"kind {', '.join(named)}"
    by_path = next((name for pattern, name in _BY_PATH if re.search(pattern, path, re.IGNORECASE)), "")
    if by_path:
        return by_path
    if any(field.startswith("ansible_") for field in fields):
        return "variables of Ansible"
    return "configuration of Talos" if len(_TALOS & set(fields)) > 1 else ""


def class_of_form(form: Form) -> str:
    """Where nothing else is known of it."""
    return f"{_FORMS[form]} that is no Secret"
