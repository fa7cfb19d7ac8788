"""Files that are named on the command line and prove something offline: a bundle, the ledger's key, signed heads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from bootstrap.model.errors import DefinitionError

HeadOption = Annotated[
    list[Path] | None, typer.Option("--head", metavar="FILE", help="A signed head that it must hold.")
]

MOST_BYTES: Final = 64 << 20  # of a key, a head or a report: what is read whole


def heads_for(keys: Path, named: Sequence[Path] | None) -> dict[str, bytes]:
    """Place to content: of those that were named, else of ``records/*/head.json`` beside the folder of the keys."""
    if named:
        return heads_named(named)
    beside = keys.absolute().parent
    found = sorted(beside.glob("records/*/head.json"))
    for path in found:
        if not path.is_file():  # a pipe there would hang
            raise _unreadable(path, "it is no regular file")
    return {str(path.relative_to(beside)): read(path) for path in found}


def heads_named(named: Sequence[Path]) -> dict[str, bytes]:
    return {str(path): read(path) for path in named}


def read(path: Path) -> bytes:
    """What is small. Errors as ``opened``; E_SIZE for what is not."""
    with opened(path) as source:
        found = source.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise DefinitionError(
            f"{path} is larger than {MOST_BYTES >> 20} MiB: it is no key, head or report",
            code="E_SIZE",
            where=str(path),
            hint="give the file that `bootstrap` wrote",
        )
    return found


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """DefinitionError E_FILE_MISSING (exit 2) where there is no such file, or it cannot be read."""
    try:
        with path.open("rb") as source:
            yield source
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from None


def _unreadable(path: Path, why: str) -> DefinitionError:
    return DefinitionError(
        f"{path} cannot be read: {why}",
        code="E_FILE_MISSING",
        where=str(path),
        hint="give the path of a file that is there; the folder of --keys holds ledger.pub",
    )
