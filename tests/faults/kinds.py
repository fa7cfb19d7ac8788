"""The faults, each one function of an exchange: what the server gets, and what the client gets.

None ends the client's connection without another byte. K numbers are those of the fault matrix.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.faults.wire import Message, answer

if TYPE_CHECKING:
    from tests.faults.schedule import Exchange, Schedule


class Fault(StrEnum):
    KILL_BEFORE = "K1 killed before the call"
    KILL_AFTER = "K2 killed after the call was applied"
    LOST_REQUEST = "K3 cut before it is passed on"
    LOST_ANSWER = "K4 applied, and the answer is dropped"
    ZOMBIE = "K5 cut, and delivered after everything is over"
    TWICE = "K6 delivered twice, the second answer comes back"
    ERROR_NOT_APPLIED = "K7 500, not applied"
    ERROR_APPLIED = "K8 applied, and answered 500"
    BUSY = "K9 429, not applied"
    UNAVAILABLE_APPLIED = "K9 applied, and answered 503"
    TRUNCATED = "K10 applied, the answer ends in the middle"
    PAGE = "K11 applied, the answer is a page with status 200"
    DENIED = "K12 403, not applied"
    REDIRECT = "K13 307 to a stranger, not applied"
    RESTART_BEFORE = "K14 Vault's process is killed just before the call"
    RESTART_AFTER = "K14 Vault's process is killed just after the call"
    SLEEPER = "K15 stopped before the call, another up completes, then it goes on"


KILLS = frozenset({Fault.KILL_BEFORE, Fault.KILL_AFTER})
RESTARTS = frozenset({Fault.RESTART_BEFORE, Fault.RESTART_AFTER})
# What makes no sense for a call that changes nothing.
WRITES_ONLY = frozenset({Fault.ZOMBIE, Fault.TWICE, Fault.RESTART_BEFORE, Fault.RESTART_AFTER, Fault.SLEEPER})
Effect = Callable[["Schedule", "Exchange"], Message | None]


def kill_before(run: "Schedule", call: "Exchange") -> Message | None:
    run.kill()
    return None


def kill_after(run: "Schedule", call: "Exchange") -> Message | None:
    call.forward()
    run.kill()
    return None


def lost_request(run: "Schedule", call: "Exchange") -> Message | None:
    return None


def lost_answer(run: "Schedule", call: "Exchange") -> Message | None:
    call.forward()
    return None


def zombie(run: "Schedule", call: "Exchange") -> Message | None:
    run.late.append(call)
    return None


def twice(run: "Schedule", call: "Exchange") -> Message | None:
    call.forward()
    return call.forward()


def error_not_applied(run: "Schedule", call: "Exchange") -> Message | None:
    return refused(call, 500, "Internal Server Error")


def error_applied(run: "Schedule", call: "Exchange") -> Message | None:
    call.forward()
    return refused(call, 500, "Internal Server Error")


def busy(run: "Schedule", call: "Exchange") -> Message | None:
    return refused(call, 429, "Too Many Requests", "Retry-After: 1")


def unavailable_applied(run: "Schedule", call: "Exchange") -> Message | None:
    call.forward()
    return refused(call, 503, "Service Unavailable", "Retry-After: 1")


def truncated(run: "Schedule", call: "Exchange") -> Message | None:
    whole = call.forward().raw
    call.client.sendall(whole[: len(whole) - 1 - len(whole) // 10])
    return None


def page(run: "Schedule", call: "Exchange") -> Message | None:
    call.forward()
    return answer(200, "OK", b"<html><body>Please log in</body></html>", kind="text/html")


def denied(run: "Schedule", call: "Exchange") -> Message | None:
    return refused(call, 403, "Forbidden")


def redirect(run: "Schedule", call: "Exchange") -> Message | None:
    return answer(307, "Temporary Redirect", b"", "Location: https://stranger.invalid/")


def restart_before(run: "Schedule", call: "Exchange") -> Message | None:
    run.interlude()
    return call.forward()


def restart_after(run: "Schedule", call: "Exchange") -> Message | None:
    found = call.forward()
    run.interlude()
    return found


def sleeper(run: "Schedule", call: "Exchange") -> Message | None:
    run.stop()
    try:
        run.interlude()
    finally:
        run.go_on()
    return call.forward()


def refused(call: "Exchange", status: int, words: str, *headers: str) -> Message:
    """An error in the server's own form."""
    reason = words.replace(" ", "")
    status_object = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    body = (
        {"errors": [f"{words} (by the proxy)"]}
        if call.system == "vault"
        else {**status_object, "reason": reason, "message": f"{words} (by the proxy)"}
    )
    return answer(status, words, json.dumps(body).encode(), *headers)


EFFECTS: dict[Fault, Effect] = {
    Fault.KILL_BEFORE: kill_before,
    Fault.KILL_AFTER: kill_after,
    Fault.LOST_REQUEST: lost_request,
    Fault.LOST_ANSWER: lost_answer,
    Fault.ZOMBIE: zombie,
    Fault.TWICE: twice,
    Fault.ERROR_NOT_APPLIED: error_not_applied,
    Fault.ERROR_APPLIED: error_applied,
    Fault.BUSY: busy,
    Fault.UNAVAILABLE_APPLIED: unavailable_applied,
    Fault.TRUNCATED: truncated,
    Fault.PAGE: page,
    Fault.DENIED: denied,
    Fault.REDIRECT: redirect,
    Fault.RESTART_BEFORE: restart_before,
    Fault.RESTART_AFTER: restart_after,
    Fault.SLEEPER: sleeper,
}
