"""A long piece of work says how far it is, at which rate, and what is left; a short one says nothing."""

from bootstrap.steps.context.progress import EVERY, Progress
from tests.support.simulated_clock import SimulatedClock


class Lines:
    def __init__(self) -> None:
        self.said: list[str] = []

    def event(self, kind: str, step: str = "", message: str = "", **facts: str | int | float) -> None:
        assert kind == "progress"
        self.said.append(message)


def test_a_line_every_two_seconds_with_rate_and_time_left() -> None:
    clock, lines = SimulatedClock(), Lines()
    progress = Progress(clock, lines, "secrets handed over", 1_500)
    for _ in range(5):
        clock.seconds += EVERY / 2
        progress.more(128)
    assert lines.said == [
        "256 of 1,500 secrets handed over, 128 a second, 10 s left",
        "512 of 1,500 secrets handed over, 128 a second, 8 s left",
    ]


def test_one_by_one_is_counted_too() -> None:
    clock, lines = SimulatedClock(), Lines()
    progress = Progress(clock, lines, "secrets looked at", 4)
    for _ in range(2):
        clock.seconds += EVERY / 2
        progress.one()
    assert lines.said == ["2 of 4 secrets looked at, 1 a second, 2 s left"]


def test_what_is_done_within_two_seconds_says_nothing() -> None:
    clock, lines = SimulatedClock(), Lines()
    progress = Progress(clock, lines, "secrets looked at", 3)
    for _ in range(3):
        clock.seconds += EVERY / 4
        progress.one()
    assert lines.said == []


def test_where_nothing_is_done_yet_no_pace_is_known() -> None:
    clock, lines = SimulatedClock(), Lines()
    progress = Progress(clock, lines, "secrets handed over", 1500)
    clock.sleep(3)
    progress.more(0)
    clock.sleep(3)
    progress.more(6)
    assert lines.said == [
        "0 of 1,500 secrets handed over",
        "6 of 1,500 secrets handed over, 1 a second, 1494 s left",
    ]
