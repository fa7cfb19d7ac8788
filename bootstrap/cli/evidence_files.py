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

MOST_BYTES: Final = 64 * 1024 * 1024  # of what is read whole
HINT: Final = "give the path of a file that is there; the folder of --keys holds ledger.pub"


def heads_for(keys: Path, named: Sequence[Path] | None) -> dict[str, bytes]:
    """Place to content: of those that were named, else of ``records/*/head.json`` beside the folder of the keys."""
    if named:
        return heads_named(named)
    beside = keys.absolute().parent
    return {str(path.relative_to(beside)): read(path) for path in beside.glob("records/*/head.json")}


def heads_named(named: Sequence[Path]) -> dict[str, bytes]:
    return {str(path): read(path) for path in named}


def read(path: Path) -> bytes:
    """Errors as ``opened``; DefinitionError E_SIZE for what no key, head or report can be."""
    with opened(path) as source:
        content = source.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DefinitionError(
            f"{path} is larger than {MOST_BYTES >> 20} MiB", code="E_SIZE", where=str(path), hint=HINT
        )
    return content


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """DefinitionError E_FILE_MISSING (exit 2) where there is no such file, or it cannot be read."""
    try:
        with path.open("rb") as source:
            yield source
    except OSError as error:
        raise DefinitionError(
            f"{path} cannot be read: {error.strerror}",
            code="E_FILE_MISSING",
            where=str(path),
            hint=HINT,
        ) from None
