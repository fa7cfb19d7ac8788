"""No server in what is locked, no stub that says done, no key in what is tracked, no narrator in the prose."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.words import NARRATION

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
# Narration: a technical sentence names the part that acts, or the answer that is shown.
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)


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


# ---------------------------------------------------------------- plain words


def prose(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Line and text of what people read: a page without its code; a module's names, comments and docstrings.

    Messages, which are all other texts of a module, are data: they are compared by tests/golden.
    """
    if path.suffix != ".py":
        plain = CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
        yield from enumerate(plain.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.COMMENT):
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and type(node.value.value) is str
        ):
            yield from enumerate(node.value.value.splitlines(), node.lineno)


def narrated(path: Path, text: str) -> list[str]:
    return [f"{path}:{line}: {words.strip()}" for line, words in prose(path, text) if NARRATION.search(words)]


def read_by_people() -> dict[str, Path]:
    """What ``init`` writes into a new repository is output too, so of bootstrap/ only the modules count."""
    found = [p for p in tracked() if p.parts[0] == "bootstrap" and p.suffix == ".py"]
    found += [p for p in tracked() if p.parts[0] in ("docs", "phases") or p.name == "README.md"]
    return {str(p): p for p in found if p.parts[0] != "tests"}


def test_prose_is_plain() -> None:
    files = read_by_people()
    assert len(files) > 300
    assert [hit for path in files.values() for hit in narrated(path, (ROOT / path).read_text())] == []


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.py", "def nobody() -> None: ...\n", [1]),
        ("a.py", "x = 1\n_who_told = x.said\n", [2, 2]),
        ("a.py", "x = 1  # Whoever asks\n", [1]),
        ("a.py", 'def f() -> None:\n    """A look.\n\n    It is somebody\'s.\n    """\n', [4]),
        ("a.py", 'raise ValueError("nobody answers")\n', []),
        ("a.py", "unsaid = foretold = 1\n", []),
        ("a.md", "# A page\n\nNobody knows.\n", [3]),
        ("a.md", "```sh\necho nobody\n```\nas it was told\n", [4]),
        ("a.md", "`up` answers `somebody else has it`.\n", []),
        ("a.yaml", "title: Whoever holds the root\n", [1]),
    ],
)
def test_a_narrator_is_found(name: str, text: str, lines: list[int]) -> None:
    assert [int(hit.split(":")[1]) for hit in narrated(Path(name), text)] == lines
