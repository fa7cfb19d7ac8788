"""The real command in this process: where the answer is the point, and a process of its own is not."""

import io
import os
import platform
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from typer import main as typer

from bootstrap.cli import app as entry

COLUMNS = "100"
COMMANDS = cache(typer.get_command)  # the tree of commands is the same each time, and takes a while to build
PYTHON = "3.11.2"  # what `doctor` is told, so that it says the same on every machine


@dataclass(frozen=True)
class Done:
    """One command at its end."""

    code: int
    out: str
    err: str


class Stream(io.TextIOWrapper):
    """A standard stream that is no terminal, kept in memory."""

    def __init__(self, content: str = "") -> None:
        super().__init__(io.BytesIO(content.encode()), encoding="utf-8", newline="", write_through=True)

    def text(self) -> str:
        self.flush()
        kept = self.buffer
        assert isinstance(kept, io.BytesIO)
        return kept.getvalue().decode()


def run(argv: Sequence[str], cwd: Path, stdin: str = "") -> Done:
    """``bootstrap ARGV`` through the entry point of the program, its environment closed."""
    out, err = Stream(), Stream()
    with _surroundings(argv, cwd, stdin), redirect_stdout(out), redirect_stderr(err):
        try:
            entry.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        else:
            raise AssertionError("the entry point leaves by SystemExit")
    return Done(code, out.text(), err.text())


@contextmanager
def _surroundings(argv: Sequence[str], cwd: Path, stdin: str) -> Iterator[None]:
    """What hardens a process for good, and its signals, stay as the test runner has them."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "COLUMNS": COLUMNS, "LC_ALL": "C.UTF-8"}
    patches: tuple[Any, ...] = (
        mock.patch.object(entry, "harden"),
        mock.patch.object(entry, "listen"),
        mock.patch.object(typer, "get_command", COMMANDS),
        mock.patch.object(platform, "python_version", lambda: PYTHON),
        mock.patch.object(sys, "argv", ["bootstrap", *argv]),
        mock.patch.object(sys, "stdin", Stream(stdin)),
        mock.patch.dict(os.environ, environment, clear=True),
    )
    with warnings.catch_warnings(), chdir(cwd):
        warnings.simplefilter("ignore")
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in reversed(patches):
                patch.stop()
