"""Bundles made before verify still, with the report that is recorded; a changed one is exit 6."""

import json
from pathlib import Path

import pytest

from tests.golden import bundles
from tests.golden.cases import Case, recorded, told
from tests.support.inside import run

CHANGES = [(name, what, data) for name in bundles.NAMES for what, data in bundles.changes(name)]


@pytest.mark.parametrize("case", tuple(bundles.cases()), ids=lambda case: case.name)
def test_a_bundle_made_before_says_what_is_recorded(case: Case) -> None:
    assert told(case, bundles.FOLDER) == recorded("bundles", case.name).read_bytes().decode()


@pytest.mark.parametrize("name", bundles.NAMES)
def test_what_is_not_changed_is_written_as_it_was(name: str) -> None:
    """So that it is each change that is refused, and not how it was written down."""
    assert bundles.written(json.loads(bundles.content(name))) == bundles.content(name)


@pytest.mark.parametrize("name", bundles.NAMES)
def test_a_bundle_made_before_verifies(name: str) -> None:
    done = run(["ledger", "verify", f"{name}/bundle.json", "--keys", f"{name}/keys"], bundles.FOLDER)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("A PREFIX, verified: ")


@pytest.mark.parametrize(("name", "what", "data"), CHANGES, ids=[f"{n}: {what}" for n, what, _ in CHANGES])
def test_a_changed_bundle_is_exit_6(name: str, what: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_bytes(data)
    keys = bundles.FOLDER / name / "keys"
    done = run(["ledger", "verify", "bundle.json", "--keys", str(keys)], tmp_path)
    assert (done.code, done.out) == (6, ""), what
    assert done.err.startswith("error: "), what
