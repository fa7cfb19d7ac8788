"""Builds servers from their pinned Go modules, once for each content, into a cache outside the checkout."""

import hashlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache as once
from pathlib import Path

from bootstrap.lab.callers import callers_environment
from bootstrap.lab.locks import locked
from bootstrap.lab.ports import Mark, OnEvent
from bootstrap.lab.servers import ALL, Server
from bootstrap.model.errors import PreconditionError, WorldError

CACHE = Path("/var/cache/bootstrap-lab")


def quiet(_mark: Mark, _subject: str, _seconds: float) -> None:
    """No event is shown."""


def binaries(*names: str, cache: Path = CACHE, on_event: OnEvent = quiet) -> dict[str, Path]:
    """Paths of the named binaries (``sops``, ``age``, ``kubectl``, ...), built first where they are not yet.

    ``PreconditionError`` without a Go toolchain, ``WorldError`` when a build fails.
    """
    owner = {binary: server for server in ALL for binary in server.binaries}
    return {name: build(owner[name], cache, on_event) / name for name in names}


def kept(server: Server, name: str) -> bytes:
    """One of the files that the server's module has beside its code, without building anything."""
    stop = threading.Event()
    _go(server, stop, "mod", "download", server.module)
    return (_module(server, stop) / server.kept[name]).read_bytes()


def build_all(servers: Iterable[Server], cache: Path, on_event: OnEvent) -> dict[str, Path]:
    """The cache entries of all servers by name, two builds at a time, since linking is serial."""
    servers, stop = tuple(servers), threading.Event()
    with ThreadPoolExecutor(max_workers=2) as pool:
        entries = [pool.submit(build, server, cache, on_event, stop) for server in servers]
        try:
            return {server.name: entry.result() for server, entry in zip(servers, entries, strict=True)}
        except BaseException:  # one failed, or we are interrupted: do not wait minutes for the others
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def build(server: Server, cache: Path, on_event: OnEvent, stop: threading.Event | None = None) -> Path:
    """The folder with the binaries of one server; a half-built one is never seen under its name."""
    entry = cache / "servers" / f"{server.name}-{key_of(server)}"
    if entry.is_dir():
        return entry
    with locked(cache / "servers" / f".{server.name}", wait=True) as workplace:
        if not entry.is_dir():
            _build_into(entry, server, workplace, on_event, stop or threading.Event())
    return entry


def key_of(server: Server) -> str:
    """16 hexadecimal digits that change with the modules, the flags and the toolchain."""
    digest = hashlib.sha256()
    for part in (
        (server.folder / "go.mod").read_bytes(),
        (server.folder / "go.sum").read_bytes(),
        *(file.read_bytes() for file in sorted(server.folder.glob("*.go"))),
        repr((server.linker_flags(), server.renamed, server.kept)).encode(),
        _toolchain().encode(),
    ):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _build_into(
    entry: Path, server: Server, workplace: Path, on_event: OnEvent, stop: threading.Event
) -> None:
    subject = f"building {server.name} {server.version}"
    for (
        remains
    ) in workplace.iterdir():  # of a build that was interrupted; under the lock no other build uses them
        _remove(remains)
    target = Path(tempfile.mkdtemp(dir=workplace))
    on_event("start", subject, 0)
    begun = time.monotonic()
    try:
        _compile(server, target, stop)
        target.chmod(0o755)
        target.rename(entry)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        on_event("failed", subject, time.monotonic() - begun)
        raise
    on_event("done", subject, time.monotonic() - begun)


def _compile(server: Server, target: Path, stop: threading.Event) -> None:
    _go(server, stop, "build", "-trimpath", "-ldflags", server.linker_flags(), "-o", f"{target}/", "tool")
    for built, wanted in server.renamed.items():
        (target / built).rename(target / wanted)
    if server.kept:
        module = _module(server, stop)
        for name, source in server.kept.items():
            shutil.copyfile(module / source, target / name)
    missing = [name for name in server.binaries if not (target / name).is_file()]
    assert not missing, f"testbed/{server.name} does not build {missing}"


def _module(server: Server, stop: threading.Event) -> Path:
    """Where Go keeps the module, which it has."""
    return Path(_go(server, stop, "list", "-m", "-f", "{{.Dir}}", server.module).strip())


def _go(server: Server, stop: threading.Event, *arguments: str) -> str:
    process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
        [go(), *arguments],
        cwd=server.folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = _outcome(process, stop)
    if process.returncode:
        raise WorldError(
            f"go {arguments[0]} of {server.name} failed: {_last(err)}",
            code="E_LAB_BUILD",
            where=f"testbed/{server.name}/go.mod",
            hint=f"cd {server.folder} && CGO_ENABLED=0 go build -o /tmp/ tool",
        )
    return out


def _outcome(process: subprocess.Popen[str], stop: threading.Event) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            if stop.is_set():
                process.send_signal(signal.SIGINT)  # upon which it removes its own temporary files
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise


def _environment() -> Mapping[str, str]:
    """The caller's, since where Go keeps modules and what it fetches them from is this machine's business."""
    fixed = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**callers_environment(), **fixed}


def go() -> str:
    """The path of the Go toolchain."""
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if not found:
        raise PreconditionError(
            "the servers of a lab are built from source and there is no Go toolchain here",
            code="E_LAB_GO",
            where="PATH",
            hint="install Go 1.24 or newer and put its bin folder on PATH",
        )
    return found


@once
def _toolchain() -> str:
    return subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [go(), "env", "GOVERSION", "GOOS", "GOARCH"],
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
