"""Tests that are collected once and run in a fork each time, so that a change of the code ends with its fork."""

import os
import signal
from collections.abc import Callable, Sequence

import pytest
from _pytest.runner import runtestprotocol

HANGS, DIES = "hangs", "dies"  # instead of the name of a test that failed


class Forks:
    """A plugin: ``work`` is what is done instead of running the tests."""

    def __init__(self, work: Callable[["Forks", dict[str, pytest.Item]], None]) -> None:
        self._work = work
        self._failed = ""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work(self, {item.nodeid: item for item in session.items})
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._failed:
            self._failed = report.nodeid

    def first_failure(self, items: Sequence[pytest.Item]) -> str:
        """Runs them until one fails, whose name it is; empty when none does."""
        for at, item in enumerate(items):
            runtestprotocol(item, nextitem=items[at + 1] if at + 1 < len(items) else None, log=True)
            if self._failed:
                break
        return self._failed

    def after(self, change: Callable[[], object], items: Sequence[pytest.Item], seconds: float = 120) -> str:
        """The first failure of ``items`` in a process that has made ``change`` to itself."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._child(change, items, seconds, writing)
        os.close(writing)
        with os.fdopen(reading) as answer:
            told = answer.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == -signal.SIGALRM:
            return HANGS
        return told if code == 0 else DIES

    def _child(
        self, change: Callable[[], object], items: Sequence[pytest.Item], seconds: float, writing: int
    ) -> None:
        code = 1
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            signal.setitimer(signal.ITIMER_REAL, seconds)  # what it does by default ends the process
            change()
            os.write(writing, self.first_failure(items).encode())
            code = 0
        finally:
            os._exit(code)


def forked(names: Sequence[str], work: Callable[[Forks, dict[str, pytest.Item]], None]) -> int:
    """Collects ``names`` and does ``work`` with what was found."""
    return int(pytest.main(["--quiet", "-p", "no:cacheprovider", *names], plugins=[Forks(work)]))
