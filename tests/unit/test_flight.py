"""How many requests are under way at once, in which order their answers are given, and what a failure leaves undone."""

import threading
import time

import pytest

from bootstrap.steps.context.flight import FEWEST, FIRST, MOST, Flight


def test_results_come_in_the_order_of_what_was_given() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number < 3 else 0)
        return number * 2

    assert Flight().each(slow_first, range(50)) == [number * 2 for number in range(50)]
    assert Flight().each(slow_first, []) == []


def test_for_one_piece_of_work_no_thread_is_made() -> None:
    assert Flight().each(lambda _: threading.current_thread(), [0]) == [threading.current_thread()]


def test_no_more_are_under_way_than_the_limit_says() -> None:
    flight, lock = Flight(), threading.Lock()
    now, most = 0, 0

    def one(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1

    for _ in range(8):
        flight.busy()
    assert flight.limit == FEWEST
    flight.each(one, range(FEWEST * 3))
    assert 1 < most <= FEWEST + 3, "three rounds of good answers make three more"
    assert flight.limit == FEWEST + 2


def test_a_busy_server_gets_half_as_many_and_good_answers_bring_them_back_one_by_one() -> None:
    flight = Flight()
    flight.busy()
    assert flight.limit == FIRST // 2
    flight.each(lambda _: None, range(FIRST // 2))
    assert flight.limit == FIRST // 2 + 1
    flight.each(lambda _: None, range(MOST * MOST))
    assert flight.limit == MOST


def test_behind_a_busy_answer_a_whole_round_of_good_ones_is_counted() -> None:
    flight = Flight()
    flight.each(lambda _: None, range(FIRST - 1))
    flight.busy()
    flight.each(lambda _: None, range(FIRST // 2 - 1))
    assert flight.limit == FIRST // 2


def test_the_first_failure_in_order_is_raised_and_what_has_not_begun_never_begins() -> None:
    begun: list[int] = []
    flight = Flight()
    flight.limit = FEWEST

    def one(number: int) -> None:
        begun.append(number)
        if number in (3, 5):
            time.sleep(0.05 if number == 3 else 0)
            raise ValueError(str(number))
        time.sleep(0.02)

    with pytest.raises(ValueError, match="3"):
        flight.each(one, range(20_000))
    assert len(begun) < 20_000
    left = len(begun)
    time.sleep(0.1)
    assert len(begun) == left, "what was under way has ended too"


def test_the_threads_are_made_once_and_end_with_the_flight() -> None:
    before, flight = {*threading.enumerate()}, Flight()
    names = [frozenset(flight.each(lambda _: threading.current_thread().name, range(500))) for _ in range(3)]
    assert len(frozenset().union(*names)) <= MOST
    flight.close()
    flight.close()
    assert {*threading.enumerate()} <= before
    assert flight.each(lambda number: number, range(3)) == [0, 1, 2], "asked again, it makes them anew"
    flight.close()


def test_each_result_is_told() -> None:
    told: list[None] = []
    Flight().each(lambda number: number, range(20), lambda: told.append(None))
    assert len(told) == 20


def test_what_was_given_first_is_begun_first() -> None:
    """Else a thread that waits for a seat holds back its item, while others take what was given later."""
    begun: list[int] = []
    flight = Flight()
    flight.limit = FEWEST

    def one(number: int) -> None:
        begun.append(number)
        time.sleep(0.001)

    flight.each(one, range(MOST * 4))
    late = {number: at for at, number in enumerate(begun) if at - number > MOST // 4}
    assert late == {}
