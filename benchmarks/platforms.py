"""A platform of many secrets on a lab, made by the real commands, and what a command on it took."""

import json
import re
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.plugin import lab_command
from tests.support.program import commit_all, git, started

_DONE = re.compile(r"^ +done  ([a-z-]+): .*\(([0-9.]+) s\)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Seconds of the wall clock and of the processor, peak MiB, and seconds of each step that acted."""

    wall: float
    cpu: float
    peak: float
    steps: dict[str, float]


@contextmanager
def durable_lab(name: str) -> Iterator[Lab]:
    """A new lab whose etcd waits for the disk; gone afterwards."""
    lab_command("up", "--name", name, "--provider", "local", "--durable")
    try:
        yield Lab.of(json.loads(lab_command("status", "--name", name, "-o", "json")))
    finally:
        lab_command("down", "--name", name)


def platform(folder: Path, lab: Lab, *, replicas: int) -> Platform:
    """As `keygen` and `init` make it, of so many replicas."""
    made = make_platform(folder, lab)
    declared = made.folder / "bootstrap.yaml"
    text, found = re.subn(r"replicas: 3\b", f"replicas: {replicas}", declared.read_text())
    assert found == 1
    git(made.folder, "config", "gc.auto", "0")  # else Git packs ten thousand files while they are handed over
    if text != declared.read_text():
        declared.write_text(text)
        commit_all(made.folder)
    return made


def command(platform: Platform, *words: str) -> Taken:
    """A command on the cluster, to its successful end."""
    return offline(*words, *platform.to_cluster())


def offline(*words: str) -> Taken:
    """A command that needs no cluster; its peak memory as the kernel saw it, looked at ten times a second."""
    before, begun, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with started(*words) as process, ThreadPoolExecutor(1) as reader:
        said = reader.submit(process.communicate)
        while not said.done():
            peak = max(peak, _peak(process.pid))
            time.sleep(0.1)
        out, err = said.result()
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0, f"{' '.join(words)}: exit {process.returncode}\n{out}\n{err}"
    steps = {step: float(seconds) for step, seconds in _DONE.findall(err)}
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(wall=wall, cpu=cpu, peak=peak / 1024, steps=steps)


def _peak(pid: int) -> int:
    """KiB; ``VmHWM`` begins anew with a program."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def versions(kube: Kube) -> dict[str, str]:
    found = json.loads(kube.run("version", "-o", "json"))
    vault = kube.in_vault("vault-0", "vault", "version").split()[1].rstrip(",")
    return {"kubernetes": found["serverVersion"]["gitVersion"], "vault": vault}
