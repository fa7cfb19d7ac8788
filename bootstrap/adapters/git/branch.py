"""Commits beside what is checked out: a branch is added, and neither HEAD, nor the index, nor a file is touched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING

from bootstrap.adapters.git.stored import stored_object
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from dulwich.repo import Repo

_AUTHOR = b"bootstrap <bootstrap@localhost>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One commit on a branch of its own: files with their new content, None for one that goes."""

    branch: str
    message: str
    files: Mapping[str, bytes | None]


def propose(repo: "Repo", commit: str, proposals: Sequence[Proposal]) -> list[str]:
    """Each on top of the one before it, the first on ``commit``; the ids. DefinitionError E_EXISTS before any."""
    from dulwich.objects import Commit, ObjectID
    from dulwich.refs import Ref

    names = [Ref(b"refs/heads/" + proposal.branch.encode()) for proposal in proposals]
    for proposal, name in zip(proposals, names, strict=True):
        if name in repo.refs:
            raise DefinitionError(
                f"there is a branch {proposal.branch} already",
                code="E_EXISTS",
                where=proposal.branch,
                hint=f"review and merge it, or git branch -D {proposal.branch}",
            )
    made: list[str] = []
    above = commit.encode()
    for proposal, name in zip(proposals, names, strict=True):
        parent = stored_object(repo, above, proposal.branch)
        assert isinstance(parent, Commit)
        new = Commit()
        new.tree = ObjectID(
            _tree(repo, parent.tree, {tuple(p.split("/")): c for p, c in proposal.files.items()})
        )
        new.parents = [ObjectID(above)]
        new.author = new.committer = _AUTHOR
        new.author_time = new.commit_time = int(time())
        new.author_timezone = new.commit_timezone = 0
        new.message = proposal.message.encode()
        repo.object_store.add_object(new)
        repo.refs.add_if_new(name, new.id)
        above = new.id
        made.append(new.id.decode())
    return made


def _tree(repo: "Repo", sha: bytes, files: Mapping[tuple[str, ...], bytes | None]) -> bytes:
    """The id of a folder's tree with the changes; a folder that is empty then is left out by who names it."""
    from dulwich.objects import Blob, ObjectID, Tree

    tree = stored_object(repo, sha, "tree") if sha else Tree()
    assert isinstance(tree, Tree)
    for name in sorted({path[0] for path in files}):
        inner = {path[1:]: content for path, content in files.items() if path[0] == name}
        key = name.encode()
        if () in inner:
            content = inner[()]
            if content is None:
                del tree[key]
                continue
            blob = Blob.from_string(content)
            repo.object_store.add_object(blob)
            tree[key] = (tree[key][0] if key in tree else 0o100644, blob.id)
        else:
            tree[key] = (0o040000, ObjectID(_tree(repo, tree[key][1] if key in tree else b"", inner)))
    repo.object_store.add_object(tree)
    return bytes(tree.id)
