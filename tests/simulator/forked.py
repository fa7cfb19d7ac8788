"""Work on a platform as it is now, in a process of its own: what it does to it ends with that process."""

import os
import traceback
from collections.abc import Callable


def in_a_fork(work: Callable[[], str]) -> str:
    """What it says, from a process that changes nothing here."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            told = work()
        except BaseException:  # all of it is the answer: this process ends here
            told = traceback.format_exc()[-2000:]
        with os.fdopen(writing, "wb") as stream:
            stream.write(told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = answer.read().decode()
    os.waitpid(pid, 0)
    return found
