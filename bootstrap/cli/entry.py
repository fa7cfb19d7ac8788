"""Where the program begins: its environment is closed before any library is imported, so that none listens to it (G5).

A variable can make a library write down session keys, trust another authority, or load code. What acts before this
line is the caller's: the loader's ``LD_*``, the interpreter's ``PYTHON*``.
"""

import gc
import os
import signal
from types import FrameType
from typing import NoReturn

from bootstrap.lab.callers import keep

LISTENED = frozenset(
    {
        "PATH",  # plugins and programs of the root key, a login plugin, ssh
        "HOME",  # the caller's own GnuPG
        "GNUPGHOME",
        "GPG_TTY",  # where their pinentry asks
        "TERM",
        "COLUMNS",
        "NO_COLOR",
        "LANG",
    }
)
LOCALE = "LC_"
# Objects that are made before the collector of cycles looks at them. At Python's own 700 it takes a tenth to a fifth of
# the processor time of a run with a thousand secrets.
YOUNG = 50_000


def close() -> None:
    """What is not listened to is gone, for libraries and for every child."""
    keep(os.environ)
    for name in [name for name in os.environ if name not in LISTENED and not name.startswith(LOCALE)]:
        del os.environ[name]


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """While modules are imported nothing is under way, and an exception would end in the middle of one of them."""
    os.write(2, b"error: interrupted [E_INTERRUPTED]\n  hint: nothing is half-made; run it again\n")
    os._exit(128 + number)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    close()
    gc.set_threshold(YOUNG, 20, 20)
    from bootstrap.cli.app import main as run

    run()
