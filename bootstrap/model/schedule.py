"""A schedule as CronJobs take it: five fields, in UTC. Pure: which moments it names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bootstrap.model.outside import decimal

# Minute, hour, day of the month, month, day of the week (0 is Sunday).
_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_LONGEST: Final = 366 * 5  # days that are looked through: a 29 February comes within them


@dataclass(frozen=True, slots=True)
class Schedule:
    """``either``: both kinds of day are narrowed, and a day of either kind counts, as cron has it."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    @staticmethod
    def parse(text: str) -> "Schedule":
        """ValueError says what is no schedule. Numbers, ``*``, ranges, lists and steps; no names, no ``@daily``."""
        fields = text.split()
        if len(fields) != len(_BOUNDS):
            raise ValueError("it has not five fields")
        found = [_numbers(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)]
        either = fields[2][0] != "*" and fields[4][0] != "*"
        minutes, hours, days, months, weekdays = found
        schedule = Schedule(minutes, hours, days, months, weekdays, either)
        if next(schedule.before(datetime(2024, 3, 1)), None) is None:
            raise ValueError("it names no moment")
        return schedule

    def before(self, moment: datetime) -> Iterator[datetime]:
        """The moments it names, at ``moment`` and before, newest first; those of five years."""
        start = moment.replace(second=0, microsecond=0)
        for ago in range(_LONGEST):
            day = start - timedelta(days=ago)
            if not self._names(day):
                continue
            for hour in sorted(self.hours, reverse=True):
                for minute in sorted(self.minutes, reverse=True):
                    found = day.replace(hour=hour, minute=minute)
                    if found <= moment:
                        yield found

    def _names(self, day: datetime) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (of_month or of_week if self.either else of_month and of_week)

    def overdue(self, last: datetime, now: datetime) -> bool:
        """Whether two of its moments have passed since ``last`` without another: older than twice the schedule."""
        moments = self.before(now)
        next(moments, None)
        second = next(moments, None)
        return second is not None and last < second


def _numbers(field: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, stepped, step = part.partition("/")
        first, ranged, last = span.partition("-")
        if span == "*":
            bounds = (low, high)
        else:
            start = _number(first)
            bounds = (start, _number(last) if ranged else high if stepped else start)
        if not low <= bounds[0] <= bounds[1] <= high:
            raise ValueError(f"{part!r} is not within {low} and {high}")
        width = _number(step) if stepped else 1
        if width < 1:
            raise ValueError(f"{part!r} has a step of nothing")
        found |= set(range(bounds[0], bounds[1] + 1, width))
    return frozenset(found)


def _number(text: str) -> int:
    found = decimal(text)
    if found is None:
        raise ValueError(f"{text!r} is no number")
    return found
