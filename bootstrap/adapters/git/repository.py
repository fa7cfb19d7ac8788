"""One commit of a Git repository, read from the object store (G2).

Hooks, filters, attributes and the user's Git configuration never run; the work tree is looked at
only to name what differs from the commit. Replace refs and grafts have no effect, and the id of
every object is computed again from its bytes, so an alternate store cannot slip in other content.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.adapters.git.bounds import Bounds
from bootstrap.adapters.git.stored import may_be_hash, stored_object, stored_tree
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from dulwich.objects import Commit, ShaFile, Tag
    from dulwich.repo import BaseRepo, Repo

INTENT_FOLDERS = ("encrypted", "keys", "manifests", "records", "secrets", "vault")
SMALL = 16 * 1024  # bytes of a file that is kept
KEPT = 16 * 1024 * 1024  # bytes of all that are
MOST_TAGS = 50  # tags of tags
REGULAR = (0o100644, 0o100755, 0o100664)
SYMLINK = 0o120000
SUBMODULE = 0o160000


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a revision names: a commit, by way of annotated tags where it is the name of one."""

    commit: "Commit"
    tags: tuple["Tag", ...] = ()

    @property
    def id(self) -> str:
        """The hash that names the same for ever; the tag's where there is one, so that its signature stays in sight."""
        return str((self.tags[0] if self.tags else self.commit).id.decode())


class GitRepository:
    """``IntentRepository`` of one commit; blobs are read on demand, and the small ones kept: each is asked for by what
    judges it, what compares it and what opens it."""

    def __init__(self, repo: "BaseRepo", named: Named, location: str) -> None:
        commit = named.commit
        self.named = named
        self._repo = repo
        self._commit = commit.id.decode()
        self._tree = _declared(repo, commit, location)
        self._location = location
        self._bounds = Bounds(repo, location)
        self._read: set[str] = set()
        self._kept: dict[str, bytes] = {}
        self._room = KEPT
        self._blobs = dict(sorted(_files(repo, commit, f"{location}@{self._commit[:12]}", self._bounds)))

    @property
    def commit(self) -> str:
        return self._commit

    @property
    def tree(self) -> str:
        return self._tree

    @property
    def location(self) -> str:
        return self._location

    def paths(self) -> Sequence[str]:
        return tuple(self._blobs)

    def blob(self, path: str) -> str:
        try:
            return self._blobs[path]
        except KeyError:
            raise DefinitionError(
                f"the commit {self._commit[:12]} has no file {path}",
                code="E_FILE_MISSING",
                where=path,
                hint=f"{_git(self._repo, self._location)} add {path}, and commit it",
            ) from None

    @property
    def store(self) -> "BaseRepo":
        """For the other Git adapters."""
        return self._repo

    def read(self, path: str) -> bytes:
        if path in self._kept:
            return self._kept[path]
        blob = self.blob(path).encode()
        if path not in self._read:
            self._bounds.read(blob, path)
            self._read.add(path)
        content = stored_object(self._repo, blob, path).as_raw_string()
        if len(content) <= min(SMALL, self._room):
            self._kept[path] = content
            self._room -= len(content)
        return content

    def unused_changes(self) -> Sequence[str]:
        """Paths of the work tree that are not as in the commit; none for a bare repository."""
        from dulwich.repo import Repo

        if not isinstance(self._repo, Repo) or self._repo.bare:
            return ()
        top = Path(self._location)  # the folder that was named, whatever core.worktree says
        absent = _not_checked_out(self._repo)
        rest = ((path, blob) for path, blob in self._blobs.items() if path not in absent)
        changed = {path for path, blob in rest if _differs(top / path, blob)}
        return tuple(sorted(changed | _untracked(top, self._blobs)))


def open_repository(path: Path | str, rev: str = "HEAD") -> GitRepository:
    """The commit that ``rev`` names (HEAD, a branch, a tag, a short or full hash).

    Raises DefinitionError E_REPO_MISSING, E_REPO_KIND, E_REPO_REV, E_PATH_ESCAPE, E_PATH_CHARS.
    """
    location = str(path)
    repo = opened(Path(path), location)
    return GitRepository(repo, named(repo, rev, location), location)


def opened(path: Path, location: str) -> "Repo":
    """The repository whose top is ``path``. DefinitionError E_REPO_MISSING, E_REPO_KIND."""
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo, UnsupportedExtension

    if not path.is_dir():
        raise DefinitionError(
            f"{location} is a file" if path.exists() else f"there is no folder {location}",
            code="E_REPO_MISSING",
            where=location,
            hint="give the intent repository with --repo PATH, or make one: bootstrap init PATH",
        )
    try:
        return _of_sha1(Repo(str(path)), location)
    except UnsupportedExtension as error:
        raise DefinitionError(
            f"{location} uses an extension of Git that is not read here: {error.extension}",
            code="E_REPO_KIND",
            where=location,
            hint=f"git clone --no-local {location} COPY, and give that",
        ) from None
    except DefinitionError:
        raise
    except NotGitRepository:
        raise DefinitionError(
            f"{location} is not a Git repository",
            code="E_REPO_KIND",
            where=location,
            hint=_kind_hint(path, location),
        ) from None
    except Exception as error:  # noqa: BLE001  # dulwich has no base class for what a broken .git can raise
        raise DefinitionError(
            f"{location} cannot be read as a Git repository: {type(error).__name__}",
            code="E_REPO_KIND",
            where=location,
            hint=f"git -C {location} fsck",
        ) from None


