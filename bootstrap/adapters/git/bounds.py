"""How many paths a commit may have, how deep, and how much may be read of it: a few objects can name without end.

A tree that holds another one twice, which holds another one twice, has 2^n paths of n objects.
"""

from typing import TYPE_CHECKING, Final

from bootstrap.adapters.git.object_size import object_size
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from dulwich.repo import BaseRepo

MOST_BYTES: Final = 64 * 1024 * 1024  # of one object
MOST_ENTRIES: Final = 100_000  # files and folders
MOST_DEPTH: Final = 64
MOST_PATH: Final = 4096  # bytes
MOST_READ: Final = 256 * 1024 * 1024  # bytes of all files together
HISTORY: Final = 20  # times as much where every earlier commit is looked through
HINT = "an intent repository holds text and small ciphertexts: put it into a repository of its own"


class Bounds:
    """Counts over one walk. Raises DefinitionError E_SIZE."""

    def __init__(self, repo: "BaseRepo", where: str, *, times: int = 1) -> None:
        self._repo = repo
        self._where = where
        self._entries = MOST_ENTRIES * times
        self._bytes = MOST_READ * times

    def entry(self, path: bytes) -> None:
        self._entries -= 1
        if self._entries < 0:
            raise self._refusal("it has too many files and folders")
        if path.count(b"/") >= MOST_DEPTH:
            raise self._refusal(f"a folder lies deeper than {MOST_DEPTH} levels")
        if len(path) > MOST_PATH:
            raise self._refusal(f"a path is longer than {MOST_PATH} bytes")

    def object(self, sha: bytes, what: str) -> int:
        """Before it is unpacked; its size in bytes."""
        size = object_size(self._repo, sha)
        if size > MOST_BYTES:
            raise DefinitionError(
                f"{what} is larger than {MOST_BYTES >> 20} MiB",
                code="E_SIZE",
                where=what,
                hint=f"git rm --cached {what}; {HINT}",
            )
        return size

    def read(self, sha: bytes, what: str) -> None:
        """Before a file is read."""
        self._bytes -= self.object(sha, what)
        if self._bytes < 0:
            raise self._refusal(f"its files together are larger than {MOST_READ >> 20} MiB")

    def _refusal(self, why: str) -> DefinitionError:
        return DefinitionError(f"the commit is not read: {why}", code="E_SIZE", where=self._where, hint=HINT)
