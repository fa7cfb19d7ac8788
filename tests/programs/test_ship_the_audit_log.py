"""A log that is cut as Vault's is, read by a real collector with the settings of the page: each line once (B6)."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.support.collector import Collector

pytestmark = [
    pytest.mark.whole,  # its collector takes minutes to build
    pytest.mark.skipif(shutil.which("go") is None, reason="no Go toolchain to build the collector with"),
]
TOKEN = "hmac-sha256:" + "a" * 1500  # all lines of one token begin alike


class Log:
    """Writes as Vault does: into a file that was renamed, until it is to open the other one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.written = folder, list[str]()
        self.file: IO[str] = self._opened()

    def _opened(self) -> IO[str]:
        return (self.folder / "audit.log").open("a", buffering=1)

    def write(self, lines: int) -> None:
        for _ in range(lines):
            line = f'{{"auth":"{TOKEN}","request":{{"id":"{len(self.written):06}"}}}}'
            self.file.write(f"{line}\n")
            self.written.append(line)

    def cut(self) -> None:
        (self.folder / "audit.log").rename(self.folder / f"audit-{len(self.written):06}.log")
        self.write(3)
        time.sleep(0.1)
        self.write(3)
        self.file.close()
        self.file = self._opened()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    (tmp_path / "audit").mkdir()
    made = Log(tmp_path / "audit")
    yield made
    made.file.close()


def each_once(collector: Collector, log: Log) -> None:
    """Also a moment later."""
    collector.wait_for(log.written)
    time.sleep(3)
    assert {line[-12:]: n for line, n in Counter(collector.lines()).items() if n != 1} == {}


def test_b6_each_line_arrives_once_while_the_log_is_cut(log: Log, tmp_path: Path) -> None:
    collector = Collector(log.folder, tmp_path)
    with collector.running():
        for _ in range(5):
            log.write(200)
            time.sleep(0.5)
            log.cut()
        log.write(10)
        each_once(collector, log)


def test_b6_each_line_arrives_once_where_the_collector_was_away(log: Log, tmp_path: Path) -> None:
    """It was cut meanwhile, more than once, and the oldest parts went once they had been read."""
    collector = Collector(log.folder, tmp_path)
    away: tuple[Callable[[], None], ...] = (log.cut, lambda: log.write(100), log.cut, lambda: log.write(100))
    log.write(300)
    with collector.running():
        collector.wait_for(log.written)
        log.write(50)
    for act in away:
        act()
    with collector.running():
        each_once(collector, log)
        min(log.folder.glob("audit-*.log")).unlink()
        log.cut()
        log.write(20)
        each_once(collector, log)
