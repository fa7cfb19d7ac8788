"""Schedules as CronJobs take them: which moments they name, and when a snapshot is too old (INV1)."""

from datetime import datetime, timedelta
from itertools import islice

import pytest

from bootstrap.model.schedule import Schedule

NOW = datetime(2026, 11, 29, 17, 33, 20)  # a Sunday


@pytest.mark.parametrize(
    ("text", "last", "before"),
    [
        ("* * * * *", "2026-11-29 17:33", "2026-11-29 17:32"),
        ("*/15 * * * *", "2026-11-29 17:30", "2026-11-29 17:15"),
        ("0 * * * *", "2026-11-29 17:00", "2026-11-29 16:00"),
        ("30 2 * * *", "2026-11-29 02:30", "2026-11-28 02:30"),
        ("0 3 * * 1-5", "2026-11-27 03:00", "2026-11-26 03:00"),
        ("0 0 1,15 * *", "2026-11-15 00:00", "2026-11-01 00:00"),
        ("0 0 29 2 *", "2024-02-29 00:00", ""),
        ("0 0 13 * 5", "2026-11-27 00:00", "2026-11-20 00:00"),  # a Friday or a 13th
        ("0 0 28 * 5", "2026-11-28 00:00", "2026-11-27 00:00"),
        ("5/20 4 * * 0", "2026-11-29 04:45", "2026-11-29 04:25"),
    ],
)
def test_inv1_the_moments_of_a_schedule(text: str, last: str, before: str) -> None:
    found = [f"{moment:%Y-%m-%d %H:%M}" for moment in islice(Schedule.parse(text).before(NOW), 2)]
    assert found == [moment for moment in (last, before) if moment]


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "*/0 * * * *"),
        *("5-2 * * * *", "a * * * *", "@daily", "0 0 31 2 *", "1- * * * *", "-1 * * * *", "1,,2 * * * *"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Schedule.parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "it has not five fields"),
        ("60 * * * *", "'60' is not within 0 and 59"),
        ("5-2 * * * *", "'5-2' is not within 0 and 59"),
        ("*/0 * * * *", "has a step of nothing"),
    ],
)
def test_what_is_wrong_with_it_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Schedule.parse(text)


def test_inv1_what_is_due_once_in_five_years_is_not_overdue_by_it() -> None:
    assert not Schedule.parse("0 0 29 2 *").overdue(datetime(2020, 1, 1), NOW)


def test_inv1_older_than_twice_the_schedule_is_overdue() -> None:
    hourly = Schedule.parse("0 * * * *")
    for minutes, overdue in ((0, False), (33, False), (92, False), (94, True), (600, True)):
        assert hourly.overdue(NOW - timedelta(minutes=minutes), NOW) is overdue, minutes
