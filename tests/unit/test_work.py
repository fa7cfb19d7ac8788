"""What counts work is red where there is too much of it, however that ends."""

import sys
from contextlib import suppress

import pytest

from tests.support.work import calls_at_most, memory_at_most


def work(times: int) -> None:
    for number in range(times):
        abs(number)


def test_calls_of_python_and_of_c_are_counted() -> None:
    before = sys.getprofile()
    with calls_at_most(150) as done:
        work(100)
    assert 100 < done.calls < 120
    assert sys.getprofile() is before


def test_the_call_too_many_is_the_last() -> None:
    with pytest.raises(pytest.fail.Exception, match="more than 50 calls"), calls_at_most(50) as done:
        work(1_000_000)
    assert done.calls == 51


def test_it_is_red_also_where_the_code_takes_all_errors() -> None:
    limit = pytest.raises(pytest.fail.Exception, match="more than 50 calls")
    with limit, calls_at_most(50), suppress(BaseException):
        work(1_000_000)


def test_memory_is_that_at_once() -> None:
    with memory_at_most(1 << 20):
        for _ in range(20):
            bytes(1 << 18)
    with pytest.raises(AssertionError), memory_at_most(1 << 20):
        bytes(1 << 21)
