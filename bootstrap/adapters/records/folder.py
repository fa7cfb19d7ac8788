"""``records/`` as a folder: written by ``up``, committed by people; ciphertext and signatures only.

A file is there whole or not at all, and survives a power cut.
"""

import re
from pathlib import Path
from typing import Final

from bootstrap.adapters.local.whole_files import WholeFile, write_whole
from bootstrap.model.errors import PreconditionError

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
HINT: Final = "give another folder with --records DIR; what is in it must outlive the cluster"


class FolderRecords:
    """``folder``/CLUSTER/NAME. PreconditionError E_RECORDS where the folder cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> str:
        return str(self._folder)

    def read(self, cluster: str, name: str) -> bytes | None:
        path = self._path(cluster, name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", path, error) from None

    def write(self, cluster: str, name: str, content: bytes) -> None:
        """Atomic and durable; nothing happens when the file already says so."""
        if self.read(cluster, name) == content:
            return
        path = self._path(cluster, name)
        try:
            write_whole({path: WholeFile(content)})
        except OSError as error:
            raise _failed("write", path, error) from None

    def clusters(self) -> tuple[str, ...]:
        try:
            found = (entry.name for entry in self._folder.iterdir() if entry.is_dir())
            return tuple(sorted(name for name in found if NAME.fullmatch(name)))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _failed("read", self._folder, error) from None

    def _path(self, cluster: str, name: str) -> Path:
        for part in (cluster, name):
            if not NAME.fullmatch(part):
                raise ValueError(f"not a name of a record: {part!r}")
        return self._folder / cluster / name


def _failed(verb: str, path: Path, error: OSError) -> PreconditionError:
    return PreconditionError(
        f"cannot {verb} the records: {error.strerror}", code="E_RECORDS", where=str(path), hint=HINT
    )
