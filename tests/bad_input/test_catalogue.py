"""The catalogue of bad input, row by row; `pytest -s` prints it as a table."""

import re
from pathlib import Path

import pytest

from tests.bad_input import (
    rows_catalog,
    rows_ciphertexts,
    rows_evidence,
    rows_repository,
    rows_servers,
    rows_values,
)
from tests.bad_input.box import Box
from tests.bad_input.table import ROWS, Row, lines, met

# Each fills the table when it is imported.
SECTIONS = (rows_repository, rows_ciphertexts, rows_values, rows_catalog, rows_servers, rows_evidence)
ROWS.sort(key=lambda row: row.number)
# 61 and 62 of the static seal, which is designed and not built.
WAITING = {61, 62}
MET = [row for row in ROWS if row.meet is not None]


@pytest.mark.parametrize("row", MET, ids=[f"{r.number:02}-{r.code}" for r in MET])
def test_bad_input(row: Row, tmp_path: Path, valid: Path) -> None:
    found = met(row, Box(tmp_path, valid))
    assert any(re.fullmatch(row.code, code) and re.fullmatch(row.place, where) for code, where in found), (
        found
    )


def test_every_row_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """No row is left out in silence. The count and what waits are printed; with -s the whole table."""
    assert [row.number for row in ROWS] == list(range(1, 87))
    waiting = [row for row in ROWS if row.meet is None]
    assert {row.number for row in waiting} <= WAITING
    assert all(row.waits for row in waiting)
    assert all(row.why for row in ROWS if row.listed)
    assert all(row.place != ".*" for row in MET if row.number != 86)  # a signal has no place
    print("\n".join(["", *lines(ROWS)]))
    with capsys.disabled():
        print(f"\nbad input: {len(MET)} of 86 rows met, {len(waiting)} wait")
        for row in waiting:
            print(f"  {row.number} {row.what}: {row.waits}")
