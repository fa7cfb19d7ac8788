"""Labels and annotations that go with a Secret, and those that belong to the tool that applied it."""

import re
from collections.abc import Mapping
from types import MappingProxyType

_OF_TOOLS = re.compile(
    r"(kustomize\.toolkit|helm\.toolkit)\.fluxcd\.io/.*"
    r"|(kustomize\.)?config\.(kubernetes|k8s)\.io/.*|internal\.config\.kubernetes\.io/.*"
    r"|kubectl\.kubernetes\.io/.*|meta\.helm\.sh/.*|helm\.sh/.*"
    r"|argocd\.argoproj\.io/(?!secret-type$).*"  # the type is how Argo CD finds its own
    r"|reconcile\.external-secrets\.io/.*|kubernetes\.io/service-account\..*"
)
_OWNER = re.compile(r"([a-z0-9.-]+/)?(owner|team)")
_PURPOSE = re.compile(r"([a-z0-9.-]+/)?(purpose|description)")


def carried(marks: Mapping[str, str]) -> Mapping[str, str]:
    """What the Secret that is made from Vault has too."""
    return MappingProxyType({name: marks[name] for name in sorted(marks) if not _OF_TOOLS.fullmatch(name)})


def owner_of(marks: Mapping[str, str]) -> str:
    """Who answers for it, by an annotation or a label called ``owner`` or ``team``."""
    return _named(marks, _OWNER)


def purpose_of(marks: Mapping[str, str]) -> str:
    """What it is for, by an annotation called ``purpose`` or ``description``."""
    return _named(marks, _PURPOSE)


def _named(marks: Mapping[str, str], pattern: re.Pattern[str]) -> str:
    found = (value.strip() for name, value in sorted(marks.items()) if pattern.fullmatch(name.lower()))
    return next((value for value in found if value and "\n" not in value), "")
