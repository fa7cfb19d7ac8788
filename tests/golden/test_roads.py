"""Each simulated road leaves what is recorded, to the byte: reports, journal, objects, records, the bundle."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.golden.cases import RECORDED
from tests.golden.roads import ROADS, Documents, walked

ROOT = Path(__file__).parents[2]
FOLDER = RECORDED / "roads"
FILES = [(path.parent.name, path.name) for path in sorted(FOLDER.rglob("*")) if path.is_file()]


@cache
def documents(road: str, workspace: Path) -> Documents:
    return walked(road, workspace)


@pytest.mark.parametrize(("road", "file"), FILES, ids=[f"{road}/{file}" for road, file in FILES])
def test_a_road_leaves_what_is_recorded(road: str, file: str, workspace: Path) -> None:
    assert documents(road, workspace).get(file) == (FOLDER / road / file).read_bytes().decode()


@pytest.mark.parametrize("road", ROADS)
def test_a_road_leaves_nothing_else(road: str, workspace: Path) -> None:
    assert sorted(documents(road, workspace)) == sorted(path.name for path in (FOLDER / road).iterdir())


def test_another_process_leaves_the_same(workspace: Path) -> None:
    """The order of sets of text, which the seed changes, shows nowhere."""
    script = (
        "import json, pathlib, sys; from tests.golden.roads import walked;"
        "print(json.dumps(walked('interrupted', pathlib.Path(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(workspace)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == documents("interrupted", workspace)
