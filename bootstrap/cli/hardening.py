"""First thing in every process: no core dump, no debugger of another process, no chatter of libraries (B2)."""

import ctypes
import logging
import resource
import threading
from typing import Final

PR_SET_DUMPABLE: Final = 4  # prctl(2)


def harden() -> None:
    """Memory that holds a secret is not written to a core file and not readable through /proc or ptrace."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    # Libraries log requests, and a thread that dies prints its frames: either could show a value.
    logging.getLogger().addHandler(logging.NullHandler())
    threading.excepthook = lambda _: None
