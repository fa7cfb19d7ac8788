"""Real Git servers on loopback: ``git http-backend`` behind TLS, ``sshd`` with keys of its own, a proxy."""

import base64
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.tls_server import Authority, Observation, Server, authority, serving

SSHD = Path("/usr/sbin/sshd")
TOKEN = "token-canary-5d1e"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
       (("NAME", "t"), ("EMAIL", "t@localhost"), ("DATE", "2026-01-01T00:00:00Z"))},
}  # fmt: skip


def git(folder: Path, *words: str, **env: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, *words], env=ENVIRONMENT | env, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


def backend(root: Path, seen: Observation) -> tuple[int, dict[str, str], bytes]:
    """What ``git http-backend`` answers (CGI, RFC 3875)."""
    path, _, query = seen.path.partition("?")
    environment = ENVIRONMENT | {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": seen.method,
        "CONTENT_TYPE": seen.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(seen.body)),
        "GIT_PROTOCOL": seen.headers.get("Git-Protocol", ""),
    }
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "http-backend"],
        env=environment,
        input=seen.body,
        capture_output=True,
        check=True,
    )
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    return int(headers.pop("Status", "200").split()[0]), headers, body


@dataclass
class Https:
    """``answer`` may be exchanged; None stands for the real backend."""

    server: Server
    ca: Authority
    folder: Path
    answer: Callable[[Observation], tuple[int, dict[str, str], bytes]] | None = None
    header: str = "Basic " + base64.b64encode(f"git:{TOKEN}".encode()).decode()

    def url(self, name: str = "platform.git", host: str = "localhost") -> str:
        return f"https://{host}:{self.server.port}/{name}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def token_file(self) -> Path:
        return self.folder / "token"


@contextmanager
def https(root: Path, folder: Path) -> Iterator[Https]:
    """Everything below ``root``, to whoever brings the token."""
    ca = authority()
    (folder / "ca.pem").write_bytes(ca.pem)
    (folder / "token").touch(0o600)
    (folder / "token").write_text(TOKEN + "\n")

    def script(seen: Observation) -> tuple[int, dict[str, str], bytes]:
        if made.answer is not None:
            return made.answer(seen)
        if seen.headers.get("Authorization") != made.header:
            return 401, {"WWW-Authenticate": "Basic"}, b""
        return backend(root, seen)

    with serving(script, *ca.leaf("localhost"), folder) as server:
        made = Https(server, ca, folder)
        yield made


@dataclass
class Ssh:
    port: int
    folder: Path
    log: Path

    def url(self, path: Path, host: str = "127.0.0.1") -> str:
        return f"ssh://{user()}@{host}:{self.port}{path}"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def key(self, name: str) -> Path:
        return self.folder / name


def user() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def why_no_sshd() -> str:
    """Empty where there can be one. In CI it is installed, on a desk nobody's machine is changed for a test."""
    if SSHD.is_file():
        return ""
    if os.environ.get("CI") != "true":
        return "no sshd on this machine (Debian: openssh-server)"
    quiet = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    install = [*quiet, "install", "--yes", "--no-install-recommends", "openssh-server"]
    # At this run level no service is started by being installed (invoke-rc.d(8)).
    environment = {"PATH": os.environ["PATH"], "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    if subprocess.run(install, env=environment, check=False).returncode != 0:
        subprocess.run([*quiet, "update"], env=environment, check=True)
        subprocess.run(install, env=environment, check=True)
    return ""


@contextmanager
def sshd(folder: Path) -> Iterator[Ssh]:
    """Keys ``ed25519``, ``rsa``, ``ecdsa`` and ``locked`` are let in, ``stranger`` is not."""
    for name, kind, passphrase in (
        ("host", "ed25519", ""),
        ("ed25519", "ed25519", ""),
        ("rsa", "rsa", ""),
        ("ecdsa", "ecdsa", ""),
        ("locked", "ed25519", "open sesame"),
        ("stranger", "ed25519", ""),
    ):
        words: list[str | Path] = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", folder / name]
        subprocess.run(words, check=True)
    welcome = ("ed25519", "rsa", "ecdsa", "locked")
    (folder / "welcome").write_text("".join((folder / f"{name}.pub").read_text() for name in welcome))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/pid\n"
        f"AuthorizedKeysFile {folder}/welcome\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nLogLevel VERBOSE\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it shuts its unprivileged half in
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=file)
        try:
            _await(port)
            yield Ssh(port, folder, log)
        finally:
            process.terminate()
            process.wait()


def _await(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("no sshd after 5 s")


@dataclass
class Proxy:
    port: int
    asked: list[str] = field(default_factory=list)


@contextmanager
def proxy() -> Iterator[Proxy]:
    """CONNECT, and nothing else (RFC 9110, 9.3.6)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Proxy(listening.getsockname()[1])
        threading.Thread(target=_accept, args=(listening, made), daemon=True).start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, made: Proxy) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        head = client.recv(65536).decode()
        made.asked.append(head.splitlines()[0])
        host, port = head.split()[1].rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return
