"""Git over ``ssh``: the program of that name, with every setting given and none read (G5, B2).

No configuration, no agent of the user, no host key that was not named. The SSH key is held by an agent of ours;
the host keys lie beside its socket in a folder that is gone afterwards.
"""

import io
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from bootstrap.adapters.git.access import GitAccess
from bootstrap.adapters.git.limits import Meter
from bootstrap.adapters.git.location import Location
from bootstrap.adapters.git.ssh_errors import failed, judged
from bootstrap.adapters.ssh.agent import KeyAgent
from bootstrap.model.errors import BootstrapError, PreconditionError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from dulwich.client import SSHGitClient, SSHVendor

ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
CONNECT: Final = 15  # seconds
_MOST_KEPT: Final = 16 << 10  # bytes of its messages
OPTIONS: Final = {
    "BatchMode": "yes",
    "CanonicalizeHostname": "no",
    "CheckHostIP": "no",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": str(CONNECT),
    "ControlMaster": "no",
    "ControlPath": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "GlobalKnownHostsFile": "none",
    "HostbasedAuthentication": "no",
    "IdentityFile": "none",
    "KnownHostsCommand": "none",
    "LogLevel": "ERROR",
    "PasswordAuthentication": "no",
    "PermitLocalCommand": "no",
    "PKCS11Provider": "none",
    "PreferredAuthentications": "publickey",
    "ProxyCommand": "none",
    "RequestTTY": "no",
    "ServerAliveCountMax": "4",
    "ServerAliveInterval": "15",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "VerifyHostKeyDNS": "no",
}


@contextmanager
def ssh_client(location: Location, access: GitAccess, meter: Meter) -> Iterator["SSHGitClient"]:
    """PreconditionError E_GIT_KEY, E_GIT_KNOWN_HOSTS, E_GIT_SSH, and on the way those of ``judged``."""
    from dulwich.client import SSHGitClient

    key, hosts = _needed(location, access)
    with tempfile.TemporaryDirectory(prefix="bootstrap-ssh-", dir="/tmp") as made:  # fresh, 0700
        known_hosts = Path(made) / "known_hosts"
        known_hosts.write_bytes(hosts)
        with KeyAgent(key, Path(made)) as agent:
            vendor = _Vendor(agent, known_hosts, meter)
            try:
                yield SSHGitClient(
                    location.host,
                    port=location.port or None,
                    username=location.user or "git",
                    vendor=cast("SSHVendor", vendor),
                    ssh_command="ssh",
                    thin_packs=False,
                )
            except BootstrapError:
                raise
            except Exception:  # noqa: BLE001  # how dulwich says that the other end hung up has many shapes
                raise judged(vendor.messages(), location, timed_out=meter.late) from None
            finally:
                vendor.close()


class _Vendor:
    """What dulwich asks to run a command on the server (its ``SSHVendor``)."""

    def __init__(self, agent: KeyAgent, known_hosts: Path, meter: Meter) -> None:
        self._agent = agent
        self._meter = meter
        self._options = {**OPTIONS, "IdentityAgent": str(agent.path), "UserKnownHostsFile": str(known_hosts)}
        self._running: list[_Running] = []

    def run_command(
        self, host: str, command: bytes, username: str, port: int | None = None, **_: object
    ) -> "_Running":
        program = shutil.which("ssh", path=ENVIRONMENT["PATH"])
        if program is None:
            raise PreconditionError(
                "there is no ssh on this machine", code="E_GIT_SSH", hint="apt-get install openssh-client"
            )
        words = [program, "-F", "none", "-T", "-l", username, "-p", str(port or 22)]
        words += [word for name, value in self._options.items() for word in ("-o", f"{name}={value}")]
        running = _Running([*words, "--", host, command.decode()], self._meter)
        self._running.append(running)
        self._agent.serve(running.pid)
        return running

    def messages(self) -> str:
        return self._running[-1].messages() if self._running else ""

    def close(self) -> None:
        for running in self._running:
            running.close()


class _Running:
    """One ``ssh``: its two ends, its messages, and an end at the latest when the time is over."""

    def __init__(self, words: list[str], meter: Meter) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # words of ours, no shell; host and user are checked names
            words,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
        )
        self.pid = self._process.pid
        self._messages = bytearray()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._timer = threading.Timer(meter.left(), self._process.kill)
        self._timer.daemon = True
        self._timer.start()
        self.read = meter.reads(io.BufferedReader(cast(io.RawIOBase, self._process.stdout)).read)
        self.write = cast(BinaryIO, self._process.stdin).write

    def can_read(self) -> bool:
        return False  # nothing is negotiated: nothing is there yet

    def messages(self) -> str:
        self.close()
        self._listener.join(5)
        return self._messages.decode(errors="replace")

    def close(self) -> None:
        self._timer.cancel()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        stream = cast(BinaryIO, self._process.stderr)
        with stream:
            while piece := stream.read(1024):
                self._messages += piece[: _MOST_KEPT - len(self._messages)]


def _needed(location: Location, access: GitAccess) -> tuple[Sensitive, bytes]:
    if access.proxy:
        raise failed(location, "a proxy is for https only", "E_GIT_PROXY", "leave --proxy out")
    if access.known_hosts is None:
        hint = f"--git-known-hosts FILE; ssh-keyscan {location.host} shows what the server says, its owner what is so"
        raise failed(location, "the server's host key was not named", "E_GIT_KNOWN_HOSTS", hint)
    if access.key is None:
        hint = "--git-key PATH, or --git-key fd:3 3< FILE"
        raise failed(location, "ssh wants a key", "E_GIT_KEY", hint)
    try:
        return access.key, access.known_hosts.read_bytes()
    except OSError as error:
        why = f"the host keys cannot be read: {error.strerror}"
        raise failed(location, why, "E_GIT_KNOWN_HOSTS", "ls -l " + str(access.known_hosts)) from None
