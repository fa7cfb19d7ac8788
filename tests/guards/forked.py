"""Tests that are collected once and run in a fork each time, so that a change of the program ends with its fork."""

import os
import signal
from collections.abc import Callable, Sequence

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings

SECONDS = 300  # of processor that one fork may take
PATIENCE = 3600  # seconds, for one that waits for ever
HANGS, DIES, UNCHANGED = "hangs", "dies", "unchanged: "  # instead of the name of a test that failed
Items = dict[str, pytest.Item]


class Forks:
    """A plugin: ``work`` is done instead of running what was collected."""

    def __init__(self, work: Callable[["Forks", Items], None]) -> None:
        self._work = work
        self._failed = ""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._work(self, {item.nodeid: item for item in session.items})
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._failed:
            self._failed = report.nodeid

    def after(self, change: Callable[[], object], items: Sequence[pytest.Item]) -> str:
        """The first of ``items`` that fails in a process that has made ``change`` to itself; empty if none does."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._child(change, items, writing)
        os.close(writing)
        with os.fdopen(reading) as answer:
            told = answer.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            return HANGS if code in (-signal.SIGALRM, -signal.SIGPROF) else DIES
        return told

    def _child(self, change: Callable[[], object], items: Sequence[pytest.Item], writing: int) -> None:
        code = 1
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # what they do by default ends the process
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            os.write(writing, self._told(change, items).encode())
            code = 0
        finally:
            os._exit(code)

    def _told(self, change: Callable[[], object], items: Sequence[pytest.Item]) -> str:
        try:
            change()
        except Exception as error:
            return f"{UNCHANGED}{error}"
        for item, following in zip(items, [*items[1:], None], strict=True):
            runtestprotocol(item, nextitem=following, log=True)
            if self._failed:
                break
        return self._failed


def forked(names: Sequence[str], work: Callable[[Forks, Items], None]) -> int:
    """Collects ``names``, and does ``work`` with what was found; what pytest says of that."""
    # A test that is red because the machine is busy, or by chance, says nothing of what was taken out.
    settings.register_profile("guards", deadline=None, derandomize=True)
    settings.load_profile("guards")
    how = ("--quiet", "--capture=no", "-p", "no:cacheprovider")  # what ``work`` prints is to be seen
    return int(pytest.main([*how, *names], plugins=[Forks(work)]))
