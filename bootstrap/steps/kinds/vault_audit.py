"""Auditing is on before the first secret is written (B6): one file device, and our header in its lines."""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.steps.context.names import AUDIT_DEVICE, AUDIT_FILE, TXN_HEADER
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.root_session import RootSession


@dataclass(frozen=True, slots=True)
class Observation:
    device: bool
    header: bool


class VaultAudit:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.root = RootSession(world)

    def observe(self) -> Observation:
        read = self.root.reading
        devices = granted(read("GET", "sys/audit"), "sys/audit")
        headers = granted(read("GET", "sys/config/auditing/request-headers"), "audited headers")
        listed = headers.data.get("headers") or {}
        return Observation(
            f"{AUDIT_DEVICE}/" in devices.data, TXN_HEADER.lower() in {name.lower() for name in listed}
        )

    def decide(self, seen: Observation) -> Decision:
        changes = [] if seen.device else [f"enable audit device {AUDIT_DEVICE}/ at {AUDIT_FILE}"]
        changes += [] if seen.header else [f"audit the header {TXN_HEADER}"]
        if changes:
            return Act("turn auditing on", tuple(changes))
        return Satisfied(f"audit device {AUDIT_DEVICE}/ at {AUDIT_FILE}")

    def act(self, seen: Observation) -> None:
        if not self.root.usable():
            raise WorldError(
                "the audit device is gone",
                code="E_AUDIT_OFF",
                where=f"audit device {AUDIT_DEVICE}/",
                hint="somebody turned auditing off; enable it again under an identity that may, then look who it was",
            )
        if not seen.device:
            options = {"file_path": AUDIT_FILE}
            self.root.call("PUT", f"sys/audit/{AUDIT_DEVICE}", {"type": "file", "options": options})
        if not seen.header:
            path = f"sys/config/auditing/request-headers/{TXN_HEADER}"
            granted(self.root.call("PUT", path, {"hmac": False}), path)
