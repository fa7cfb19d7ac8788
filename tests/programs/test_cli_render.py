"""Narration: plain lines in a pipe, a live tree on a terminal, words beside signs, NO_COLOR obeyed."""

import io
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

from bootstrap.cli.narrators import PlainNarrator, narration
from tests.simulator.toys import toy_plan

ROOT = Path(__file__).resolve().parents[2]


def test_in_a_pipe_each_event_is_one_line() -> None:
    stream = io.StringIO()
    with narration(toy_plan("check", "make"), live=True, stream=stream) as narrator:
        narrator.event("looking", "s0-check")
        narrator.event("satisfied", "s0-check", "v1.34.4", seconds=0.1)
        narrator.event("acting", "s1-make", "create ConfigMap x")
        narrator.event("waiting", message="a pod is ready")
        narrator.event("done", "s1-make", "all there", seconds=2.04)
    assert stream.getvalue().splitlines() == [
        "phase p: toy (authority: Vault)",
        "        holds  s0-check: v1.34.4",
        "       acting  s1-make: create ConfigMap x",
        "      waiting  a pod is ready",
        "         done  s1-make: all there (2.0 s)",
    ]


def test_an_unknown_step_or_kind_is_still_told() -> None:
    stream = io.StringIO()
    PlainNarrator(None, stream).event("rebuilt", "nowhere", "something")
    assert stream.getvalue() == "      rebuilt  nowhere: something\n"


SCRIPT = """
import time
from bootstrap.cli.narrators import narration
from tests.simulator.toys import toy_plan
try:
    with narration(toy_plan("check", "make"), live=True) as narrator:
        narrator.event("looking", "s0-check")
        narrator.event("satisfied", "s0-check", "fine")
        narrator.event("looking", "s1-make")
        narrator.event("acting", "s1-make", "create it")
        narrator.event("waiting", message="a pod is ready")
        time.sleep(0.5)
        raise KeyError
except KeyError:
    pass
"""


def on_a_terminal(**env: str) -> str:
    parent, child = pty.openpty()
    environment = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "COLUMNS": "100",
        "LINES": "40",
        **env,
    }
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, stderr=child)
    os.close(child)
    read = b""
    while select.select([parent], [], [], 20)[0]:
        try:
            chunk = os.read(parent, 65536)
        except OSError:
            break
        if not chunk:
            break
        read += chunk
    os.close(parent)
    assert process.wait() == 0
    return read.decode(errors="replace")


def test_on_a_terminal_a_tree_lives_and_says_where_it_stopped() -> None:
    seen = on_a_terminal(PYTHONUTF8="1")
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert "toy" in words
    assert "authority: Vault" in words
    assert "✓ holds         step 0" in words
    assert "▸ acting        step 1" in words
    assert "a pod is ready" in words
    assert "✗ stopped       step 1" in words.split("▸ acting")[-1]
    assert re.search(r"\x1b\[[0-9;]*3[0-9]m", seen), "a terminal has colours"


def test_no_color_is_obeyed() -> None:
    seen = on_a_terminal(PYTHONUTF8="1", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", seen)
    assert "✓ holds" in seen


def test_a_terminal_without_unicode_gets_ascii_signs() -> None:
    seen = on_a_terminal(PYTHONIOENCODING="ascii")
    assert "+ holds" in seen
    assert "✓" not in seen


def test_a_dumb_terminal_gets_plain_lines() -> None:
    seen = on_a_terminal(TERM="dumb")
    assert "\x1b" not in seen
    assert "holds  s0-check: fine" in seen
