"""Where the program begins: its environment is closed before any library is imported, so that none listens to it (G5).

A variable can make a library write down session keys, trust another authority, or load code. What acts before this
line is the caller's: the loader's ``LD_*``, the interpreter's ``PYTHON*``.
"""

import os

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


def close() -> None:
    """What is not listened to is gone, for libraries and for every child."""
    keep(os.environ)
    for name in [name for name in os.environ if name not in LISTENED and not name.startswith(LOCALE)]:
        del os.environ[name]


def main() -> None:
    close()
    from bootstrap.cli.app import main as run

    run()