def _of_sha1(repo: "Repo", location: str) -> "Repo":
    try:
        objects = repo.get_config().get((b"extensions",), b"objectformat")
    except KeyError:
        return repo
    if objects.lower() != b"sha1":
        raise DefinitionError(
            f"{location} names its objects by SHA-256, which is not read here",
            code="E_REPO_KIND",
            where=location,
            hint=f"git init --object-format=sha1 COPY && git -C {location} fast-export --all | "
            "git -C COPY fast-import, and give that",
        )
    return repo


def _kind_hint(path: Path, location: str) -> str:
    top = next((parent for parent in path.resolve().parents if (parent / ".git").exists()), None)
    if top is not None:
        return f"the repository begins at {top}: give --repo {top}"
    return f"git -C {location} init, then commit; or make a new one: bootstrap init PATH"


def named(repo: "BaseRepo", rev: str, location: str) -> Named:
    """DefinitionError E_REPO_REV where ``rev`` names nothing, or no commit."""
    from dulwich.objects import Commit, Tag

    tags: list[Tag] = []
    found = stored_object(repo, _resolve(repo, rev, location), location)
    while isinstance(found, Tag):
        tags.append(found)
        if len(tags) > MOST_TAGS:
            raise DefinitionError(
                f"{rev} is a tag of a tag, and so on, more than {MOST_TAGS} times",
                code="E_SIZE",
                where=location,
                hint="tag the commit itself: git tag -s",
            )
        found = stored_object(repo, found.object[1], location)
    if not isinstance(found, Commit):
        raise DefinitionError(f"{rev} is not a commit", code="E_REPO_REV", where=location, hint="git log")
    return Named(commit=found, tags=tuple(tags))


def ref_names(rev: str) -> Sequence[bytes]:
    """The full names that ``rev`` can be short for, first the one that counts; none for a full hash."""
    name = rev.encode()
    if len(name) == 40 and may_be_hash(rev):
        return ()
    return [prefix + name for prefix in (b"", b"refs/", b"refs/tags/", b"refs/heads/", b"refs/remotes/")]


def _resolve(repo: "BaseRepo", rev: str, location: str) -> bytes:
    for name in ref_names(rev):
        if (sha := _ref(repo, name)) is not None:
            if may_be_hash(rev):
                raise ambiguous(rev, name, location)
            return sha
    if may_be_hash(rev):
        # git rev-parse compares hashes in lower case too.
        near = _commits_named(repo, rev.lower().encode())
        if len(near) == 1:
            return near[0]
        if near:
            raise DefinitionError(
                f"{rev} names {len(near)} objects",
                code="E_REPO_REV",
                where=location,
                hint="give more digits of the hash",
            )
    git = _git(repo, location)
    if rev == "HEAD":
        raise DefinitionError(
            f"{location} has no commit yet: only what is committed counts",
            code="E_REPO_REV",
            where=location,
            hint=f"{git} add . && {git} commit",
        )
    raise DefinitionError(
        f"{location} has no revision {rev}",
        code="E_REPO_REV",
        where=location,
        hint=f"{git} fetch, or see {git} log --all --oneline",
    )


def _git(repo: "BaseRepo", location: str) -> str:
    """How a hint begins: what lies on a server is changed from a clone of it."""
    from dulwich.repo import Repo

    return f"git -C {location}" if isinstance(repo, Repo) else "git"


def _ref(repo: "BaseRepo", name: bytes) -> bytes | None:
    from dulwich.refs import Ref, check_ref_format

    if name != b"HEAD" and not (name.startswith(b"refs/") and check_ref_format(Ref(name))):
        return None
    try:
        return repo.refs[Ref(name)]
    except KeyError:
        return None
    except Exception as error:  # noqa: BLE001  # dulwich has no base class for what a broken ref can raise
        raise _damaged(type(error).__name__) from None


def _damaged(how: str) -> DefinitionError:
    return DefinitionError(
        f"the repository is damaged: its refs or packs cannot be read ({how})",
        code="E_REPO_REV",
        where=".git",
        hint="git fsck, then fetch the repository again",
    )


def ambiguous(rev: str, name: bytes, location: str) -> DefinitionError:
    """A ref whose name is digits of a hash could be taken for the hash, and every push may move it."""
    full = name.decode("utf-8", "replace")
    return DefinitionError(
        f"{rev} may be a hash, and there is a ref of that name, {full}",
        code="E_REPO_REV",
        where=location,
        hint=f"give the ref in full, --rev {full}, or all 40 digits of the hash",
    )


