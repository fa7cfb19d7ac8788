"""What servers wrote while a command ran, also those that were replaced on the way."""

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from tests.lab.support.cluster import Kube

Line = tuple[datetime, str]
_STAMP = re.compile(r"(\S+?)(\.\d{6})\d*Z (.*)")


@contextlib.contextmanager
def followed(kube: Kube, folder: Path, pods: Sequence[str]) -> Iterator[None]:
    """Each pod's container `vault` into a file of its name, one pod of that name after another."""
    over = threading.Event()
    threads = [threading.Thread(target=_follow, args=(kube, folder / pod, pod, over)) for pod in pods]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _follow(kube: Kube, file: Path, pod: str, over: threading.Event) -> None:
    command = kube.command("logs", "-n", "vault", pod, "-c", "vault", "--timestamps", "--follow")
    with file.open("ab") as out:
        while not over.wait(0.3):
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
            while process.poll() is None and not over.wait(0.3):
                pass
            process.kill()
            process.wait()


def lines(file: Path) -> list[Line]:
    """When the kubelet got a line, and the line; one that was read twice, once."""
    found = dict.fromkeys(file.read_text(errors="replace").splitlines())
    matched = (_STAMP.match(line) for line in found)
    return sorted((datetime.fromisoformat(f"{m[1]}{m[2]}+00:00"), m[3]) for m in matched if m)


def times(file: Path, words: str) -> list[datetime]:
    """When it wrote a line with these words."""
    return [at for at, line in lines(file) if words in line]
