"""A small repository whose files below ``.git`` are spoilt: loose objects, a pack with its index, refs, settings."""

import io
import shutil
import tempfile
import zlib
from functools import cache
from pathlib import Path

from bootstrap.adapters.git.history import past_files
from bootstrap.adapters.git.pack import unpack
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.git.tree import files_of
from tests.support.git_servers import git

_TEMPORARY = tempfile.TemporaryDirectory(prefix="fuzz-git-")


@cache
def _templates() -> tuple[Path, Path]:
    """The same repository with loose objects, and packed."""
    loose, packed = Path(_TEMPORARY.name) / "loose", Path(_TEMPORARY.name) / "packed"
    git(loose.parent, "init", "-q", "-b", "main", "loose")
    for number in range(3):
        (loose / "secrets").mkdir(exist_ok=True)
        (loose / "secrets/a.yaml").write_text("".join(f"line {n}\n" for n in range(200 + number)))
        (loose / "bootstrap.yaml").write_text(f"kind: Platform # {number}\n")
        git(loose, "add", ".")
        git(loose, "commit", "-q", "-m", f"{number}")
    git(loose, "tag", "-a", "-m", "x", "v1")
    shutil.rmtree(loose / ".git/hooks", ignore_errors=True)
    shutil.copytree(loose, packed)
    git(packed, "gc", "-q", "--aggressive", "--prune=now")
    return loose, packed


def _pack() -> bytes:
    return next((_templates()[1] / ".git/objects/pack").glob("*.pack")).read_bytes()


PACK = _pack()


def _files(top: Path) -> list[Path]:
    return sorted(p for p in (top / ".git").rglob("*") if p.is_file() and "logs" not in p.parts)


def open_spoilt(data: bytes) -> None:
    """``data`` chooses files and what becomes of them: bytes changed, or the content unpacked, changed and packed."""
    choice = io.BytesIO(data.ljust(8, b"\0"))
    template = _templates()[choice.read(1)[0] % 2]
    with tempfile.TemporaryDirectory(prefix="fuzz-git-") as folder:
        top = Path(folder) / "r"
        shutil.copytree(template, top)
        files = _files(top)
        for _ in range(1 + choice.read(1)[0] % 3):
            file = files[int.from_bytes(choice.read(2)) % len(files)]
            file.chmod(0o600)
            file.write_bytes(_spoilt(file.read_bytes(), choice))
        _read(top)


def _spoilt(content: bytes, choice: io.BytesIO) -> bytes:
    how, at, new = choice.read(1).ljust(1, b"\0")[0], int.from_bytes(choice.read(2)), choice.read(6)
    inside = content.startswith((b"\x78", b"\x18")) and how & 1
    plain = zlib.decompress(content) if inside else content
    at %= len(plain) + 1
    made = plain[:at] + new + plain[at + (len(new) if how & 2 else how >> 4) :]
    return zlib.compress(made) if inside else made


def _read(top: Path) -> None:
    files = files_of(top)
    for path in files.paths:
        files.read(path)
    repository = open_repository(top)
    for path in repository.paths():
        repository.read(path)
    repository.unused_changes()
    list(past_files(repository))
    open_repository(top, "v1")


def unpacked(data: bytes) -> None:
    for found in unpack(data, "https://host/r"):
        assert isinstance(found.id, bytes)