def _commits_named(repo: "BaseRepo", prefix: bytes) -> list[bytes]:
    from dulwich.objects import Commit, Tag

    try:
        near = set(repo.object_store.iter_prefix(prefix))
    except Exception as error:  # noqa: BLE001  # nor for what a broken index of a pack can
        raise _damaged(type(error).__name__) from None
    found = [(sha, _readable(repo, sha)) for sha in near]
    return [sha for sha, one in found if one is None or isinstance(one, Commit | Tag)]


def _readable(repo: "BaseRepo", sha: bytes) -> "ShaFile | None":
    """None for a damaged object, which is refused by its id when it is read."""
    try:
        return stored_object(repo, sha, "")
    except DefinitionError:
        return None


def _declared(repo: "BaseRepo", commit: "Commit", where: str) -> str:
    """The id of the commit's tree as it would be without ``records/``: what people declare, not what runs leave."""
    from dulwich.objects import Tree

    tree = stored_tree(repo, commit.tree, where)
    if b"records" not in tree:
        return str(commit.tree.decode())
    rest = Tree()
    for entry in tree.iteritems():
        if entry.path != b"records":
            rest.add(entry.path, entry.mode, entry.sha)
    return str(rest.id.decode())


def _files(repo: "BaseRepo", commit: "Commit", where: str, bounds: Bounds) -> Iterator[tuple[str, str]]:
    """Path and blob id of each regular file; anything that could lead elsewhere is refused."""
    waiting = [(b"", commit.tree)]
    while waiting:
        folder, sha = waiting.pop()
        bounds.object(sha, where)
        for entry in stored_tree(repo, sha, where).iteritems():
            bounds.entry(folder + entry.path)
            path = _checked(folder, entry.path, entry.mode, where)
            if entry.mode == 0o040000:
                waiting.append((path.encode() + b"/", entry.sha))
            else:
                yield path, entry.sha.decode()


def _checked(folder: bytes, name: bytes, mode: int, where: str) -> str:
    shown = (folder + name).decode("utf-8", "backslashreplace").encode("unicode_escape").decode()
    try:
        path = (folder + name).decode()
    except UnicodeDecodeError:
        path = ""
    if not path.isprintable() or not path:
        raise DefinitionError(
            f"the file name {shown} has characters that cannot be shown",
            code="E_PATH_CHARS",
            where=f"{where}:{shown}",
            hint="rename it with git mv",
        )
    if name in (b"", b".", b"..") or b"/" in name or name.lower() == b".git":
        raise DefinitionError(
            f"{path} leads out of the repository",
            code="E_PATH_ESCAPE",
            where=f"{where}:{path}",
            hint="git rm it",
        )
    if mode in (SYMLINK, SUBMODULE):
        kind = "symbolic link" if mode == SYMLINK else "submodule"
        raise DefinitionError(
            f"{path} is a {kind}; an intent repository has regular files only",
            code="E_PATH_ESCAPE",
            where=f"{where}:{path}",
            hint=f"git rm --cached {path}, and commit the file itself",
        )
    if mode != 0o040000 and mode not in REGULAR:
        raise DefinitionError(
            f"{path} has the mode {mode:o}", code="E_FILE_KIND", where=f"{where}:{path}", hint="git fsck"
        )
    return path


def _differs(path: Path, blob: str) -> bool:
    from dulwich.objects import Blob

    try:
        content = b"" if path.is_symlink() else path.read_bytes()
    except OSError:
        return True
    # core.autocrlf: a checkout with CRLF of what is committed with LF is no change.
    written = {content, content.replace(b"\r\n", b"\n")}
    return path.is_symlink() or all(Blob.from_string(each).id.decode() != blob for each in written)


def _not_checked_out(repo: "Repo") -> frozenset[str]:
    """Paths that a sparse checkout leaves out; none where the index is of a form that is not read."""
    from dulwich.index import IndexEntry

    try:
        entries = dict(repo.open_index().items())
    except Exception:  # noqa: BLE001  # dulwich has no base class for what an index can raise
        return frozenset()
    left = (path for path, entry in entries.items() if isinstance(entry, IndexEntry) and entry.skip_worktree)
    return frozenset(path.decode("utf-8", "backslashreplace") for path in left)


def _untracked(top: Path, known: Mapping[str, str]) -> set[str]:
    """Regular files that the intent could mean: below its own folders, and ``bootstrap.yaml``."""
    found = [top / layout.PLATFORM_FILE] if (top / layout.PLATFORM_FILE).is_file() else []
    for folder in INTENT_FOLDERS:
        found += [path for path in (top / folder).rglob("*") if path.is_file()]
    return {path.relative_to(top).as_posix() for path in found} - set(known)
