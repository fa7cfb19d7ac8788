"""What containers use of the processor, as their control groups count it."""

import time
from contextlib import suppress
from pathlib import Path

from bootstrap.lab.cgroup import groups
from tests.lab.support.cluster import Kube


def usage(kube: Kube, container: str, namespace: str = "vault") -> float:
    """Seconds of the processor that all containers of this name in the namespace have used so far."""
    ids = [
        str(status["containerID"]).partition("://")[2]
        for pod in kube.list("pod", namespace)
        for status in pod["status"].get("containerStatuses", [])
        if status["name"] == container
    ]
    assert ids, f"no container {container} in {namespace}"
    return sum(_seconds(kube, each) for each in ids)


def cores(kube: Kube, seconds: float, *containers: str) -> dict[str, float]:
    """Cores that each of them takes on average from now on."""
    before, begun = {name: usage(kube, name) for name in containers}, time.monotonic()
    time.sleep(seconds)
    taken = time.monotonic() - begun
    return {name: (usage(kube, name) - before[name]) / taken for name in containers}


def _seconds(kube: Kube, container: str) -> float:
    for top in groups(kube.lab.name, kube.lab.containers):
        for folder in top.rglob(f"*{container}*"):
            counted = _counted(folder)
            if counted is not None:
                return counted
    raise AssertionError(f"no control group counts {container}")


def _counted(folder: Path) -> float | None:
    """Of the second version of control groups, and of the first."""
    stat, first = folder / "cpu.stat", folder / "cpuacct.usage"
    if first.is_file():
        return int(first.read_text()) / 1e9
    fields = dict(line.split() for line in stat.read_text().splitlines()) if stat.is_file() else {}
    return int(fields["usage_usec"]) / 1e6 if "usage_usec" in fields else None


def process(kube: Kube, pod: str, container: str, namespace: str = "vault") -> int:
    """The first process of a container, as this machine numbers it."""
    for number in programs(group(kube, pod, container, namespace)):
        if _is_first(number):
            return number
    raise AssertionError(f"process 1 of {pod}/{container} is not there")


def group(kube: Kube, pod: str, container: str, namespace: str = "vault") -> Path:
    """The control group that holds the processes of a container."""
    statuses = kube.need("pod", pod, namespace)["status"]["containerStatuses"]
    (found,) = [s["containerID"].partition("://")[2] for s in statuses if s["name"] == container]
    for top in groups(kube.lab.name, kube.lab.containers):
        for folder in top.rglob(f"*{found}*"):
            if (folder / "cgroup.procs").read_text().strip():
                return folder
    raise AssertionError(f"no control group holds a process of {pod}/{container}")


def programs(folder: Path) -> dict[int, str]:
    """Name of each program that runs in a control group now, by its process's number on this machine."""
    found = {}
    for number in (folder / "cgroup.procs").read_text().split():
        with suppress(OSError):  # ended meanwhile
            found[int(number)] = Path(f"/proc/{number}/comm").read_text().strip()
    return found


def _is_first(number: int) -> bool:
    """Whether it is process 1 of its namespace: numbers start again, so a probe's may be the lowest."""
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except FileNotFoundError:
        return False  # a probe that has ended meanwhile
    (numbers,) = (line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
    return numbers[-1] == "1"
