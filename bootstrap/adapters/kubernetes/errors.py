"""The API server's refusals in our words: applied, not applied (and why), or unknown.

Source: the ``Status`` object of the API conventions, and what a 1.34 server was seen to answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bootstrap.adapters.local.redaction import repeats, shown
from bootstrap.model.errors import BootstrapError, PreconditionError, Transient, UnknownOutcome, WorldError
from bootstrap.model.outside import decimal, json_value
from bootstrap.ports import Reason, Refused

# Server-side apply answers 500 for what it could not even read: an unknown field, a key twice, a bad time.
NOT_READ = ("failed to create typed patch object", "failed to convert new object")
LONGEST = 600  # characters of a server's message that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One answer that is not a success. ``pause`` is the server's Retry-After in seconds, 0 when unsaid.

    ``message`` is the server's, whole, by which answers are distinguished; ``words`` are what of it may be shown.
    """

    status: int
    reason: str = ""
    message: str = field(default="", repr=False)
    words: str = ""
    causes: tuple[str, ...] = ()
    pause: float = 0.0


def failure(status: int, body: str, retry_after: str = "", sent: Any = None) -> Failure:
    """Reads a ``Status`` object; any other body (a proxy's page, say) counts as no words at all.

    Of an answer to a request that carried a value nothing is shown but names that can be none: the reason, fields,
    another field manager, an admission policy.
    """
    pause = float(decimal(retry_after) or 0)
    try:
        document = json_value(body or "{}")
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    causes = _causes(document)
    reason, message = str(document.get("reason") or ""), str(document.get("message") or "")
    names = tuple(name for name in _names(reason, message, causes) if not repeats(name, sent))
    return Failure(
        status=status,
        reason=reason if _REASON.fullmatch(reason) else "",
        message=message,
        words=shown(message, sent, instead=", ".join(names))[:LONGEST],
        causes=tuple(str(cause.get("reason") or "") for cause in causes),
        pause=pause,
    )


_REASON = re.compile(r"[A-Za-z]{1,40}")
_FIELD = re.compile(r"\.?[A-Za-z][A-Za-z0-9_.\[\]/-]{0,120}")
_MANAGER = re.compile(r'conflict with "([a-z0-9][a-z0-9._-]{0,60})"')
_POLICY = re.compile(r"ValidatingAdmissionPolicy '([a-z0-9][a-z0-9.-]{0,100})'")


def _causes(document: dict[str, Any]) -> list[dict[str, Any]]:
    details = document.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []


def _names(reason: str, message: str, causes: list[dict[str, Any]]) -> Iterator[str]:
    """Names that the form of an answer has at fixed places."""
    if _REASON.fullmatch(reason):
        yield reason
    fields = sorted({str(cause.get("field") or "") for cause in causes})
    yield from (f"field {name}" for name in fields if _FIELD.fullmatch(name))
    texts = [message, *(str(cause.get("message") or "") for cause in causes)]
    yield from (
        f"field manager {name}" for name in dict.fromkeys(n for t in texts for n in _MANAGER.findall(t))
    )
    yield from (f"admission policy {name}" for name in dict.fromkeys(_POLICY.findall(message)))


def refusal(found: Failure) -> Refused | None:
    """The value for a write that the server certainly did not apply; None when it is no such answer."""
    reason = _reason(found)
    return None if reason is None else Refused(reason, found.words)


def _reason(found: Failure) -> Reason | None:
    match found.status:
        case 409:
            return _conflict(found)
        case 404:
            return Reason.NOT_FOUND
        case 403 if "NamespaceTerminating" in found.causes:
            return Reason.TERMINATING
        case 403:
            return Reason.FORBIDDEN
        case 400 | 405 | 413 | 415 | 422:
            return Reason.INVALID
        case 500 if found.message.startswith(NOT_READ):
            return Reason.INVALID
        case _:
            return None


def _conflict(found: Failure) -> Reason:
    if found.reason == "AlreadyExists":
        return Reason.TERMINATING if "object is being deleted" in found.message else Reason.EXISTS
    if "FieldManagerConflict" in found.causes:
        return Reason.FIELD_CONFLICT
    return Reason.CONFLICT


def write_error(found: Failure, what: str) -> BootstrapError:
    """For a write that ``refusal`` has no value for."""
    if found.status == 401:
        return _not_logged_in(what)
    if found.status == 429 or "failed calling webhook" in found.message:
        # Both come before anything is stored: flow control refuses first, admission after it.
        return Transient(_text(found, what), code="E_KUBE_BUSY", where=what)
    return UnknownOutcome(_text(found, what), code="E_UNKNOWN_OUTCOME", where=what)


def read_error(found: Failure, what: str) -> BootstrapError:
    """For a read; 404 never comes here."""
    if found.status == 401:
        return _not_logged_in(what)
    if found.status == 403:
        return WorldError(
            _text(found, what),
            code="E_KUBE_DENIED",
            where=what,
            hint="bootstrap doctor names every missing permission",
        )
    if found.status == 429 or found.status >= 500:
        return Transient(_text(found, what), code="E_KUBE_BUSY", where=what)
    # 410: the snapshot that a paged list walks through has expired.
    code = "E_KUBE_GONE" if found.status == 410 else "E_KUBE_REFUSED"
    return WorldError(_text(found, what), code=code, where=what)


def _text(found: Failure, what: str) -> str:
    words = found.words or found.reason or "no reason given"
    return f"{what}: the API server answered {found.status}: {words}"


def _not_logged_in(what: str) -> PreconditionError:
    return PreconditionError(
        "the API server does not accept this kubeconfig's credentials (401)",
        code="E_KUBE_AUTH",
        where=what,
        hint="renew them, or choose another --context",
    )
