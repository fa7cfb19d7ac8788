"""Images as containerd keeps them, unpacked once: what a new lab starts from instead of unpacking them again."""

import hashlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache as once
from pathlib import Path

from bootstrap.lab.locks import locked
from bootstrap.lab.ports import OnEvent
from bootstrap.model.errors import WorldError
from bootstrap.waiting import NotYet, retry

_CONTAINERD = "/usr/bin/containerd"
_CONFIG = """\
version = 2
root = "{place}/root"
state = "{place}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{place}/socket"
"""


def prepared(archives: Iterable[Path], cache: Path, on_event: OnEvent) -> Path:
    """A containerd root folder in the cache that holds the images of these archives, made first where missing."""
    archives = sorted(archives)
    parts = [path.name for path in archives] + [_version()]
    entry = cache / "stores" / hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    if entry.is_dir():
        return entry
    with locked(cache / "stores" / ".work", wait=True) as workplace:
        if not entry.is_dir():
            _make(archives, entry, workplace, on_event)
    return entry


def copy(store: Path, target: Path) -> None:
    """A lab's own containerd root. Layers are never written to, so they are shared; the databases are not."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _run("cp", "--archive", "--link", str(store), str(part))
    except WorldError:  # on another file system
        shutil.rmtree(part, ignore_errors=True)
        _run("cp", "--archive", str(store), str(part))
    for database in store.rglob("*.db"):
        mine = part / database.relative_to(store)
        mine.unlink()
        shutil.copy2(database, mine)
    part.rename(target)


def _make(archives: list[Path], entry: Path, workplace: Path, on_event: OnEvent) -> None:
    subject, begun = "unpacking images", time.monotonic()
    on_event("start", subject, 0)
    for remains in workplace.iterdir():
        shutil.rmtree(remains)
    place = Path(tempfile.mkdtemp(dir=workplace))
    with _containerd(place) as socket:
        for archive in archives:
            _run("ctr", "--address", str(socket), "--namespace", "k8s.io", "images", "import", str(archive))
    (place / "root").rename(entry)
    shutil.rmtree(place)
    on_event("done", subject, time.monotonic() - begun)


@contextmanager
def _containerd(place: Path) -> Iterator[Path]:
    config = place / "config.toml"
    config.write_text(_CONFIG.format(place=place), encoding="utf-8")
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            ["/usr/bin/unshare", "--mount", "--propagation", "private", _CONTAINERD, "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _await(place / "socket", process)
        yield place / "socket"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _await(socket: Path, process: subprocess.Popen[bytes]) -> None:
    failed = WorldError(
        "containerd does not start to unpack images",
        code="E_LAB_IMAGE",
        where=_CONTAINERD,
        hint=f"look at {socket.parent / 'log'}",
    )

    def look() -> None:
        if socket.exists():
            return
        if process.poll() is not None:
            raise failed
        raise NotYet(failed)

    retry(look, clock=time, seconds=60, pause=0.05)


def _run(*command: str) -> None:
    done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise WorldError(
            f"{command[0]} failed: {done.stderr.strip().splitlines()[-1:]}",
            code="E_LAB_IMAGE",
            where=command[-1],
            hint="run it again; if it fails the same way, look at the file system of the cache",
        )


@once
def _version() -> str:
    return subprocess.run([_CONTAINERD, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed
