"""What ``ssh`` and the server's ``git`` say, as errors of ours: none of their words are repeated."""

from collections.abc import Callable
from typing import Final

from bootstrap.adapters.git.location import Location
from bootstrap.model.errors import PreconditionError


def judged(messages: str, location: Location, *, timed_out: bool) -> PreconditionError:
    """The messages of ``ssh`` and the server's ``git`` as an error of ours; none of their words are repeated."""
    for words, make in _JUDGEMENTS:
        if any(word in messages for word in words):
            return make(location)
    if timed_out:
        return failed(location, "the server did not answer in time", "E_GIT_TIMEOUT", "try again")
    why = "the server hung up, or what it says is not Git's protocol"
    return failed(location, why, "E_GIT_PROTOCOL", f"ssh {location.host} true shows whether it answers")


def failed(location: Location, message: str, code: str, hint: str) -> PreconditionError:
    return PreconditionError(message, code=code, where=location.shown, hint=hint)


def _judgement(message: str, code: str, hint: str) -> Callable[[Location], PreconditionError]:
    return lambda location: failed(location, message, code, hint)


_CHANGED = (
    "somebody may stand between: ask the server's owner before you put its new key into --git-known-hosts"
)
_JUDGEMENTS: Final = (
    (
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key for", "REVOKED HOST KEY"),
        _judgement("the server's host key is another one than the one named", "E_GIT_HOST_KEY", _CHANGED),
    ),
    (
        ("Host key verification failed", "host key is known"),
        _judgement(
            "--git-known-hosts has no key of this server",
            "E_GIT_HOST_KEY",
            "ssh-keyscan shows it; compare it with what the server's owner says, then add its line",
        ),
    ),
    (
        ("Permission denied", "Too many authentication failures"),
        _judgement(
            "the server does not take this key",
            "E_GIT_AUTH",
            "give the server the public half, or the right --git-key and user",
        ),
    ),
    (
        (
            "Could not resolve",
            "Connection refused",
            "No route to host",
            "Network is unreachable",
            "Connection reset",
        ),
        _judgement(
            "the server cannot be reached", "E_GIT_UNREACHABLE", "is the host right, and this machine online?"
        ),
    ),
    (
        ("timed out", "Timeout, server"),
        _judgement("the server did not answer in time", "E_GIT_TIMEOUT", "try again, or give a clone of it"),
    ),
    (
        ("does not appear to be a git repository", "not found", "No such file", "does not exist"),
        _judgement(
            "the server has no such repository, or does not show it to this key",
            "E_GIT_NOT_FOUND",
            "is the path right, and may this key read it?",
        ),
    ),
)
