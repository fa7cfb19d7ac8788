"""A restore of Vault's store, as a machine without hands (INV1, docs/explanation/restore.md).

A store is initialised with keys that are kept nowhere, and the snapshot takes its place. Until its share has opened
what is there, nothing was written that the file does not hold: a store that it does not open is voided by its volume's
UID and made again, from the same file. Where a platform was before, what is left of it goes first, and nothing goes
whose UID was not written down. Every transition is a compare-and-swap on one object.

    CLEARING -> BEGUN -> SENT -> OPENED -> DONE
                           \\-> VOIDING -> BEGUN (next attempt)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

ATTEMPTS: Final = 3  # of one run
LOST: Final = "lost."  # before the name of what was lost, as a key of the object


class Stage(StrEnum):
    CLEARING = "CLEARING"  # what is left of the platform before goes, old volumes first
    BEGUN = "BEGUN"
    SENT = "SENT"  # the store of this volume was, or will be, initialised with keys that are kept nowhere
    OPENED = "OPENED"  # the snapshot's share has opened it: it is never voided from here
    DONE = "DONE"  # no token but the run's lives, the root token is gone, the escrow is proven
    VOIDING = "VOIDING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """``file`` is the hex SHA-256 of the snapshot, ``nonce`` names this restore, ``begun`` is when (UTC, RFC 3339).

    ``volume`` is the UID of the claim that holds the store. ``repaired`` and ``batch`` are what was found at the end:
    leaves of Vault's configuration that were written again, and roles whose tokens show in no census.

    ``voids`` are the UIDs of what is left of the platform before, and no other object is removed for it; empty in an
    empty cluster. ``lost`` says in words what was given up with it, and is on record at the end.
    """

    file: str
    nonce: str
    begun: str
    stage: Stage = Stage.BEGUN
    attempt: int = 1
    volume: str = ""
    repaired: str = ""
    batch: str = ""
    voids: frozenset[str] = frozenset()
    lost: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def server_name(self) -> str:
        """The name that only this attempt's certificate carries."""
        return f"restore-{self.attempt}-{self.nonce}.vault-internal"

    def to_data(self) -> dict[str, str]:
        return {
            "file": self.file,
            "nonce": self.nonce,
            "begun": self.begun,
            "stage": self.stage.value,
            "attempt": str(self.attempt),
            "volume": self.volume,
            "repaired": self.repaired,
            "batch": self.batch,
            "voids": " ".join(sorted(self.voids)),
            **{LOST + name: text for name, text in self.lost.items()},
        }

    @staticmethod
    def from_data(data: Mapping[str, str]) -> "Restoration":
        return Restoration(
            file=data["file"],
            nonce=data["nonce"],
            begun=data["begun"],
            stage=Stage(data["stage"]),
            attempt=int(data["attempt"]),
            volume=data.get("volume", ""),
            repaired=data.get("repaired", ""),
            batch=data.get("batch", ""),
            voids=frozenset(data.get("voids", "").split()),
            lost={name.removeprefix(LOST): text for name, text in data.items() if name.startswith(LOST)},
        )

    def voids_too(self, uids: Iterable[str]) -> "Restoration":
        return replace(self, voids=self.voids | frozenset(uids))

    def cleared(self) -> "Restoration":
        return replace(self, stage=Stage.BEGUN)

    def sent(self, volume: str) -> "Restoration":
        return replace(self, stage=Stage.SENT, volume=volume)

    def opened(self) -> "Restoration":
        return replace(self, stage=Stage.OPENED)

    def done(self, repaired: str, batch: str) -> "Restoration":
        return replace(self, stage=Stage.DONE, repaired=repaired, batch=batch)

    def voiding(self) -> "Restoration":
        return replace(self, stage=Stage.VOIDING)

    def again(self) -> "Restoration":
        return replace(self, stage=Stage.BEGUN, attempt=self.attempt + 1, volume="")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """What was just seen of the first node: ``initialized`` is None while it does not answer; ``restored``: it is
    unsealed, and is the Vault of the snapshot; ``volume`` is the UID of its claim, empty where there is none."""

    initialized: bool | None
    sealed: bool = True
    restored: bool = False
    volume: str = ""


class Move(StrEnum):
    CLEAR = "remove what is left of the platform before, by what was written down of it"
    INSTALL = "put one replica there that listens to itself alone"
    SEND = "mark SENT, initialise with keys that are kept nowhere, force the snapshot"
    TRY_SHARE = "try whether the snapshot's share opens it"
    MARK_OPENED = "it is the restored store: mark OPENED"
    VOID = "mark VOIDING"
    FINISH_VOID = "remove the voided volume by its UID and begin again"
    SETTLE = "end every token, repair what is configured, prove the escrow"
    DONE = "nothing left to do here"
    FOREIGN = "a store that this restore did not make"


def next_move(now: Restoration, seen: StoreState) -> Move:
    """The only rule book, for a run that comes upon it (not the one that has just sent)."""
    match now.stage:
        case Stage.CLEARING:
            return Move.CLEAR
        case Stage.DONE:
            return Move.DONE
        case Stage.OPENED:
            return Move.SETTLE
        case Stage.VOIDING:
            return Move.FINISH_VOID
        case Stage.BEGUN:
            if seen.initialized is None or not seen.volume:
                return Move.INSTALL
            return Move.FOREIGN if seen.initialized else Move.SEND
        case Stage.SENT:
            return _after_sending(now, seen)


def _after_sending(now: Restoration, seen: StoreState) -> Move:
    """The keys are gone with the process that made them: what the snapshot's share does not open is worth nothing."""
    if seen.volume != now.volume:
        return Move.VOID
    if seen.initialized is None:
        return Move.INSTALL
    if not seen.initialized:
        return Move.VOID
    if seen.sealed:
        return Move.TRY_SHARE
    return Move.MARK_OPENED if seen.restored else Move.VOID
