"""A Vault whose key was never proven goes as a whole: nothing was written to it (INV4).

First the window is VOIDING, by compare-and-swap: from then on no run can send `sys/init`, or call the key proven. A
run that is killed in here leaves what `up` completes too. The next attempt gets another number, so that a request
of the old one that arrives late meets no certificate of its own.
"""

import secrets
from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError, UnknownOutcome
from bootstrap.model.init_window import VaultState, Window, WindowPhase
from bootstrap.model.plan import Step
from bootstrap.operations.abandon.parts import Stays
from bootstrap.ports import Object, Permission, Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import is_ours
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.permissions import abandoning
from bootstrap.steps.vault.empty_store import data_claim, given_up, remove_voided, volume_of
from bootstrap.steps.vault.init_window import REF, Slots, WindowStore, slot_ref
from bootstrap.steps.vault.objects import base_objects

LOST = "there is no record of its key, so nobody can say whose data it holds"


@dataclass(frozen=True, slots=True)
class Observation:
    window: Window | None
    voiding: Window | str  # the window that gives it back, or why it stays
    found: tuple[Object, ...]  # what of it is there, in the order in which it goes
    missing: tuple[Permission, ...]
    context: str  # of the kubeconfig, whose permissions they are


class UnprovenVault:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.spec = world.intent.platform.vault
        self.windows = WindowStore(world.cluster)

    def observe(self) -> Observation:
        window = self.windows.read()
        found = self._found(window)
        voiding = LOST if window is None else given_up(window, self._state(), unbound=self._unbound())
        asks = bool(found) and isinstance(voiding, Window)
        missing = self.world.cluster.missing(abandoning(self.spec.namespace)) if asks else ()
        return Observation(window, voiding, found, missing, self.world.cluster.context)

    def decide(self, seen: Observation) -> Decision:
        if not self._goes(seen):
            return Satisfied("Vault stays" if seen.found else "no Vault stands whose key is not proven")
        if seen.missing:
            return Blocked(_denied(seen.missing, seen.context))
        gone = tuple(f"delete {ref_of(o)} (UID {o['metadata']['uid']})" for o in seen.found)
        return Act("remove the Vault whose key was never proven; nothing was written to it", gone)

    def act(self, seen: Observation) -> None:
        window = seen.voiding
        if (
            seen.window is None
            or isinstance(window, str)
            or not (window == seen.window or self.windows.swap(seen.window, window))
            or not remove_voided(self.world, window)
        ):
            raise UnknownOutcome("the init window moved on meanwhile", code="E_WINDOW", where=str(REF))
        for obj in self._found(window):
            expect(self.world.cluster.delete(ref_of(obj), uid=obj["metadata"]["uid"]), ref_of(obj))
        self.world.wait("what was Vault's is gone", lambda: not self._found(window))
        self.windows.swap(window, window.again(secrets.token_hex(4)))

    def stays(self, seen: Observation) -> Stays:
        if not seen.found or isinstance(seen.voiding, Window):
            return {}
        return {f"Vault in namespace {self.spec.namespace}, with its volumes and keys": seen.voiding}

    def _goes(self, seen: Observation) -> bool:
        """Also a window that something was sent under, though nothing of it stands any more: it moves on."""
        begun = seen.window is not None and seen.window.phase is not WindowPhase.CLAIMED
        return isinstance(seen.voiding, Window) and (bool(seen.found) or begun)

    def _state(self) -> VaultState:
        status = self.world.session.seal_status("vault-0")
        return VaultState(
            initialized=status.initialized if status else None, volume=volume_of(self.world), slots=False
        )

    def _unbound(self) -> bool:
        claim = self.world.cluster.get(data_claim(self.world))
        return claim is not None and (claim.get("status") or {}).get("phase") == "Pending"

    def _found(self, window: Window | None) -> tuple[Object, ...]:
        """The StatefulSet last: by it the claims, which its controller made without our label, are known as ours."""
        ns = self.spec.namespace
        owner = Ref("apps/v1", "StatefulSet", "vault", ns)
        attempts = range(1, window.attempt + 1) if window else ()
        volume = window.volume if window else ""
        refs = [
            *(slot_ref(volume, part) for part in (Slots.SHARE, Slots.ROOT) if volume),
            *(Ref("v1", "Secret", f"vault-tls-init-{n}", ns) for n in attempts),
            *map(ref_of, base_objects(self.spec, ())),
            owner,
        ]
        live = [obj for ref in refs if (obj := self.world.cluster.get(ref)) is not None and is_ours(obj)]
        ours = any(ref_of(obj) == owner for obj in live)
        return (*self._claims(volume, ours=ours), *live)

    def _claims(self, volume: str, *, ours: bool) -> tuple[Object, ...]:
        audit = Ref("v1", "PersistentVolumeClaim", "audit-vault-0", self.spec.namespace)
        found = [self.world.cluster.get(ref) for ref in (data_claim(self.world), audit)]
        return tuple(c for c in found if c is not None and (ours or c["metadata"]["uid"] == volume))


def _denied(missing: tuple[Permission, ...], context: str) -> PreconditionError:
    listed = "".join(f"\n    {p}" for p in missing)
    return PreconditionError(
        f"{len(missing)} permissions are missing to remove Vault:{listed}",
        code="E_RBAC",
        where=f"context {context}",
        hint="docs/reference/permissions.md has what `abandon` needs besides",
    )
