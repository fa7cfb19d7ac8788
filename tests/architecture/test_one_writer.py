"""One module writes to stdout and stderr, so that what came from outside is escaped once, for every sink (S3)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bootstrap"
WRITER = PACKAGE / "cli" / "terminal.py"
# Other places that write, and how they escape.
ELSEWHERE = {
    "adapters/age/plugin.py": "one_line",  # a plugin's message, below the command line
    "cli/narrators.py": "one_line",  # rich draws, and takes its own escape sequences
    "cli/work.py": "one_line",  # the same
}
CALLS = ("echo", "secho", "write", "writelines", "print")
STREAMS = ("sys.stdout", "sys.stderr", "typer", "click", "console", "progress.console", "Console")


def writes(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            owner, _, name = called.rpartition(".")
            if called == "print" or (name in CALLS and owner.removesuffix(".buffer") in STREAMS):
                yield node.lineno


def test_s3_nothing_else_writes_to_the_terminal() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in writes(path.read_text())
        if path != WRITER and str(path.relative_to(PACKAGE)) not in ELSEWHERE
    ]
    assert found == []


@pytest.mark.parametrize("path", ELSEWHERE)
def test_s3_who_writes_elsewhere_escapes(path: str) -> None:
    assert f"{ELSEWHERE[path]}(" in (PACKAGE / path).read_text()


@pytest.mark.parametrize(
    "line",
    [
        "print(x)",
        "sys.stdout.write(x)",
        "sys.stderr.buffer.write(x)",
        "typer.echo(x, err=True)",
        "typer.secho(x)",
        "sys.stdout.writelines(x)",
        "progress.console.print(x)",
    ],
)
def test_a_write_is_seen(line: str) -> None:
    assert [*writes(line)] == [1]
