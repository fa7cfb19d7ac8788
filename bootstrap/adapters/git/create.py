"""A new repository with its first commit, made of what lies in a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.objects import Commit, ObjectID

AUTHOR = b"bootstrap <bootstrap@localhost>"


def create_repository(folder: Path, message: str) -> str:
    """Makes ``folder`` a repository on branch ``main``; with a message, all its files are the first commit.

    Written object by object: no hook runs and no Git configuration of the user is read. Gives the commit's
    hash, or "" without a message.
    """
    from dulwich.index import index_entry_from_stat
    from dulwich.objects import Blob, ObjectID
    from dulwich.refs import Ref
    from dulwich.repo import Repo

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    repo = Repo.init(str(folder), default_branch=b"main")
    if not message:
        return ""
    index = repo.open_index()
    for path in files:
        blob = Blob.from_string(path.read_bytes())
        repo.object_store.add_object(blob)
        index[path.relative_to(folder).as_posix().encode()] = index_entry_from_stat(path.stat(), blob.id)
    index.write()
    commit = _first_commit(ObjectID(index.commit(repo.object_store)), message)
    repo.object_store.add_object(commit)
    repo.refs[Ref(b"refs/heads/main")] = commit.id
    return str(commit.id.decode())


def _first_commit(tree: "ObjectID", message: str) -> "Commit":
    import time

    from dulwich.objects import Commit

    commit = Commit()
    commit.tree = tree
    commit.author = commit.committer = AUTHOR
    commit.author_time = commit.commit_time = int(time.time())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = message.encode() + b"\n"
    return commit
