"""What is written to stdout and stderr, all of it: nothing else in the program writes there.

Each line goes through ``model/outside.py``, so that what came from outside is shown and never obeyed.
"""

import sys
from collections.abc import Iterable
from typing import TextIO

from bootstrap.model.outside import one_line, whole


def out(*lines: object) -> None:
    """Data, for people."""
    write(sys.stdout, map(str, lines))


def err(*lines: object) -> None:
    """Narration."""
    write(sys.stderr, map(str, lines))


def document(text: str) -> None:
    """Data whose line breaks are its own: JSON, XML, or lines that went through ``one_line``."""
    sys.stdout.write(whole(text.removesuffix("\n")) + "\n")
    sys.stdout.flush()


def write(stream: TextIO, lines: Iterable[str]) -> None:
    stream.write("".join(one_line(line) + "\n" for line in lines))
    stream.flush()
