"""The initial root token is revoked once a fresh login has proven the run's identity; then its slot goes (B5)."""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.plan import Step
from bootstrap.steps.context.names import RUN_POLICY
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import Slots, WindowStore, slot_ref
from bootstrap.steps.vault.root_session import RootSession

NEEDED = {"secret/data/proof": "create", "secret/metadata/proof": "create", "auth/token/accessors": "list"}


@dataclass(frozen=True, slots=True)
class Observation:
    slot: bool
    verified: bool


class RootRevoked:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.root = RootSession(world)

    def observe(self) -> Observation:
        window = WindowStore(self.world.cluster).read()
        verified = window is not None and window.phase is WindowPhase.VERIFIED
        return Observation(verified and self.root.present(), verified)

    def decide(self, seen: Observation) -> Decision:
        if seen.slot or not seen.verified:
            return Act(
                "revoke the initial root token",
                ("prove a fresh login", "revoke", "remove its ciphertext by UID"),
            )
        return Satisfied("the initial root token is revoked, its ciphertext gone")

    def act(self, seen: Observation) -> None:
        self._prove_login()
        if self.root.usable():
            self.root.call("POST", "auth/token/revoke-self", {})
        if self.root.usable():
            raise EvidenceError(
                "the root token still works after its revocation",
                code="E_ROOT_ALIVE",
                where=str(slot_ref(self.root.slot.volume, Slots.ROOT)),
                hint="`bootstrap up` revokes it again; its ciphertext is kept until then",
            )
        self.root.slot.remove(Slots.ROOT)

    def _prove_login(self) -> None:
        """A new login, not the cached token: after this there is no other way in."""
        session = self.world.session
        session.close()
        found = granted(session.ask("sys/capabilities-self", {"paths": list(NEEDED)}), f"policy {RUN_POLICY}")
        lacking = [p for p, verb in NEEDED.items() if verb not in found.data.get(p, ())]
        if lacking:
            raise EvidenceError(f"the run's identity lacks {', '.join(lacking)}", code="E_RUN_IDENTITY")
