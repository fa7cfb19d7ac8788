"""The window between ``sys/init`` and a proven key, as a machine without hands (B4, docs/explanation/init-window.md).

``sys/init`` answers once, and its answer can be lost. The window makes losing it harmless: nothing may be
written to a store before VERIFIED, so a store whose answer was lost is empty and may be voided by its
volume's UID. Every transition is a compare-and-swap on one object; a run that loses it looks again.

    CLAIMED -> SENT -> KEYS -> VERIFIED
                 \\-> VOIDING -> CLAIMED (next attempt)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

ATTEMPTS = 3


class WindowPhase(StrEnum):
    CLAIMED = "CLAIMED"
    SENT = "SENT"
    KEYS = "KEYS"
    VERIFIED = "VERIFIED"
    VOIDING = "VOIDING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """``volume`` is the UID of the claim that holds the store; ``nonce`` names the attempt's certificate.

    ``generation`` counts the unseal shares of this Vault: the one that ``sys/init`` gave out is 1, each rekey that was
    proven makes the next one. ``target`` is the generation that a rekey under way is to come to, 0 while there is none.
    """

    attempt: int
    nonce: str
    phase: WindowPhase
    volume: str = ""
    cluster_id: str = ""
    facts: str = ""
    generation: int = 1
    target: int = 0

    @property
    def server_name(self) -> str:
        """The name that only this attempt's certificate carries: a late request of an earlier attempt
        cannot be answered by this one's store."""
        return f"init-{self.attempt}-{self.nonce}.vault-internal"

    def to_data(self) -> dict[str, str]:
        return {
            "attempt": str(self.attempt),
            "nonce": self.nonce,
            "phase": self.phase.value,
            "volume": self.volume,
            "clusterId": self.cluster_id,
            "facts": self.facts,
            **({"generation": str(self.generation)} if self.generation > 1 else {}),
            **({"target": str(self.target)} if self.target else {}),
        }

    @staticmethod
    def from_data(data: Mapping[str, str]) -> "Window":
        return Window(
            attempt=int(data["attempt"]),
            nonce=data["nonce"],
            phase=WindowPhase(data["phase"]),
            volume=data.get("volume", ""),
            cluster_id=data.get("clusterId", ""),
            facts=data.get("facts", ""),
            generation=int(data.get("generation", "1")),
            target=int(data.get("target", "0")),
        )

    def sent(self, volume: str) -> "Window":
        return replace(self, phase=WindowPhase.SENT, volume=volume)

    def keys(self) -> "Window":
        return replace(self, phase=WindowPhase.KEYS)

    def voiding(self) -> "Window":
        return replace(self, phase=WindowPhase.VOIDING)

    def verified(self, cluster_id: str) -> "Window":
        return replace(self, phase=WindowPhase.VERIFIED, cluster_id=cluster_id)

    def rekeying(self) -> "Window":
        return replace(self, target=self.generation + 1)

    def rekeyed(self) -> "Window":
        return replace(self, generation=self.generation + 1)

    def settled(self) -> "Window":
        """No rekey is under way any more, whether it came to its end or was given up."""
        return replace(self, target=0)

    def again(self, nonce: str) -> "Window":
        return Window(attempt=self.attempt + 1, nonce=nonce, phase=WindowPhase.CLAIMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultState:
    """What was just seen: the store (``initialized`` is None while the pod does not answer), the UID of its
    volume ("" when there is none), and whether both slots of that volume are readable."""

    initialized: bool | None
    volume: str
    slots: bool


class Move(StrEnum):
    SEND = "mark SENT, then send sys/init once"
    MARK_KEYS = "both slots are there: mark KEYS"
    VOID = "mark VOIDING"
    FINISH_VOID = "remove the voided volume by its UID and claim the next attempt"
    WAIT = "wait for the pod to answer"
    DONE = "nothing left to do here"
    FOREIGN = "a store that this window did not make"
    EXHAUSTED = "three attempts were voided"


def next_move(window: Window, state: VaultState) -> Move:
    """The only rule book of the window, for a run that comes upon it (not the one that has just sent)."""
    match window.phase:
        case WindowPhase.VERIFIED | WindowPhase.KEYS:
            return Move.DONE
        case WindowPhase.VOIDING:
            return Move.EXHAUSTED if window.attempt >= ATTEMPTS else Move.FINISH_VOID
        case WindowPhase.SENT:
            # The run that sent it is gone, and a request may still be on its way. Only keys that can be read save it.
            if state.slots:
                return Move.MARK_KEYS
            if state.volume not in ("", window.volume):
                return Move.FOREIGN
            return Move.VOID
        case WindowPhase.CLAIMED:
            if state.initialized is None or not state.volume:
                return Move.WAIT
            return Move.FOREIGN if state.initialized else Move.SEND
