"""The catalogue of bad input: 86 rows, each with the id and the place that its error names.

A row is met by the functions of the program, or by the program itself as a subprocess (``told`` reads it); what
only a real cluster shows is in ``test_cluster.py`` beside it. A row that nothing meets says why (``waits``). No
error may show a value, and a cluster may not be written before it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from bootstrap.intent.findings import Finding
from bootstrap.model.errors import BootstrapError
from tests.bad_input.box import (
    CANARY,
    Box,
    Told,
)

Meet = Callable[[Box], Told]


@dataclass(frozen=True, kw_only=True)
class Row:
    """``code`` is ours; ``listed`` is the id of the catalogue where ours is another, and ``why`` says so."""

    number: int
    what: str
    meet: Meet | None = None
    code: str = ""
    place: str = ".*"
    listed: str = ""
    why: str = ""
    waits: str = ""


ROWS: list[Row] = []


def row(
    number: int, what: str, code: str, place: str = ".*", *, listed: str = "", why: str = ""
) -> Callable[[Meet], Meet]:
    """Puts the decorated function into the table. ``place`` is the whole of ``where``, as an expression."""

    def put(meet: Meet) -> Meet:
        ROWS.append(Row(number=number, what=what, meet=meet, code=code, place=place, listed=listed, why=why))
        return meet

    return put


def met(row: Row, box: Box) -> list[tuple[str, str]]:
    """(id, place) of everything that is said; anything but an error of ours is a failure of the test."""
    assert row.meet is not None
    try:
        told = list(row.meet(box))
    except BootstrapError as error:
        told = [error]
    for each in told:
        assert CANARY not in f"{each} {each.where} {each.hint}"
    return [(t.id if isinstance(t, Finding) else t.code, t.where) for t in told]


def refused(act: Callable[[], object]) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        act()
    return caught.value


def pairs(told: Told) -> set[tuple[str, str]]:
    return {(t.id, t.where) for t in told if isinstance(t, Finding)}


def told(stdout: str) -> Iterator[Finding]:
    """The lines of ``check -o text`` as findings."""
    found = re.findall(r"^(?:error|warning): (?:(\S+): )?([EW]_[A-Z0-9_]+) (.*)$", stdout, re.MULTILINE)
    assert found, stdout
    return iter([Finding(id=code, where=where, message=message) for where, code, message in found])


def stopped(stderr: str) -> list[BootstrapError]:
    """The one error of a command that stopped."""
    found = re.search(r"^error: (.*) \[(E_[A-Z_]+)\]$\n(?:^  where: (.*)$)?", stderr, re.MULTILINE)
    assert found is not None, stderr
    return [BootstrapError(found[1], code=found[2], where=found[3] or "")]


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The catalogue as a table: number, input, id, place; where ours is another id than the one listed, why."""
    for row in sorted(rows, key=lambda r: r.number):
        code = row.code + (f" (listed as {row.listed}: {row.why})" if row.listed else "")
        yield f"{row.number:>2}  {row.what:<60}  " + (
            f"waits: {row.waits}" if row.waits else f"{code}  {row.place}"
        )
