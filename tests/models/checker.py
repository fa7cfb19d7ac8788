"""Explicit-state breadth-first search: every interleaving within bounds, shortest trace first.

A model gives its first state, the labelled steps out of a state, what is wrong with one, and which states are the
goal. From every state a goal must stay reachable; ``given_up`` are states beyond the bounds, or a human's turn.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True)
class Model(Generic[S]):
    first: S
    steps: Callable[[S], Iterable[tuple[str, S]]]
    wrong: Callable[[S], str]  # "" when nothing is
    goal: Callable[[S], bool]
    given_up: Callable[[S], bool]


@dataclass(frozen=True)
class Verdict:
    """``wrong`` is empty when all is well; ``trace`` is a shortest way there."""

    states: int
    wrong: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.states} states" + (
            f": {self.wrong} after {' ; '.join(self.trace)}" if self.wrong else ""
        )


def explore(model: Model[S], limit: int = 10_000_000) -> Verdict:
    came: dict[S, tuple[S, str] | None] = {model.first: None}
    back: dict[S, list[S]] = {}
    good: set[S] = set()
    todo = deque([model.first])
    while todo:
        state = todo.popleft()
        if wrong := model.wrong(state):
            return Verdict(len(came), wrong, _trace(came, state))
        if model.goal(state) or model.given_up(state):
            good.add(state)
            if model.given_up(state):
                continue
        for label, following in model.steps(state):
            back.setdefault(following, []).append(state)
            if following not in came:
                came[following] = (state, label)
                todo.append(following)
        if len(came) > limit:
            raise AssertionError(f"more than {limit} states")
    return _liveness(came, back, good)


def _liveness(came: dict[S, tuple[S, str] | None], back: dict[S, list[S]], good: set[S]) -> Verdict:
    todo = deque(good)
    while todo:
        for before in back.get(todo.popleft(), ()):
            if before not in good:
                good.add(before)
                todo.append(before)
    stuck = next((state for state in came if state not in good), None)
    if stuck is None:
        return Verdict(len(came))
    return Verdict(len(came), f"stuck in {len(came) - len(good)} states", _trace(came, stuck))


def _trace(came: dict[S, tuple[S, str] | None], state: S) -> tuple[str, ...]:
    labels = []
    while (step := came[state]) is not None:
        state, label = step
        labels.append(label)
    return tuple(reversed(labels))
