"""A server of Vault that dies."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from bootstrap.lab.cgroup import members
from tests.lab.support.cluster import Kube


def kill_vault(kube: Kube, pod: str = "vault-0") -> bool:
    """The server's process in that pod is gone; its container is started again by the kubelet. False: none ran."""
    killed = False
    for pid in members(kube.lab.name, kube.lab.containers):
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            host = f"HOSTNAME={pod}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
            if host and b"server" in command and command[0].endswith(b"vault"):
                os.kill(pid, signal.SIGKILL)
                killed = True
    return killed
