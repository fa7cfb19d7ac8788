"""Which processes are a lab's: those in its control groups, and no others."""

from collections.abc import Iterable
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def groups(name: str, containers: Iterable[str] = ()) -> list[Path]:
    """The lab's top folder in every hierarchy where it has one; of a lab of kind, those of its ``containers``."""
    folders = [f"bootstrap-lab-{name}"]
    for (
        container
    ) in containers:  # below a private engine, Docker's own groups, and those of Docker with systemd
        folders += [f"bootstrap-lab-kind/{container}", f"docker/{container}"]
        folders += [f"system.slice/docker-{container}.scope"]
    found = {path for folder in folders for path in (*_ROOT.glob(f"*/{folder}"), *_ROOT.glob(folder))}
    return sorted(path for path in found if path.is_dir() and not path.parent.is_symlink())


def members(name: str, containers: Iterable[str] = ()) -> set[int]:
    """Process ids of the whole lab, pods included, as this machine numbers them."""
    found: set[int] = set()
    for group in groups(name, containers):
        for file in group.rglob("cgroup.procs"):
            try:
                found |= {int(line) for line in file.read_text().split()}
            except OSError:  # the group ended between finding and reading
                continue
    return found


def init_of(name: str) -> int | None:
    """Process 1 of the lab's box as this machine numbers it, to enter with ``nsenter --target``."""
    return next((pid for pid in sorted(members(name)) if _is_first(pid)), None)


def _is_first(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    line = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    numbers = line.split()[1:]
    return len(numbers) == 2 and numbers[1] == "1"  # a pod's first process is one namespace deeper
