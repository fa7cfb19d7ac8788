"""A lost quorum, recovered from one node's volume, as a machine without hands (S4, docs/explanation/quorum.md).

Every other volume of Vault goes first, each by a UID that was written down: two old ones would outvote the node that is
left. Only then that node reads that it is the only voter. Every transition is a compare-and-swap on one object.

    VOIDING -> ALONE -> DONE
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Stage(StrEnum):
    VOIDING = "VOIDING"  # all other nodes and their volumes go
    ALONE = "ALONE"  # no other volume is left: the node may become the only voter
    DONE = "DONE"  # it leads, and the other nodes may join it


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """``nonce`` names this recovery, ``begun`` is when (UTC, RFC 3339). ``pod`` is the node that is left, ``volume``
    the UID of its data claim, ``index`` the raft index that it showed, empty where it showed none.

    ``voids`` are the UIDs of what goes, and no other object is removed for it. ``lost`` names the nodes whose store was
    gone, ``dropped`` those that held one and are given up for a newer one.
    """

    nonce: str
    begun: str
    pod: str
    volume: str
    stage: Stage = Stage.VOIDING
    index: str = ""
    voids: frozenset[str] = frozenset()
    lost: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def ordinal(self) -> int:
        return int(self.pod.rpartition("-")[2])

    def to_data(self) -> dict[str, str]:
        return {
            "nonce": self.nonce,
            "begun": self.begun,
            "pod": self.pod,
            "volume": self.volume,
            "stage": self.stage.value,
            "index": self.index,
            "voids": " ".join(sorted(self.voids)),
            "lost": " ".join(self.lost),
            "dropped": " ".join(self.dropped),
        }

    @staticmethod
    def from_data(data: Mapping[str, str]) -> "Recovery":
        return Recovery(
            nonce=data["nonce"],
            begun=data["begun"],
            pod=data["pod"],
            volume=data["volume"],
            stage=Stage(data["stage"]),
            index=data.get("index", ""),
            voids=frozenset(data.get("voids", "").split()),
            lost=tuple(data.get("lost", "").split()),
            dropped=tuple(data.get("dropped", "").split()),
        )

    def voids_too(self, uids: Iterable[str]) -> "Recovery":
        return replace(self, voids=self.voids | frozenset(uids))

    def alone(self) -> "Recovery":
        return replace(self, stage=Stage.ALONE)

    def done(self) -> "Recovery":
        return replace(self, stage=Stage.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """What was just seen of the node that is left.

    ``grown``: the other nodes may join it already, and one of them may be who ``leads``. ``made``: its pod is the one
    that says that it is the only voter. ``sealed`` is None while it does not answer. ``voters`` are those of its raft,
    known once it leads alone.
    """

    grown: bool = False
    made: bool = False
    sealed: bool | None = None
    leads: bool = False
    voters: tuple[str, ...] = ()


class Move(StrEnum):
    VOID = "remove all other nodes and their volumes, by what was written down of them"
    RESTART = "restart it as the only voter"
    OPEN = "wait until it is unsealed"
    WAIT = "wait until a node leads"
    GROW = "let the other nodes join it"
    FINISH = "mark DONE"
    DONE = "nothing left to do here"
    OTHERS = "its raft has other voters"


def next_move(now: Recovery, seen: StoreState) -> Move:
    """The only rule book."""
    if now.stage is Stage.DONE:
        return Move.DONE
    if now.stage is Stage.VOIDING:
        return Move.VOID
    if seen.grown:
        return Move.FINISH if seen.leads else Move.WAIT
    if not seen.made or seen.sealed is None:
        return Move.RESTART
    if seen.sealed:
        return Move.OPEN
    if not seen.leads:
        return Move.WAIT
    return Move.GROW if seen.voters == (now.pod,) else Move.OTHERS
