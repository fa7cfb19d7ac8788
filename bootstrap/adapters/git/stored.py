"""One object of a Git repository, read so that it can be trusted: within a bound, its id computed anew, parsed."""

from typing import TYPE_CHECKING

from bootstrap.adapters.git.bounds import HINT, MOST_BYTES
from bootstrap.adapters.git.object_size import unpacks_within
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from dulwich.objects import ShaFile, Tree
    from dulwich.repo import BaseRepo


def may_be_hash(rev: str) -> bool:
    """True for what is read as a hash, or as its beginning."""
    return 4 <= len(rev) <= 40 and all(letter in "0123456789abcdefABCDEF" for letter in rev)


def _shown(sha: bytes) -> str:
    """A broken reference may hold any bytes where a name belongs."""
    return sha.decode("ascii", "backslashreplace")


def stored_object(repo: "BaseRepo", sha: bytes, where: str) -> "ShaFile":
    """The object with this id; its id is computed anew from its bytes."""
    from dulwich.objects import ObjectID, ShaFile

    fresh: ShaFile | None = None
    if not unpacks_within(repo, sha, MOST_BYTES):
        raise DefinitionError(
            f"the Git object {_shown(sha)} unpacks to more than {MOST_BYTES >> 20} MiB",
            code="E_SIZE",
            where=where,
            hint=HINT,
        )
    try:
        found = repo.object_store[ObjectID(sha)]
        fresh = ShaFile.from_raw_string(found.type_num, found.as_raw_string())
        _parsed(fresh)
    except Exception:  # noqa: BLE001, S110  # zlib, pack and object errors have no common base; judged below
        pass
    if fresh is None or fresh.id != sha:
        raise DefinitionError(
            f"the Git object {_shown(sha)} is missing or damaged",
            code="E_REPO_REV",
            where=where,
            hint="git fsck, then fetch the repository again",
        )
    return fresh


def stored_tree(repo: "BaseRepo", sha: bytes, where: str) -> "Tree":
    """The same of a folder."""
    from dulwich.objects import Tree

    found = stored_object(repo, sha, where)
    if not isinstance(found, Tree):
        raise DefinitionError("a folder is not a Git tree", code="E_REPO_REV", where=where, hint="git fsck")
    return found


def _parsed(found: "ShaFile") -> None:
    """What is asked of an object later is asked of it here, where any error is met: it is parsed when it is used."""
    from dulwich.objects import Commit, Tag, Tree

    if isinstance(found, Commit):
        _id(found.tree)
        for parent in found.parents:
            _id(parent)
    elif isinstance(found, Tag):
        _id(found.object[1])
        found.name.decode("utf-8", "replace")
    elif isinstance(found, Tree):
        for entry in found.iteritems():
            _id(entry.sha)


def _id(sha: bytes) -> None:
    if len(sha) != 40 or not may_be_hash(sha.decode("ascii")):
        raise ValueError("not the id of an object")
