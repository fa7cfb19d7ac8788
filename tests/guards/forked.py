"""Tests that are collected once and run in a fork each time, so that a change of the code dies with its fork."""

import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

TRACED = 3  # calls of one function by one test whose lines are looked at


class Outcome:
    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def run(items: Sequence[pytest.Item], outcome: Outcome) -> str:
    """The first test that fails, or nothing."""
    for at, item in enumerate(items):
        following = items[at + 1] if at + 1 < len(items) else None
        runtestprotocol(item, nextitem=following, log=True)
        if outcome.failed:
            return outcome.failed
    return ""


def forked(prepare: Callable[[], None], items: Sequence[pytest.Item], outcome: Outcome, seconds: float) -> str:
    """The test that failed after ``prepare``; "" if none did; a word where the fork hung or died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            signal.setitimer(signal.ITIMER_REAL, seconds)  # its default action ends the process
            prepare()
            os.write(writing, run(items, outcome).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "hangs" if os.WTERMSIG(status) == signal.SIGALRM else "dies"
    return text if os.WEXITSTATUS(status) == 0 else "dies"
