"""Vault policies, read as far as judging them needs: the blocks ``path "..." { capabilities = [...] }``.

Source: vault/policy.go of Vault 1.21.1. What Vault refuses for its syntax, its keys or its capabilities is refused
here; the values of other keys (a TTL, parameters, a control group) are not judged. Nothing is evaluated; templates in
a path (``{{identity...}}``) stay the text they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.intent.hcl_syntax import Item, Literal, Value, items
from bootstrap.intent.hcl_tokens import refusal

CAPABILITIES = frozenset(
    ("create", "read", "update", "patch", "delete", "list", "sudo", "deny", "subscribe", "recover")
)
_READS = frozenset(("read", "list"))
_WRITES = _READS | {"create", "update", "delete"}
_OLD = {
    "": frozenset[str](),
    "deny": frozenset(("deny",)),
    "read": _READS,
    "write": _WRITES,
    "sudo": _WRITES | {"sudo"},
}
_KEYS = {
    *("capabilities", "policy", "comment", "allowed_parameters", "denied_parameters", "required_parameters"),
    *("min_wrapping_ttl", "max_wrapping_ttl", "mfa_methods", "control_group", "subscribe_event_types"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One ``path`` block, the path without a ``/`` in front. ``line`` counts from 1."""

    path: str
    capabilities: frozenset[str]
    line: int


def read_policy(path: str, data: bytes) -> tuple[Grant, ...]:
    """Every grant of a policy file, HCL or JSON. DefinitionError E_POLICY with ``file:line``."""
    return tuple(_grants(path, data))


def _grants(path: str, data: bytes) -> Iterator[Grant]:
    for item in items(path, data):
        if item.keys == ("name",) and isinstance(item.value, Literal):
            continue
        if item.keys[0] != "path" or not isinstance(item.value, tuple):
            raise refusal(path, item.line, 'a policy holds blocks path "..." {...} and nothing else')
        name = item.keys[1] if len(item.keys) > 1 else "path"
        if "+*" in name:
            raise refusal(path, item.line, "Vault takes no +* in a path")
        yield Grant(path=name.removeprefix("/"), capabilities=_capabilities(path, item.value), line=item.line)


def _capabilities(path: str, body: tuple[Item, ...]) -> frozenset[str]:
    """What the block grants. Denying wins, and nothing behind it is looked at."""
    found: set[str] = set()
    for item in body:
        key = item.keys[0]
        if key not in _KEYS:
            raise refusal(path, item.line, f"unknown key {key[:40]!r}; known are {', '.join(sorted(_KEYS))}")
        if key == "capabilities":
            found |= set(_listed(path, item))
        elif key == "policy":
            found |= _old(path, item)
    return frozenset(("deny",)) if "deny" in found else frozenset(found)


def _listed(path: str, item: Item) -> Iterator[str]:
    if not isinstance(item.value, list):
        raise refusal(path, item.line, "capabilities is a list")
    for each in item.value:
        text = each.text if isinstance(each, Literal) else None
        if text is None or text not in CAPABILITIES:
            known = ", ".join(sorted(CAPABILITIES))
            raise refusal(path, _line(each, item.line), f"an unknown capability; known are {known}")
        yield text
        if text == "deny":
            return


def _line(value: Value, otherwise: int) -> int:
    return value.line if isinstance(value, Literal) else otherwise


def _old(path: str, item: Item) -> frozenset[str]:
    """The form before ``capabilities``: ``policy = "read"``."""
    text = item.value.text if isinstance(item.value, Literal) else None
    if text is None or text not in _OLD:
        raise refusal(
            path, item.line, f"an unknown policy; known are {', '.join(sorted(filter(None, _OLD)))}"
        )
    return _OLD[text]
