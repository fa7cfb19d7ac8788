"""Which call of one run is hit, and the log of all calls: method, path, fault, outcome; never a value."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.faults.kinds import EFFECTS, KILLS, WRITES_ONLY, Fault
from tests.faults.wire import Message

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Writes by their verb that change nothing of the platform's: reviews, tokens, logins and their end.
QUESTIONS = {
    "api": ("/token", "reviews", "/portforward"),
    "vault": (
        "auth/kubernetes/login",
        "auth/token/revoke-self",
        "auth/token/lookup-accessor",
        "auth/token/lookup-self",
        "sys/capabilities-self",
        "sys/audit-hash/file",
        "identity/lookup/entity",
    ),
}


class Server(Protocol):
    """The real one behind the proxy."""

    def ask(self, request: Message) -> Message: ...

    """The answer; OSError when there is none."""

    def afresh(self) -> "Server": ...

    """The same over a connection of its own."""


@dataclass
class Exchange:
    """One request of the client; ``system`` is api or vault, ``place`` the pod of a Vault."""

    system: str
    request: Message
    server: Server
    client: Any
    place: str = ""
    outcome: str = "not passed on"

    def forward(self) -> Message:
        """The real server's answer."""
        try:
            found = self.server.ask(self.request)
        except OSError:
            self.outcome = "no answer"
            raise
        self.outcome = str(found.status)
        return found

    def deliver(self) -> None:
        """Long after its client is gone."""
        self.server.afresh().ask(self.request)

    @property
    def path(self) -> str:
        return self.request.target.partition("?")[0]

    @property
    def writes(self) -> bool:
        """Whether it changes something. Renewals of the Lease come by the clock, so they are not counted."""
        if self.request.method not in CHANGES or "dryRun" in self.request.target:
            return False
        if self.system == "vault":
            return self.path.removeprefix("/v1/") not in QUESTIONS["vault"]
        if "/leases" in self.path and self.request.method != "POST":
            return False
        return not self.path.endswith(QUESTIONS["api"])

    @property
    def conditional(self) -> bool:
        """For a server-side apply: whether it says which version of the object it saw."""
        return b"resourceVersion" in self.request.body

    def __str__(self) -> str:
        where = f" on {self.place}" if self.place else ""
        return f"{self.system} {self.request.method} {self.path}{where}"


@dataclass
class Schedule:
    """One faulted run: at the ``at``-th call that counts, ``fault``. At 0 nothing is hit."""

    fault: Fault | None = None
    at: int = 0
    reads: bool = False  # whether calls that change nothing count as well
    when: "Callable[[Exchange], bool] | None" = None  # instead of ``at``: at the first call of this kind
    interlude: Callable[[], None] = lambda: None
    victim: "subprocess.Popen[Any] | None" = None
    count: int = 0
    where: str = ""  # the call that was hit; empty: the fault did not fire
    locals: int = 0  # effects on this machine; they count for kills only
    log: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    late: list[Exchange] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def fired(self) -> bool:
        return bool(self.where)

    def meet(self, call: Exchange) -> Message | None:
        """The answer that the client gets; None ends its connection."""
        self._judge(call)
        fault = self.fault if self._hits(str(call), call.writes, call) else None
        try:
            return EFFECTS[fault](self, call) if fault else call.forward()
        finally:
            with self._lock:
                self.log.append(f"{call} {fault.name if fault else '-'} {call.outcome}")

    def local(self, effect: str, *, after: bool) -> None:
        """An effect on this machine, asked for over a pipe; only a kill can come here."""
        if after != (self.fault is Fault.KILL_AFTER):
            return
        self.locals += 1
        self.log.append(f"local {effect}")
        if self.fault in KILLS and self._hits(f"local {effect}", True):
            self.kill()

    def _hits(self, name: str, writes: bool, call: Exchange | None = None) -> bool:
        with self._lock:
            if not writes and (not self.reads or self.fault in WRITES_ONLY):
                return False
            self.count += 1
            if self.when is not None:
                hit = not self.fired and call is not None and self.when(call)
            else:
                hit = self.fault is not None and self.count == self.at
            self.where = name if hit else self.where
            return hit

    def _judge(self, call: Exchange) -> None:
        """What must hold for each request, whatever its fault: I-7 and H2."""
        if call.system == "api" and call.request.method == "DELETE" and call.writes:
            options = json.loads(call.request.body or b"{}")
            if not (options.get("preconditions") or {}).get("uid"):
                self.broken.append(f"I-7: {call} without a UID")
        if call.system == "vault" and call.writes and call.path.startswith("/v1/secret/data/"):
            options = json.loads(call.request.body or b"{}").get("options") or {}
            if "cas" not in options:
                self.broken.append(f"H2: {call} without cas")

    # ------------------------------------------------------------ the process

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        if self.victim is not None:
            self.victim.wait()

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.victim is not None and self.victim.poll() is None:
            os.kill(self.victim.pid, number)
