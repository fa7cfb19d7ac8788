"""Faults at the n-th call of the ports, counted over every method: nothing is listed by hand, so it cannot rot.

    schedule = Schedule(Fault.KILL_AFTER, 3)
    platform.up(**schedule.ports(platform))     # the third call is applied, then the process is dead
    schedule.fired                              # False once n is past the end: the loop is done

Each fault is one method. What a port answers then is what the adapters make of it: a lost answer is
``UnknownOutcome`` for a write, ``Transient`` for a read, None where the port says so (``seal_status``, ``active``).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.model.errors import BootstrapError, PreconditionError, Transient, UnknownOutcome, WorldError
from bootstrap.ports import Reason, Refused

if TYPE_CHECKING:
    from tests.simulator.platform import SimulatedPlatform

CLUSTER_WRITES = frozenset({"create", "replace", "apply", "delete"})
NOT_CALLS = frozenset({"server", "context", "folder"})
SHRUGS = frozenset({"seal_status", "active"})  # None means that the pod does not answer


class Killed(BaseException):
    """The process is gone: no handler of ours may survive it."""


class Fault(StrEnum):
    """The kinds of the fault model that a port can see; K numbers are those of the fault matrix."""

    KILL_BEFORE = "K1 killed before the call"
    KILL_AFTER = "K2 killed after the call was applied"
    LOST_REQUEST = "K3 not applied, and the caller cannot know"
    LOST_ANSWER = "K4 applied, and the answer is lost"
    ZOMBIE = "K5 applied only after everything is over"
    TWICE = "K6 applied twice, the second answer comes back"
    ERROR_NOT_APPLIED = "K7 500, not applied"
    ERROR_APPLIED = "K8 500, applied"
    BUSY = "K9 429 or 503, not applied"
    GARBLED = "K10 K11 applied, the answer is a cut body or a page"
    DENIED = "K12 403"
    STANDBY = "K13 a standby answers with a redirect"
    RESTART_BEFORE = "K14 Vault restarts just before the call"
    RESTART_AFTER = "K14 Vault restarts just after the call"
    SECOND_UP = "K15 a second up runs to its end here"
    STALE = "K16 an older answer, once"
    NO_SPACE = "the operator's disk is full"


WRITES_ONLY = frozenset(
    {Fault.ZOMBIE, Fault.TWICE, Fault.RESTART_BEFORE, Fault.RESTART_AFTER, Fault.SECOND_UP}
)
# The four that the smaller tests go through one port with.
BASIC = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.LOST_ANSWER, Fault.LOST_REQUEST)
LASTING = (Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.BUSY, Fault.DENIED, Fault.NO_SPACE)


@dataclass(frozen=True)
class Call:
    system: str  # cluster, vault, records
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    method: Callable[..., Any]

    def apply(self) -> Any:
        return self.method(*self.args, **self.kwargs)

    @property
    def writes(self) -> bool:
        match self.system:
            case "cluster":
                return self.name in CLUSTER_WRITES
            case "vault" if self.name == "call":
                return self.args[0] not in ("GET", "LIST")
            case "vault":
                return self.name in ("initialise", "unseal", "raft_restore")
        return self.name == "write"

    def __str__(self) -> str:
        first = self.args[:2] if self.system == "vault" else self.args[:1]
        what = [a["kind"] + " " + a["metadata"]["name"] if isinstance(a, dict) else str(a) for a in first]
        return f"{self.system}.{self.name}({', '.join(what)})"


class Schedule:
    """One fault of one run. ``lasting``: from the n-th call on until the run is over."""

    def __init__(self, fault: Fault, at: int, *, lasting: bool = False, only_writes: bool = False) -> None:
        self.fault, self.at, self.lasting, self.only_writes = fault, at, lasting, only_writes
        self.count = 0
        self.fired = False
        self.where = ""  # the call that was hit, for messages
        self.dead = False
        self.late: list[Call] = []
        self._seen: dict[str, Any] = {}  # the last answers of reads, for STALE
        self._platform: SimulatedPlatform | None = None

    def ports(self, platform: "SimulatedPlatform") -> dict[str, Any]:
        """What ``SimulatedPlatform.up`` takes: each port with this schedule before it."""
        self._platform = platform
        return {
            "cluster": Port("cluster", platform.cluster, self),
            "vault": Port("vault", platform.vault, self),
            "records": Port("records", FolderRecords(platform.records), self),
        }

    def deliver(self) -> None:
        """The delayed requests arrive at last."""
        for call in self.late:
            with suppress(BootstrapError):  # nobody waits for the answer any more
                call.apply()
        self.late.clear()

    def __call__(self, call: Call) -> Any:
        if self.dead:
            raise Killed(str(call))
        if not self._concerns(call):
            return self._remembered(call)
        self.count += 1
        if self.count == self.at or (self.lasting and self.count > self.at):
            self.where = self.where or str(call)
            self.fired = True
            return getattr(self, self.fault.name.lower())(call)
        return self._remembered(call)

    def _concerns(self, call: Call) -> bool:
        if self.only_writes and not call.writes:
            return False
        match self.fault:
            case Fault.NO_SPACE:
                return call.system == "records" and call.writes
            case Fault.KILL_BEFORE | Fault.KILL_AFTER:
                return True
            case Fault.STANDBY:
                return call.system == "vault" and call.name == "call"
            case Fault.STALE:
                return call.name in ("get", "list") or (call.name == "call" and not call.writes)
        return call.system != "records" and (call.writes or self.fault not in WRITES_ONLY)

    def _remembered(self, call: Call) -> Any:
        answer = call.apply()
        if self.fault is Fault.STALE and not call.writes:
            self._seen[f"{call} {call.args[1:]} {call.kwargs.get('pod', '')}"] = answer
        return answer

    # ------------------------------------------------------------ the faults

    def kill_before(self, call: Call) -> Any:
        self.dead = True
        raise Killed(str(call))

    def kill_after(self, call: Call) -> Any:
        call.apply()
        return self.kill_before(call)

    def lost_request(self, call: Call) -> Any:
        return self._unclear(call, "the connection broke")

    def lost_answer(self, call: Call) -> Any:
        call.apply()
        return self._unclear(call, "the connection broke")

    def zombie(self, call: Call) -> Any:
        self.late.append(call)
        return self._unclear(call, "no answer in time")

    def twice(self, call: Call) -> Any:
        call.apply()
        return call.apply()

    def error_not_applied(self, call: Call) -> Any:
        return self._unclear(call, "the server answered 500")

    def error_applied(self, call: Call) -> Any:
        call.apply()
        return self._unclear(call, "the server answered 500")

    def garbled(self, call: Call) -> Any:
        call.apply()
        return self._unclear(call, "the answer is no answer of this server")

    def busy(self, call: Call) -> Any:
        if call.name == "initialise":  # anything but a clean answer is unknown
            return self._unclear(call, "the server answered 429")
        if call.name in SHRUGS:
            return None
        code = "E_KUBE_BUSY" if call.system == "cluster" else "E_VAULT_BUSY"
        raise Transient(f"{call}: the server answered 429", code=code, where=str(call))

    def denied(self, call: Call) -> Any:
        if call.system == "cluster" and call.writes:
            return Refused(Reason.FORBIDDEN, f"{call}: not allowed")
        if call.name == "initialise":
            return self._unclear(call, "the server answered 403")
        if call.name == "active":
            return None
        code = "E_KUBE_DENIED" if call.system == "cluster" else "E_VAULT_DENIED"
        raise WorldError(
            f"{call}: the server answered 403", code=code, where=str(call), hint="bootstrap doctor"
        )

    def standby(self, call: Call) -> Any:
        raise Transient(f"{call}: this pod is not the active node", code="E_VAULT_STANDBY", where=str(call))

    def restart_before(self, call: Call) -> Any:
        self._restart()
        return call.apply()

    def restart_after(self, call: Call) -> Any:
        answer = call.apply()
        self._restart()
        return answer

    def second_up(self, call: Call) -> Any:
        assert self._platform is not None
        self._platform.up()
        return call.apply()

    def stale(self, call: Call) -> Any:
        now = call.apply()
        return self._seen.get(f"{call} {call.args[1:]} {call.kwargs.get('pod', '')}", now)

    def no_space(self, call: Call) -> Any:
        raise PreconditionError(
            "cannot write the records: No space left on device",
            code="E_RECORDS",
            where=str(call),
            hint="give another folder with --records DIR",
        )

    def _restart(self) -> None:
        assert self._platform is not None
        self._platform.vault.restart("vault-0")

    def _unclear(self, call: Call, why: str) -> Any:
        if call.name in SHRUGS:
            return None
        if call.writes and call.name != "unseal":
            raise UnknownOutcome(f"{call}: {why}", code="E_UNKNOWN_OUTCOME", where=str(call))
        code = "E_UNREACHABLE" if call.system == "cluster" else "E_VAULT_AWAY"
        raise Transient(f"{call}: {why}", code=code, where=str(call))


class Port:
    """A port with a schedule before it."""

    def __init__(self, system: str, target: Any, schedule: Callable[[Call], Any]) -> None:
        self._system, self._target, self._schedule = system, target, schedule

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name in NOT_CALLS or not callable(value):
            return value
        return lambda *args, **kwargs: self._schedule(Call(self._system, name, args, kwargs, value))


class Faulty(Port):
    """One port with one fault in it, where there is no platform around it."""

    def __init__(self, target: Any, at: int, fault: Fault) -> None:
        self._fault = Schedule(fault, at)
        super().__init__("cluster", target, self._fault)

    @property
    def fired(self) -> bool:
        return self._fault.fired
