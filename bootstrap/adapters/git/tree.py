"""The files that a repository of other people has committed: links, submodules and the work tree are left alone.

Unlike ``repository.py``, which reads an intent repository and refuses what could lead elsewhere, this reads
whatever a team has, and says what it went past.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.adapters.git.bounds import Bounds
from bootstrap.adapters.git.object_size import object_size
from bootstrap.adapters.git.repository import REGULAR, named, opened
from bootstrap.adapters.git.stored import stored_object, stored_tree

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import Repo

_KEPT = 64 * 1024
TIMES = (
    10  # as many files as an intent repository may have: a team's own holds other things beside its secrets
)
MOST_BYTES = 4 * 1024 * 1024  # of one file; larger ones are no secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """``under`` is the folder that was named, ``""`` for all of it; ``commit`` is empty for a plain folder."""

    blobs: Mapping[str, bytes | Path] = field(repr=False)
    repo: "Repo | None" = None
    under: str = ""
    commit: str = ""
    _read: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.blobs)

    def read(self, path: str) -> bytes:
        """Once: manifests are looked at for more than one reason, and files that large are none."""
        if path in self._read:
            return self._read[path]
        found = self.blobs[path]
        if isinstance(found, Path):
            content = found.read_bytes()
        else:
            assert self.repo is not None  # blobs of bytes are ids in it
            content = stored_object(self.repo, found, path).as_raw_string()
        if len(content) <= _KEPT:
            self._read[path] = content
        return content


def files_of(folder: Path) -> Files:
    """Of the commit that HEAD names, where ``folder`` lies in a Git repository; else of the folder.

    DefinitionError E_REPO_REV for a repository without a commit, E_REPO_KIND for one that is not read, E_SIZE.
    """
    here = folder.resolve()
    top = next((each for each in (here, *here.parents) if (each / ".git").exists()), None)
    if top is None:
        return Files(blobs=dict(_of_folder(folder)))
    repo = opened(top, str(top))
    found = named(repo, "HEAD", str(top))
    under = here.relative_to(top).as_posix()
    blobs = dict(sorted(_of_commit(repo, found.commit, str(top))))
    return Files(blobs=blobs, repo=repo, under="" if under == "." else under, commit=found.commit.id.decode())


def _of_commit(repo: "Repo", commit: "Commit", where: str) -> Iterator[tuple[str, bytes]]:
    bounds = Bounds(repo, where, times=TIMES)
    waiting = [("", commit.tree)]
    while waiting:
        folder, sha = waiting.pop()
        for entry in stored_tree(repo, sha, where).iteritems():
            bounds.entry(folder.encode() + entry.path)
            path = folder + entry.path.decode("utf-8", "backslashreplace")
            if entry.mode == 0o040000:
                waiting.append((f"{path}/", entry.sha))
            elif entry.mode in REGULAR and object_size(repo, entry.sha) <= MOST_BYTES:
                yield path, entry.sha


def _of_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES:
            yield name, path
