"""Looking again has an end, and compare-and-swap says how it ended."""

from typing import Any

import pytest

from bootstrap.model.errors import (
    BootstrapError,
    HeldError,
    Interrupted,
    Transient,
    UnknownOutcome,
    WorldError,
)
from bootstrap.ports import Reason, Refused
from bootstrap.waiting import NotYet, retry, swap
from tests.support.simulated_clock import SimulatedClock


class Script:
    """Answers in turn, the last one for ever; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.looks = 0

    def __call__(self, *_: Any) -> Any:
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_first_answer_needs_no_pause() -> None:
    clock = SimulatedClock()
    assert retry(Script(None), clock=clock, seconds=0, pause=1) is None
    assert clock.slept == []


def test_pauses_grow_up_to_the_longest() -> None:
    clock = SimulatedClock()
    look = Script(*[Transient("away")] * 4, "there")
    assert retry(look, clock=clock, seconds=60, pause=1, longest=3) == "there"
    assert clock.slept == [1, 2, 3, 3]


def test_without_a_longest_all_pauses_are_the_same() -> None:
    clock = SimulatedClock()
    assert retry(Script(NotYet(), NotYet(), 7), clock=clock, seconds=60, pause=0.5) == 7
    assert clock.slept == [0.5, 0.5]


def test_the_last_look_is_at_the_deadline_and_no_pause_is_slept_in_vain() -> None:
    clock, look = SimulatedClock(), Script(Transient("away"))
    with pytest.raises(Transient, match="away"):
        retry(look, clock=clock, seconds=10, pause=1, longest=4)
    assert (clock.slept, look.looks) == ([1, 2, 4, 3], 5)


def test_a_look_that_takes_long_counts() -> None:
    clock = SimulatedClock()

    def slow() -> None:
        clock.seconds += 30
        raise NotYet

    with pytest.raises(NotYet):
        retry(slow, clock=clock, seconds=60, pause=1)
    assert clock.seconds == 61


def test_the_number_of_looks_is_a_limit_too() -> None:
    clock, look = SimulatedClock(), Script(Transient("away"))
    with pytest.raises(Transient):
        retry(look, clock=clock, seconds=1000, pause=1, tries=3)
    assert look.looks == 3


def test_what_is_said_in_the_end_is_what_the_look_gave_for_it() -> None:
    with pytest.raises(HeldError, match="held") as caught:
        retry(Script(NotYet(HeldError("held"))), clock=SimulatedClock(), seconds=1, pause=1)
    assert caught.value.__suppress_context__


def test_a_look_may_say_when_to_come_again() -> None:
    clock = SimulatedClock()
    retry(Script(NotYet(pause=5), Transient("away"), 1), clock=clock, seconds=60, pause=0.2)
    assert clock.slept == [5, 0.2]


def test_other_errors_leave_at_once() -> None:
    clock = SimulatedClock()
    with pytest.raises(WorldError):
        retry(Script(WorldError("no")), clock=clock, seconds=60, pause=1)
    with pytest.raises(Transient):
        retry(Script(Transient("away")), clock=clock, seconds=60, pause=1, errors=())
    assert clock.slept == []


def test_a_signal_ends_a_pause() -> None:
    clock, look = SimulatedClock(), Script(Transient("away"))

    def signalled() -> None:
        raise Interrupted("SIGTERM", signal_number=15)

    clock.on_sleep.append(signalled)
    with pytest.raises(Interrupted):
        retry(look, clock=clock, seconds=60, pause=1)
    assert look.looks == 1


def test_each_pause_is_told_before_it_is_slept() -> None:
    clock, told = SimulatedClock(), []

    def tell(error: Exception, pause: float) -> None:
        told.append((str(error), pause, clock.seconds))

    retry(Script(Transient("a"), Transient("b"), 1), clock=clock, seconds=9, pause=1, before_pause=tell)
    assert told == [("a", 1, 0), ("b", 1, 1)]


def swapped(look: Any, put: Any, clock: SimulatedClock) -> Any:
    return swap(
        look,
        put,
        clock=clock,
        refused=lambda answer: WorldError(f"refused: {answer.reason}"),
        unsettled=lambda looks: UnknownOutcome(f"unsettled after {looks}"),
    )


@pytest.mark.parametrize("reason", [Reason.EXISTS, Reason.CONFLICT, Reason.NOT_FOUND])
def test_a_lost_race_is_looked_at_anew(reason: Reason) -> None:
    look, written = Script("old", "new"), []

    def put(seen: str) -> str | Refused:
        written.append(seen)
        return Refused(reason) if seen == "old" else "done"

    assert swapped(look, put, SimulatedClock()) == "done"
    assert written == ["old", "new"]


@pytest.mark.parametrize("error", [UnknownOutcome("lost"), Transient("away")])
def test_a_lost_answer_is_looked_at_anew(error: BootstrapError) -> None:
    look = Script("seen")
    assert swapped(look, Script(error, "done"), SimulatedClock()) == "done"
    assert look.looks == 2


def test_a_refusal_that_is_no_race_leaves_at_once() -> None:
    look = Script("seen")
    with pytest.raises(WorldError, match="refused: forbidden"):
        swapped(look, Script(Refused(Reason.FORBIDDEN)), SimulatedClock())
    assert look.looks == 1


@pytest.mark.parametrize("answer", [Refused(Reason.CONFLICT), UnknownOutcome("lost")])
def test_swapping_without_end_ends(answer: Any) -> None:
    clock = SimulatedClock()
    with pytest.raises(UnknownOutcome, match="unsettled after 8"):
        swapped(Script("seen"), Script(answer), clock)
    assert clock.slept == [0.5, 1, 2, 4, 8, 10, 10]
