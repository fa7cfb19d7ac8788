"""Vault's JSON and ours: what goes in, what comes out, and which words of the server may be shown.

Source: developer.hashicorp.com/vault/api-docs, "HTTP status codes" and "Error response".
"""

import re
from collections.abc import Mapping
from typing import Any

from bootstrap.adapters.local.redaction import repeats, shown
from bootstrap.model.errors import BootstrapError, DefinitionError, Transient, UnknownOutcome, WorldError
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer

READS = ("GET", "LIST")
METHODS = (*READS, "POST", "PUT", "DELETE")
# Segments of what Vault and our conventions use. No '.' alone, no '%', no '//': Vault answers those with a
# redirect, and a redirect must never decide where a secret goes. A query is `?key=value&...`.
PATH = re.compile(
    r"(?!(?:.*/)?\.{1,2}(?:[/?]|$))"
    r"[A-Za-z0-9_.@:+=-]+(?:/[A-Za-z0-9_.@:+=-]+)*/?"
    r"(?:\?[A-Za-z0-9_=&.,-]+)?"
)


def checked_path(path: str) -> str:
    """``path`` below ``/v1/``. DefinitionError E_DEST_PATH for anything else."""
    if not PATH.fullmatch(path):
        raise DefinitionError(
            f"not a path of Vault: {path!r}",
            code="E_DEST_PATH",
            hint="use segments of letters, digits and _ . @ : + = - joined by single slashes",
        )
    return path


def revealed(node: Any) -> Any:
    """The request body as JSON wants it. Its only caller sends it at once."""
    if isinstance(node, Sensitive):
        return _text(node)
    if isinstance(node, Mapping):
        return {key: revealed(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [revealed(value) for value in node]
    return node


def _text(value: Sensitive) -> str:
    try:
        return value.reveal().decode("utf-8")
    except UnicodeDecodeError:
        raise DefinitionError(
            f"{value} is not UTF-8 text", code="E_BINARY", hint="give it encoding: base64 in the catalog"
        ) from None


def answer_of(path: str, status: int, content: bytes, sent: Any, token: Any = None) -> Answer | None:
    """Reads one answer; None when it is not JSON (a proxy's page), which says nothing about Vault."""
    try:
        document = json_value(content) if content.strip() else {}
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    data = document.get("data")
    body = data if isinstance(data, dict) else _without_envelope(document)
    return Answer(
        status=status,
        data=_wrapped(path, body),
        request_id=_identity(document.get("request_id"), [sent, token]),
        errors=_words(document.get("errors"), sent, token),
        auth=_auth(document.get("auth")),
    )


def _without_envelope(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("errors", "auth", "request_id")}


# What Vault 1.21 answers to a request with a value in it, as far as it is known not to quote it.
KNOWN = (
    "permission denied",
    "Vault is sealed",
    "Vault is not initialized",
    "local node not active but active cluster node not found",
    "no active",
    "check-and-set parameter did not match the current version",
    "check-and-set parameter required for this call",
    "no data provided",
    "no handler for route",
    "unsupported operation",
    "unsupported path",
    "invalid role name",
    "invalid audience",
    "service account name not authorized",
    "namespace not authorized",
    "invalid key",
    "cipher: message authentication failed",
    "'key' must be a valid hex or base64 string",
    "no rekey in progress",
    "rekey already in progress",
    "incorrect nonce supplied",
    "incorrect rekey nonce",
    "request body too large",
)


def _words(errors: Any, sent: Any, token: Any) -> tuple[str, ...]:
    words = [str(word) for word in errors] if isinstance(errors, list) else []
    known = {word: "; ".join(phrase for phrase in KNOWN if phrase in word) for word in words}
    return tuple(shown(word, sent, instead=known[word], beside=token) for word in words)


def _identity(text: Any, sent: Any) -> str:
    """Vault's request id, which goes into errors and records; nothing that does not look like one."""
    looks = isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9-]{1,64}", text)
    return str(text) if looks and not repeats(str(text), sent) else ""


def _auth(auth: Any) -> dict[str, Any]:
    if not isinstance(auth, dict):
        return {}
    token = auth.get("client_token")
    return {**auth, "client_token": Sensitive(str(token or "").encode(), "Vault token")}


# Fields that hold a value by design: under every path, and under some.
SECRET_NAMES = {"password", "plaintext", "private_key", "secret_id", "secret_key"}
SECRET_NAMES_BELOW = {
    "sys/generate-root": {"encoded_token", "encoded_root_token", "otp"},
    "sys/rekey": {"keys", "keys_base64"},
    "auth/token/lookup": {"id"},
}


def _wrapped(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """KV values and other fields that are values by design become ``Sensitive``."""
    inner = body.get("data")
    if isinstance(inner, dict) and not path.startswith(("sys/", "auth/", "identity/")):
        body = {**body, "data": _sealed(inner, path)}
    names = SECRET_NAMES.union(
        *(more for start, more in SECRET_NAMES_BELOW.items() if path.startswith(start))
    )
    return {key: _sealed(value, key) if key in names else value for key, value in body.items()}


def _sealed(node: Any, label: str) -> Any:
    """Every string below ``node`` as ``Sensitive``, named by its own path."""
    if isinstance(node, str):
        return Sensitive(node.encode(), label)
    if isinstance(node, dict):
        return {key: _sealed(value, f"{label} {key}") for key, value in node.items()}
    if isinstance(node, list):
        return [_sealed(value, label) for value in node]
    return node


def refusal(answer: Answer, method: str, what: str) -> BootstrapError | None:
    """The error that an answer amounts to; None: it is an answer for the caller (2xx, 400, 404, 405, 412)."""
    words = "; ".join(answer.errors) or "no reason given"
    text = f"{what}: Vault answered {answer.status}: {words}" + (
        f" (request {answer.request_id})" if answer.request_id else ""
    )
    if answer.status in (307, 308, 472, 473) or _no_leader(answer):
        # Not applied: a standby hands a write on only by telling the client where to go.
        return Transient(f"{what}: this pod is not the active node", code="E_VAULT_STANDBY", where=what)
    if answer.status == 403:
        return WorldError(text, code="E_VAULT_DENIED", where=what)
    if answer.status == 429:
        return Transient(text, code="E_VAULT_BUSY", where=what)
    if answer.status >= 500:
        if answer.status == 503 and any("sealed" in word.lower() for word in answer.errors):
            return Transient(text, code="E_VAULT_SEALED", where=what)
        if method in READS:
            return Transient(text, code="E_VAULT_AWAY", where=what)
        return UnknownOutcome(text, code="E_UNKNOWN_OUTCOME", where=what)
    return None


def _no_leader(answer: Answer) -> bool:
    """The answer while a new leader is elected, before the request is looked at."""
    return answer.status >= 500 and any(
        "active cluster node not found" in word or "no active" in word for word in answer.errors
    )
