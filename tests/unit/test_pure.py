"""The guard of this room really objects."""

import os
import socket
import subprocess
from collections.abc import Callable

import pytest

ACTS: dict[str, Callable[[], object]] = {
    "a program": lambda: subprocess.run(["true"]),
    "a fork": lambda: os.fork(),  # looked up when it is called, so that the guard is met
    "a shell": lambda: os.system("true"),
    "a connection": lambda: socket.create_connection(("127.0.0.1", 9)),
    "a server": lambda: socket.create_server(("127.0.0.1", 0)),
}


@pytest.mark.parametrize("what", ACTS)
def test_it_is_refused(what: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="its room is"):
        ACTS[what]()
