"""Unit tests are pure: none starts a process, none opens a connection."""

import multiprocessing.process
import os
import socket
import subprocess
from typing import NoReturn

import pytest


def refused(*_: object, **__: object) -> NoReturn:
    pytest.fail(
        "a unit test starts a process or opens a connection: its room is tests/programs or tests/wire"
    )


@pytest.fixture(autouse=True)
def pure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess.Popen, "__init__", refused)
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refused)
    for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "execv", "execve", "system"):
        monkeypatch.setattr(os, name, refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
