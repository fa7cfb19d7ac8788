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


class Found(Generic[S]):
    """The states met, in that order, each by its number: hashing one takes longer than all else."""

    def __init__(self, first: S) -> None:
        self.states = [first]
        self.before: list[list[int]] = [[]]  # from where it is reached
        self.good: set[int] = set()
        self._labels = [""]
        self._came = [0]
        self._numbers = {first: 0}

    def reach(self, state: S, label: str, before: int) -> None:
        number = self._numbers.setdefault(state, len(self.states))
        if number == len(self.states):
            self.states.append(state)
            self.before.append([])
            self._labels.append(label)
            self._came.append(before)
        self.before[number].append(before)

    def trace(self, number: int) -> tuple[str, ...]:
        labels = []
        while number:
            labels.append(self._labels[number])
            number = self._came[number]
        return tuple(reversed(labels))


def explore(model: Model[S], limit: int = 10_000_000) -> Verdict:
    found, number = Found(model.first), 0
    while number < len(found.states):
        state = found.states[number]
        if wrong := model.wrong(state):
            return Verdict(len(found.states), wrong, found.trace(number))
        given_up = model.given_up(state)
        if given_up or model.goal(state):
            found.good.add(number)
        for label, following in () if given_up else model.steps(state):
            found.reach(following, label, number)
        if len(found.states) > limit:
            raise AssertionError(f"more than {limit} states")
        number += 1
    return _liveness(found)


def _liveness(found: Found[S]) -> Verdict:
    states, good, todo = len(found.states), found.good, deque(found.good)
    while todo:
        for before in found.before[todo.popleft()]:
            if before not in good:
                good.add(before)
                todo.append(before)
    stuck = next((number for number in range(states) if number not in good), None)
    if stuck is None:
        return Verdict(states)
    return Verdict(states, f"stuck in {states - len(good)} states", found.trace(stuck))
