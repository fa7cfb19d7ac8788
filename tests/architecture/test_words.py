"""No server in what is locked, no stub that says done, no key in what is tracked."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).relative_to(ROOT)
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".j2", ".sh", ".txt", ".cfg", ".lock", ".mod", ""}
# In pieces, so that this file does not hold what it looks for.
STUBS = (
    r"(#|//|<!--).*\bTO" + r"DO\b",
    r"\bFIX" + r"ME\b",
    r"\bX" + r"XX\b",
    r"raise NotImplemented" + r"Error",
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [p for p in paths if p.suffix in TEXT and p != HERE and (ROOT / p).is_file()]


def hits(pattern: str, paths: list[Path], flags: re.RegexFlag = re.IGNORECASE) -> list[str]:
    found = []
    for path in paths:
        lines = (ROOT / path).read_text(errors="replace").splitlines()
        found += [
            f"{path}:{n}: {line.strip()[:100]}"
            for n, line in enumerate(lines, 1)
            if re.search(pattern, line, flags)
        ]
    return found


def test_there_is_something_to_look_at() -> None:
    assert len(tracked()) > 150


def test_what_is_locked_names_packages_and_no_server() -> None:
    """Where a package comes from is the setting of whoever installs it."""
    locked = [p for p in tracked() if p.suffix in {".lock", ".mod"} or p.name == "pyproject.toml"]
    assert locked
    assert hits(r"https?://", locked) == []


@pytest.mark.parametrize("stub", STUBS)
def test_nothing_is_left_for_later(stub: str) -> None:
    code = [p for p in tracked() if p.parts[0] in ("bootstrap", "phases", "playbooks", "tests", "docs")]
    assert hits(stub, code, re.RegexFlag(0)) == []


def test_a_skip_is_an_error_in_ci() -> None:
    """A test that needs something of the machine may be skipped at a desk, never in CI; a matrix is sampled."""
    skipping = {Path(line.split(":")[0]) for line in hits(r"mark\.skip\b|pytest\.skip\(|xfail\(", own())}
    assert skipping
    # The lab's own life cycle needs root, and conftest.py says in CI why there is no lab.
    known = Path("tests/lab/test_lab_lifecycle.py")
    excused = ('environ.get("CI")', "with --whole")
    assert [p for p in skipping - {known} if not any(e in (ROOT / p).read_text() for e in excused)] == []


def own() -> list[Path]:
    return [p for p in tracked() if p.parts[0] == "tests"]


def test_no_private_key_is_tracked() -> None:
    found = hits(r"AGE-SECRET-KEY-1[A-Z0-9]{50}|BEGIN [A-Z ]*PRIVATE KEY-----\s*$", tracked())
    assert [line for line in found if not line.startswith("tests/")] == []
