"""Unit tests are pure: none starts a process, none opens a connection."""

import multiprocessing.process
import os
import socket
import subprocess
from collections.abc import Iterator
from typing import NoReturn

import pytest

STARTS = ("fork", "forkpty", "posix_spawn", "posix_spawnp", "execv", "execve", "system")


def refused(*_: object, **__: object) -> NoReturn:
    pytest.fail(
        "a unit test starts a process or opens a connection: its room is tests/programs or tests/wire"
    )


@pytest.fixture(scope="package", autouse=True)
def pure() -> Iterator[None]:
    """For the whole room, so that it holds for fixtures of modules as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", refused)
        patch.setattr(multiprocessing.process.BaseProcess, "start", refused)
        for name in STARTS:
            patch.setattr(os, name, refused)
        for name in ("connect", "connect_ex", "listen"):
            patch.setattr(socket.socket, name, refused)
        yield
