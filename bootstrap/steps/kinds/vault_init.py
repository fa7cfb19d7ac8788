"""``sys/init`` without losing anything (B4, docs/explanation/init-window.md): each move is a compare-and-swap."""

import secrets
from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import BootstrapError, DecisionNeeded, UnknownOutcome, WorldError
from bootstrap.model.init_window import ATTEMPTS, Move, VaultState, Window, WindowPhase, next_move
from bootstrap.model.plan import Step
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.empty_store import data_claim, remove_voided, volume_of
from bootstrap.steps.vault.escrow import read_escrow
from bootstrap.steps.vault.first_replica import install_first_replica
from bootstrap.steps.vault.foreign import foreign_error
from bootstrap.steps.vault.init_window import REBUILT, Slots, WindowStore, share_part


@dataclass(frozen=True, slots=True)
class Observation:
    """``approved``: further attempts are allowed. ``auto_void``: so is removing a store whose answer was lost."""

    window: Window | None
    state: VaultState
    approved: bool
    auto_void: bool


class VaultInit:
    def __init__(self, step: Step, world: World) -> None:
        self.step = step
        self.world = world
        self.windows = WindowStore(world.cluster)
        self.claim = data_claim(world)

    def observe(self) -> Observation:
        window = self.windows.read()
        if window is not None and window.phase in (WindowPhase.KEYS, WindowPhase.VERIFIED):
            state = VaultState(initialized=True, volume=window.volume, slots=True)
        else:
            state = self._state(window)
        return Observation(window, state, self._approved, self.world.auto_void)

    def decide(self, seen: Observation) -> Decision:
        if seen.window is None and not seen.state.volume:
            return Act("initialise Vault, attempt 1", ("after its first replica is there",))
        if seen.window is None:
            # Only a rebuilt bootstrap-system gets here: the window went with it, the store did not.
            return Act(
                "prove the unseal key again and rebuild the init window",
                ("read the escrow outside the cluster",),
            )
        move = next_move(seen.window, seen.state)
        match move:
            case Move.DONE:
                return Satisfied(f"initialised, attempt {seen.window.attempt}")
            case Move.FOREIGN:
                return Blocked(foreign_error(str(self.claim)))
            case Move.EXHAUSTED if not seen.approved:
                return Blocked(exhausted(self.step.id))
            case Move.VOID if not seen.auto_void:
                return Blocked(not_unasked(seen.window))
            case _:
                return Act(f"initialise Vault, attempt {seen.window.attempt}", (move.value,))

    def act(self, seen: Observation) -> None:
        if seen.window is None:
            self._rebuild()
            return
        for _ in range(4 * ATTEMPTS):
            window = self.windows.read()
            if window is None:
                raise WorldError("the init window went away", code="E_WINDOW")
            move = next_move(window, self._state(window))
            if not self._make(move, window):
                return

    def _make(self, move: Move, window: Window) -> bool:
        """One move; False when there is nothing more to do here (or only a human can)."""
        match move:
            case Move.SEND:
                self._send(window)
            case Move.MARK_KEYS:
                self.windows.swap(window, window.keys())
            case Move.VOID if not self.world.auto_void:
                raise not_unasked(window)
            case Move.VOID:
                self.world.narrator.event(
                    "void", message=f"the answer of attempt {window.attempt} was lost; its store is empty"
                )
                self.windows.swap(window, window.voiding())
            case Move.FINISH_VOID:
                self._finish_void(window)
            case Move.EXHAUSTED if self._approved:
                self._finish_void(window)
            case Move.WAIT:
                self.world.wait(
                    "Vault's first replica answers", lambda: self.world.session.seal_status("vault-0")
                )
            case _:
                return False
        return True

    @property
    def _approved(self) -> bool:
        return self.step.id in self.world.approvals

    def _state(self, window: Window | None) -> VaultState:
        status = self.world.session.seal_status("vault-0")
        volume = volume_of(self.world)
        slots = window is not None and Slots(self.world.cluster, window.volume).both()
        return VaultState(initialized=status.initialized if status else None, volume=volume, slots=slots)

    def _send(self, window: Window) -> None:
        """CLAIMED to SENT, then the one request; only the process whose swap it was may send it."""
        key = self.world.material.unseal_key()
        volume = volume_of(self.world)
        if not volume:
            return
        sent = window.sent(volume)
        slots = Slots(self.world.cluster, sent.volume)
        if not self.windows.swap(window, sent):
            return
        # Both keys are this one, and it has just been proven to open what is encrypted to it (a bad
        # root_token_pgp_key bricks a store): material.unseal_key() makes that round trip.
        try:
            answer = self.world.session.vault.initialise(
                "vault-0", sent.server_name, share_key=key.certificate, root_key=key.certificate
            )
        except UnknownOutcome:
            return  # SENT without slots: the next look voids it
        slots.write(Slots.SHARE, Sensitive(answer.share, "share ciphertext"))
        slots.write(Slots.ROOT, Sensitive(answer.root_token, "root token ciphertext"))
        self.windows.swap(sent, sent.keys())

    def _finish_void(self, window: Window) -> None:
        """Remove the voided store by its volume's UID, and claim the next attempt on a fresh one."""
        if not remove_voided(self.world, window):
            return
        following = window.again(secrets.token_hex(4))
        if self.windows.swap(window, following):
            install_first_replica(self.world, following)

    def _rebuild(self) -> None:
        """The window and the share's slot again, from the escrow, once it has opened this very Vault."""
        escrow = read_escrow(self.world)
        if escrow is None:
            raise foreign_error(str(self.claim))
        proof = self.world.proof.prove(self.world.cluster.uid())
        window = Window(
            attempt=1,
            nonce=secrets.token_hex(4),
            phase=WindowPhase.VERIFIED,
            volume=escrow.volume,
            cluster_id=proof["vaultClusterId"],
            facts=REBUILT,
            generation=int(proof.get("generation", escrow.generation)),
        )
        share = escrow.shares[window.generation]
        Slots(self.world.cluster, escrow.volume).write(share_part(window.generation), share)
        self.windows.create(window)
        self.world.narrator.event(
            "rebuilt", message="unseal key proven from the escrow; init window and share slot rebuilt"
        )


def exhausted(step: str) -> BootstrapError:
    return DecisionNeeded(
        f"{ATTEMPTS} attempts to initialise Vault were voided",
        code="E_INIT_ATTEMPTS",
        where="ConfigMap bootstrap-system/vault-init",
        hint="look at the logs of pod vault-0 and at what stands between here and it; then "
        f"`bootstrap up --approve {step}` tries once more",
    )


def not_unasked(window: Window) -> BootstrapError:
    return DecisionNeeded(
        f"the answer of sys/init, attempt {window.attempt}, was lost, and --no-auto-void forbids to remove its store",
        code="E_INIT_LOST",
        where="PersistentVolumeClaim data-vault-0",
        hint="nothing was written to it; `bootstrap up` without --no-auto-void voids it and initialises anew",
    )
