"""Each recorded command says today what it said then, to the byte."""

from pathlib import Path

import pytest

from tests.golden.cases import RECORDED, Case, recorded, told
from tests.golden.commands import cases

CASES = tuple(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_command_says_what_is_recorded(case: Case, workspace: Path) -> None:
    assert told(case, workspace) == recorded("commands", case.name).read_bytes().decode()


def test_each_case_has_a_name_of_its_own_and_no_record_is_left_over() -> None:
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(path.stem for path in (RECORDED / "commands").iterdir())
