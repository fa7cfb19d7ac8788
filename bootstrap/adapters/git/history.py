"""Every file of every commit that a commit rests on: what Git's history still holds (B2, S3).

Only objects are read; nothing is checked out. A blob that a path holds in many commits comes once, with the
first of them.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.adapters.git.bounds import HISTORY, Bounds
from bootstrap.adapters.git.repository import SUBMODULE, SYMLINK, GitRepository
from bootstrap.adapters.git.stored import stored_object, stored_tree
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import BaseRepo


MOST_COMMITS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFile:
    """``path`` as it can be shown; ``commit`` and ``blob`` are 40 hex digits."""

    commit: str
    path: str
    blob: str
    content: bytes


def past_files(repository: GitRepository) -> Iterator[PastFile]:
    """Oldest first; without what the commit itself holds. DefinitionError E_REPO_REV where history is cut off."""
    repo = repository.store
    now = {repository.blob(path) for path in repository.paths()}
    seen: set[tuple[bytes, bytes]] = set()
    bounds = Bounds(repo, repository.location, times=HISTORY)
    for commit in reversed(_commits(repo, repository)):
        for path, blob in _new_files(repo, commit, seen, bounds):
            if blob.decode() not in now:
                bounds.read(blob, commit.id.decode())
                content = stored_object(repo, blob, commit.id.decode()).as_raw_string()
                shown = path.decode("utf-8", "backslashreplace").encode("unicode_escape").decode()
                yield PastFile(commit=commit.id.decode(), path=shown, blob=blob.decode(), content=content)


def blobs_of(repository: GitRepository, path: str) -> Iterator[tuple[str, str]]:
    """(commit, blob) of one path, oldest first, where it changed."""
    last = b""
    for commit in reversed(_commits(repository.store, repository)):
        found = _blob_at(repository.store, commit, path.encode().split(b"/"))
        if found not in (b"", last):
            yield commit.id.decode(), found.decode()
        last = found


def _blob_at(repo: "BaseRepo", commit: "Commit", parts: list[bytes]) -> bytes:
    """Empty where the commit has no such file."""
    from dulwich.objects import Tree

    sha: bytes = commit.tree
    for part in parts:
        tree = stored_object(repo, sha, commit.id.decode())
        if not isinstance(tree, Tree) or part not in tree:
            return b""
        sha = tree[part][1]
    return sha


def _commits(repo: "BaseRepo", repository: GitRepository) -> list["Commit"]:
    """The commit and its ancestors, newest first."""
    from dulwich.objects import Commit

    found: dict[bytes, Commit] = {}
    waiting = deque([repository.commit.encode()])
    while waiting:
        sha = waiting.popleft()
        if sha in found:
            continue
        if len(found) >= MOST_COMMITS:
            raise DefinitionError(
                f"history has more than {MOST_COMMITS} commits",
                code="E_SIZE",
                where=repository.location,
                hint="put the intent into a repository of its own",
            )
        try:
            commit = stored_object(repo, sha, repository.location)
        except DefinitionError:
            raise DefinitionError(
                f"history ends before commit {sha.decode()[:12]}: this clone is shallow or damaged",
                code="E_REPO_REV",
                where=repository.location,
                hint="git fetch --unshallow",
            ) from None
        if not isinstance(commit, Commit):
            raise DefinitionError(
                f"{sha.decode()[:12]} stands where a commit belongs, and is none",
                code="E_REPO_REV",
                where=repository.location,
                hint="git fsck",
            )
        found[sha] = commit
        waiting += commit.parents
    return list(found.values())


def _new_files(
    repo: "BaseRepo", commit: "Commit", seen: set[tuple[bytes, bytes]], bounds: Bounds
) -> Iterator[tuple[bytes, bytes]]:
    """Path and blob of files in trees that were not walked yet under the same path."""
    waiting: list[tuple[bytes, bytes]] = [(b"", commit.tree)]
    while waiting:
        folder, sha = waiting.pop()
        if (folder, sha) in seen:
            continue
        seen.add((folder, sha))
        bounds.object(sha, commit.id.decode())
        for entry in stored_tree(repo, sha, commit.id.decode()).iteritems():
            path = folder + entry.path
            bounds.entry(path)
            if entry.mode == 0o040000:
                waiting.append((path + b"/", entry.sha))
            elif entry.mode not in (SYMLINK, SUBMODULE) and (path, entry.sha) not in seen:
                seen.add((path, entry.sha))
                yield path, entry.sha
