"""Tests that are collected once and run in a fork each time, so that a change of the program ends with its fork."""

import gc
import os
import pickle
import select
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings

from tests.guards.reach import Run, Watch
from tests.simulator import platform

SECONDS = 60  # of processor that one test may take; one that was watched, so many times what it took then
TIMES, LEAST = 3, 5
PATIENCE = 3600  # seconds, for one that does not end
ASLEEP = 20  # seconds in which nothing of it wants the processor: it waits for ever
HANGS, DIES, UNCHANGED = "hangs", "dies", "unchanged: "  # instead of the name of a test that failed
Items = dict[str, pytest.Item]


class Forks:
    """A plugin: ``work`` is done instead of running what was collected."""

    def __init__(self, work: Callable[["Forks", Items], None]) -> None:
        self._work = work
        self._failed = ""
        self._watch = Watch()
        self._seconds: dict[str, float] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        warm()
        self._work(self, {item.nodeid: item for item in session.items})
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._failed:
            self._failed = report.nodeid

    def pytest_runtest_call(self, item: pytest.Item) -> None:
        self._watch.is_set_up(item)

    def after(self, change: Callable[[], object], items: Sequence[pytest.Item]) -> str:
        """The first of ``items`` that fails in a process that has made ``change`` to itself; empty if none does."""
        code, answer = _in_a_fork(lambda: self._told(change, items).encode())
        if code:
            return HANGS if code in (-signal.SIGALRM, -signal.SIGPROF) else DIES
        return answer.decode()

    def watched(self, items: Sequence[pytest.Item]) -> dict[str, Run]:
        """What each of ``items`` runs of the program as it is. RuntimeError where one of them fails."""
        code, answer = _in_a_fork(lambda: pickle.dumps(self._watched(items)))
        if code:
            raise RuntimeError(f"a test hangs or dies while nothing is taken out: {code}")
        failed, found = pickle.loads(answer)
        if failed:
            raise RuntimeError(f"red while nothing is taken out: {failed}")
        self._seconds = {name: LEAST + TIMES * run.seconds for name, run in found.items()}
        return dict(found)

    def _watched(self, items: Sequence[pytest.Item]) -> tuple[str, Mapping[str, Run]]:
        following = dict(zip(items, [*items[1:], None], strict=True))

        def run(item: pytest.Item) -> None:
            forget()
            self._run(item, following[item])

        found = self._watch.runs(items, run)
        return self._failed, found

    def _told(self, change: Callable[[], object], items: Sequence[pytest.Item]) -> str:
        try:
            change()
        except Exception as error:
            return f"{UNCHANGED}{error}"
        for item, following in zip(items, [*items[1:], None], strict=True):
            self._run(item, following)
            if self._failed:
                break
        return self._failed

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> None:
        seconds = self._seconds.get(item.nodeid, SECONDS)
        signal.setitimer(signal.ITIMER_PROF, seconds)  # what they do by default ends the process
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        runtestprotocol(item, nextitem=following, log=True)


def _in_a_fork(work: Callable[[], bytes]) -> tuple[int, bytes]:
    """How it ended, and its answer."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, writing)
    os.close(writing)
    told = _told_by(child, reading)
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


def _told_by(child: int, reading: int) -> bytes:
    """One that only waits is ended, as one that takes too long is."""
    told, idle = b"", 0
    while True:
        if select.select([reading], [], [], 1)[0]:
            more = os.read(reading, 1 << 16)
            if not more:
                return told
            told += more
        else:
            idle = idle + 1 if _waits(child) else 0
            if idle == ASLEEP:
                os.kill(child, signal.SIGALRM)


def _waits(process: int) -> bool:
    """Whether all its threads sleep, and there is no other process that they wait for."""
    asleep = {state for state, _ in _stats(f"{process}/task/*/stat")} == {"S"}
    return asleep and all(parent != process for _, parent in _stats("[0-9]*/stat"))


def _stats(where: str) -> Iterator[tuple[str, int]]:
    """State and parent."""
    for each in Path("/proc").glob(where):
        with suppress(OSError):  # it has just ended
            state, parent = each.read_text().rpartition(") ")[2].split()[:2]
            yield state, int(parent)


def _child(work: Callable[[], bytes], writing: int) -> None:
    code = 1
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        gc.disable()  # a collection would copy all of the process that it was forked from
        with os.fdopen(writing, "wb") as answer:
            answer.write(work())
        code = 0
    finally:
        os._exit(code)


def warm() -> None:
    """What every fork would do again, done once: imports, and the repository of the simulated platforms."""
    with tempfile.TemporaryDirectory() as folder:
        platform.SimulatedPlatform(Path(folder)).up()
    forget()


def forget() -> None:
    """What is remembered of the program's own answers: a change of it has to be asked anew."""
    for each in remembering():
        if each not in (platform.made_once, remembering):
            each.cache_clear()


@cache
def remembering() -> tuple[Any, ...]:
    """Every function of ours that ``functools.cache`` wraps; looking for them is slow."""
    kind = type(platform.made_once)
    found = (each for each in gc.get_objects() if isinstance(each, kind))
    return tuple(each for each in found if str(each.__module__).startswith(("bootstrap.", "tests.")))


def forked(names: Sequence[str], work: Callable[[Forks, Items], None]) -> int:
    """Collects ``names``, and does ``work`` with what was found; what pytest says of that."""
    # A test that is red because the machine is busy, or by chance, says nothing of what was taken out.
    settings.register_profile("guards", deadline=None, derandomize=True)
    # What ``work`` prints is to be seen; of a test that is red nobody reads why.
    how = (
        *("--quiet", "--capture=no", "--tb=native", "--assert=plain", "-p", "no:cacheprovider"),
        "--hypothesis-profile=guards",  # behind that of tests/conftest.py
    )
    return int(pytest.main([*how, *names], plugins=[Forks(work)]))
