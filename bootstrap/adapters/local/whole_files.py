"""Files that are there whole or not at all: written beside their names, flushed, and only then named.

What finds no room, or is interrupted, leaves nothing half-written and nothing beside it; what was named survives a
power cut, and so do the folders that were made for it (rename(2), fsync(2)).
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WholeFile:
    content: bytes
    new: bool = False  # never over a file that is there, and taken away again where another one fails
    mode: int = 0o644  # of a new one, less the umask; one that is there keeps its own


def write_whole(files: Mapping[Path, WholeFile], named: Callable[[Path], None] = lambda _: None) -> None:
    """All are written before the first is named. OSError, with the name of the file that failed."""
    for path in files:
        _refuse_what_is_no_file(path)
    parts = {path: _part(path) for path in files}
    missing = _missing_folders(part.parent for part in parts.values())
    begun: list[Path] = []
    try:
        for path, file in files.items():
            parts[path].parent.mkdir(parents=True, exist_ok=True)
            with _errors_name(path):
                _write(parts[path], path, file)
        for path, file in files.items():
            begun.append(path)
            with _errors_name(path):
                _name(parts[path], path, new=file.new)
            named(path)
        # A folder's name is in the one above it, so that one is flushed for each that was made; last the files' own.
        for folder in dict.fromkeys(made.parent for made in reversed(missing)):
            _flush(folder)
        for folder in {part.parent for part in parts.values()}:
            _flush(folder)
    except BaseException:
        _forget(path for path in begun if files[path].new and not parts[path].exists())
        raise
    finally:
        _forget(parts.values())
        _remove_empty(missing)


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """The system names the file beside it, or none at all: what has no room is known by its number alone."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _refuse_what_is_no_file(path: Path) -> None:
    """A device or a pipe would be replaced by a file: /dev/null, where root writes."""
    if path.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "A device or a pipe has this name", str(path))


def _part(path: Path) -> Path:
    """Beside the file itself, where ``path`` is a link to it: the link stays one."""
    real = Path(os.path.realpath(path))
    return real.with_name(f".{real.name}.{os.getpid()}.part")


def _missing_folders(needed: Iterable[Path]) -> list[Path]:
    """Innermost first."""
    found = {folder for each in needed for folder in (each, *each.parents) if not folder.exists()}
    return sorted(found, key=lambda folder: len(folder.parts), reverse=True)


def _write(part: Path, path: Path, file: WholeFile) -> None:
    part.unlink(missing_ok=True)  # of a killed process that had this number
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, file.mode)
    with os.fdopen(handle, "wb") as stream:
        if path.exists():
            os.fchmod(handle, path.stat().st_mode & 0o777)
        stream.write(file.content)
        stream.flush()
        os.fsync(handle)


def _name(part: Path, path: Path, *, new: bool) -> None:
    if new and path.exists():  # it came while the others were written
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part.replace(os.path.realpath(path))


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _forget(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # something is in it, so it stays
            folder.rmdir()
