"""A private dockerd, for a machine where no Docker answers: own socket and folders, no hand on iptables.

It is shared by the labs of kind and ends with the last of them. Its images stay in the cache.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.locks import locked
from bootstrap.lab.ports import OnEvent
from bootstrap.lab.resources import folder
from bootstrap.model.errors import WorldError
from bootstrap.waiting import NotYet, retry

PLACE = Path("/run/bootstrap-lab-docker")  # all that ends with the machine; short, for it holds sockets
GROUP = "bootstrap-lab-kind"
_DOCKERD = "/usr/sbin/dockerd"
_NAMES_END_HERE = "198.18.255.53"  # as in a lab: no server has this address
_CAP_SYS_RESOURCE = 1 << 24
_PATIENCE = 60.0  # seconds


def private() -> Docker:
    """The engine that is ours, running or not."""
    return Docker(PLACE / "docker.sock")


def chosen() -> Docker:
    """Ours while it holds labs, else the user's where it answers, else ours."""
    return private() if private().answers() or not Docker().answers() else Docker()


def start(cache: Path, on_event: OnEvent) -> Docker:
    """It runs and answers. What a killed one left is taken over: nodes outlive it."""
    docker = private()
    if docker.answers():
        return docker
    with locked(PLACE.with_name(PLACE.name + ".lock"), wait=True):
        if not docker.answers():
            begun = time.monotonic()
            on_event("start", "starting a private Docker", 0)
            _launch(cache, docker)
            on_event("done", "starting a private Docker", time.monotonic() - begun)
    return docker


def stop() -> None:
    """No process, mount or control group of it is left. Its containers must be gone."""
    for file in ("docker.pid", "exec/containerd/containerd.pid"):
        pid = _alive(PLACE / file)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            _await_end(pid, PLACE / file)
    _unmount_remains()
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.rmtree(PLACE.with_name(PLACE.name + ".lock"), ignore_errors=True)
    for top in (*Path("/sys/fs/cgroup").glob(f"*/{GROUP}"), *Path("/sys/fs/cgroup").glob(GROUP)):
        for group in sorted(top.rglob("*/"), reverse=True):
            group.rmdir()
        top.rmdir()


def _unmount_remains() -> None:
    """A dockerd that was killed leaves its data folder bound onto itself."""
    known = PLACE / "data-root"
    ours = [str(PLACE), *([known.read_text(encoding="utf-8")] if known.is_file() else [])]
    retry(lambda: _unmount(ours), clock=time, seconds=_PATIENCE, pause=0.1)


def _unmount(tops: list[str]) -> None:
    points = [point for point in _mount_points() if _is_below(point, tops)]
    for point in reversed(points):  # busy for a moment after the last process that used it
        subprocess.run(["/usr/bin/umount", point], check=False, capture_output=True)  # noqa: S603 - a fixed program
    if points:
        raise NotYet(
            WorldError(
                f"{points[-1]} of the private Docker stays mounted",
                code="E_LAB_DOCKER",
                where=points[-1],
                hint=f"look who uses it with fuser -m {points[-1]}, umount it, then say it again",
            )
        )


def _mount_points() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line.split()[4] for line in lines]


def _is_below(point: str, tops: list[str]) -> bool:
    return any(point == top or point.startswith(f"{top}/") for top in tops)


def _launch(cache: Path, docker: Docker) -> None:
    PLACE.mkdir(mode=0o700, exist_ok=True)
    if _alive(PLACE / "docker.pid") is None:
        (PLACE / "docker.pid").unlink(missing_ok=True)  # else dockerd refuses when the number is in use again
    with (PLACE / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            [_DOCKERD, *_arguments(cache, docker)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    retry(lambda: _require_answer(docker, process), clock=time, seconds=_PATIENCE, pause=0.1)


def _require_answer(docker: Docker, process: "subprocess.Popen[bytes]") -> None:
    if docker.answers():
        return
    last = (PLACE / "log").read_text(errors="replace").strip().splitlines()[-1:]
    failure = WorldError(
        f"a private Docker does not start: {last[0] if last else 'it said nothing'}",
        code="E_LAB_DOCKER",
        where=_DOCKERD,
        hint=f"look at {PLACE / 'log'}",
    )
    raise NotYet(failure) if process.poll() is None else failure


def _arguments(cache: Path, docker: Docker) -> list[str]:
    data = cache / "docker"
    data.mkdir(mode=0o711, parents=True, exist_ok=True)
    (PLACE / "data-root").write_text(str(data), encoding="utf-8")
    fixed = [
        *(f"--data-root={data}", f"--exec-root={PLACE / 'exec'}", f"--pidfile={PLACE / 'docker.pid'}"),
        f"--host=unix://{docker.socket}",
        "--log-level=warn",
        *("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"),
        *("--bridge=none", f"--dns={_NAMES_END_HERE}"),
        *("--storage-driver=overlay2", "--live-restore"),
        *(f"--cgroup-parent=/{GROUP}", "--exec-opt=native.cgroupdriver=cgroupfs"),
    ]
    return fixed + ([] if _may_all() else _bounded())


def _may_all() -> bool:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    bound = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return bool(int(bound, 16) & _CAP_SYS_RESOURCE)


def _bounded() -> list[str]:
    program = PLACE / "runc-bounded"
    shutil.copyfile(folder("playbooks") / "files" / program.name, program)
    program.chmod(0o755)
    return [f"--add-runtime=bounded={program}", "--default-runtime=bounded"]


def _alive(pidfile: Path) -> int | None:
    """The process that the file names, if it is one of ours: numbers are used again."""
    try:
        pid = int(pidfile.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(PLACE) in command else None


def _await_end(pid: int, pidfile: Path) -> None:
    def look() -> None:
        if _alive(pidfile) == pid and Path(f"/proc/{pid}").exists():
            raise NotYet(
                WorldError(
                    f"process {pid} of the private Docker does not end",
                    code="E_LAB_DOCKER",
                    where=str(pidfile),
                    hint=f"look at {PLACE / 'log'}, end it with kill -KILL {pid}, then say it again",
                )
            )

    retry(look, clock=time, seconds=_PATIENCE, pause=0.05)
