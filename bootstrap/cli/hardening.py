"""First thing in every process: no core dump, no debugger of another process, no chatter of libraries (B2)."""

import ctypes
import logging
import os
import resource
import sys
import threading
from typing import Final

PR_SET_DUMPABLE: Final = 4  # prctl(2)


def harden() -> None:
    """Memory that holds a secret is not written to a core file and not readable through /proc or ptrace."""
    _open_streams()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    # Libraries log requests, and a thread that dies prints its frames: either could show a value.
    logging.getLogger().addHandler(logging.NullHandler())
    threading.excepthook = lambda _: None


def _open_streams() -> None:
    """A stream that the caller closed becomes the null device: else a file of ours would get its number."""
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        number = os.dup(number)
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")
