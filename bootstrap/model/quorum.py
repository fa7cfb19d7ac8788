"""Whether Vault's quorum is lost for good, judged by what each node shows (S4, docs/explanation/quorum.md).

A node that does not answer, or is sealed, may come back with its store. Lost is a quorum only where so many volumes are
gone that what is left is no majority, and what is left runs, is unsealed, and finds no leader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Seen(StrEnum):
    """One node, in words that stand behind its name."""

    LEADS = "leads"
    FOLLOWS = "follows a leader"
    WAITS = "holds the store, unsealed, without a leader"
    SEALED = "holds a store, and is sealed"
    SILENT = "does not answer, and its volume may hold the store"
    EMPTY = "answers, and holds no store"
    LOST = "has no volume"


_HOLDS = frozenset({Seen.LEADS, Seen.FOLLOWS, Seen.WAITS, Seen.SEALED, Seen.SILENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """``claim`` is the UID of its data claim, empty where there is none; ``index`` the last raft entry that it has
    committed, None where it cannot be read."""

    pod: str
    claim: str
    seen: Seen
    index: int | None = None

    @property
    def holds(self) -> bool:
        return self.seen in _HOLDS

    @property
    def ordinal(self) -> int:
        return int(self.pod.rpartition("-")[2])

    def __str__(self) -> str:
        return f"{self.pod}: {self.seen}" + ("" if self.index is None else f", raft index {self.index}")


class Quorum(StrEnum):
    THERE = "a node leads"
    MAY_RETURN = "it may come back by itself"
    LOST = "it cannot come back, and the store is there"
    GONE = "no node holds a store"


def judge(nodes: Sequence[Node]) -> Quorum:
    """``nodes`` are all that there are, or were."""
    if any(node.seen in (Seen.LEADS, Seen.FOLLOWS) for node in nodes):
        return Quorum.THERE
    holding = [node for node in nodes if node.holds]
    if not holding:
        return Quorum.GONE
    if len(holding) > len(nodes) // 2 or any(node.seen is not Seen.WAITS for node in holding):
        return Quorum.MAY_RETURN
    return Quorum.LOST


def survivor(nodes: Sequence[Node]) -> Node:
    """The one with the newest entry; of equals the first. One whose index is not known comes last."""
    holding = [node for node in nodes if node.holds]
    return max(holding, key=lambda node: (-1 if node.index is None else node.index, -node.ordinal))
