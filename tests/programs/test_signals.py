"""A signal at any moment is three lines and an exit code, also where a library is in the middle of something."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

WHILE_IMPORTED = """
import os
from bootstrap.cli import entry

entry.close = lambda: os.kill(os.getpid(), {0})
entry.main()
"""
UNREACHABLE = """
import os
from bootstrap.cli.exits import caught
from bootstrap.cli.signals import listen
from bootstrap.model.errors import Transient

def command():
    try:
        os.kill(os.getpid(), {0})
    except BaseException:
        raise Transient("no answer", code="E_UNREACHABLE") from None

listen()
raise SystemExit(caught(command))
"""
SWALLOWED = """
import os, signal, sys
from bootstrap.cli.exits import caught
from bootstrap.cli.signals import listen

def command():
    try:
        os.kill(os.getpid(), {0})
    except BaseException:
        raise ValueError("what a library makes of it") from None

listen()
sys.exit(caught(command))
"""
IN_A_RUN = """
import os, sys
from bootstrap.cli.exits import caught
from bootstrap.engine.interrupt import Interrupt, interruptible

def command():
    with interruptible(Interrupt()):
        try:
            os.kill(os.getpid(), {0})
        except BaseException:
            raise ValueError("what a library makes of it") from None

sys.exit(caught(command))
"""


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CASES = [(p, n) for p in (WHILE_IMPORTED, SWALLOWED, UNREACHABLE) for n in SIGNALS] + [
    (IN_A_RUN, n) for n in SIGNALS
]


@pytest.mark.parametrize(("program", "number"), CASES)
def test_g5_it_says_so(program: str, number: signal.Signals, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program.format(int(number))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert "fault in the program" not in done.stderr
    assert done.stderr.startswith("error: ")
    if program != IN_A_RUN:
        assert "hint: nothing is half-made; run it again" in done.stderr
