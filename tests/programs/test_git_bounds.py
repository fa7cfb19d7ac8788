"""A few Git objects that name without end, or hold too much: refused within seconds and little memory (G5)."""

import hashlib
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from bootstrap.adapters.git import bounds
from bootstrap.adapters.git.history import blobs_of, past_files
from bootstrap.adapters.git.repository import open_repository
from bootstrap.model.errors import DefinitionError

FILE, FOLDER = 0o100644, 0o040000


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(str(tmp_path))


def tree(repo: Repo, *entries: tuple[bytes, int, ObjectID]) -> ObjectID:
    made = Tree()
    for entry in entries:
        made.add(*entry)
    repo.object_store.add_object(made)
    return made.id


def blob(repo: Repo, content: bytes = b"x") -> ObjectID:
    made = Blob.from_string(content)
    repo.object_store.add_object(made)
    return made.id


def committed(repo: Repo, root: ObjectID, *parents: ObjectID) -> ObjectID:
    made = Commit()
    made.tree, made.parents = root, [*parents]
    made.author = made.committer = b"a <a@b>"
    made.author_time = made.commit_time = 0
    made.author_timezone = made.commit_timezone = 0
    made.message = b"x"
    repo.object_store.add_object(made)
    repo.refs[b"refs/heads/master"] = made.id  # type: ignore[index]  # a name as bytes
    return made.id


def wide(repo: Repo, *, files: bool) -> ObjectID:
    """12 objects, 10^11 paths."""
    inner = tree(repo, (b"f", FILE, blob(repo))) if files else tree(repo)
    for _ in range(11):
        inner = tree(repo, *((b"%d" % n, FOLDER, inner) for n in range(10)))
    return inner


def deep(repo: Repo) -> ObjectID:
    inner = tree(repo, (b"f", FILE, blob(repo)))
    for _ in range(200):
        inner = tree(repo, (b"d", FOLDER, inner))
    return inner


def long(repo: Repo) -> ObjectID:
    inner = tree(repo, (b"f", FILE, blob(repo)))
    for _ in range(20):
        inner = tree(repo, (b"d" * 250, FOLDER, inner))
    return inner


BOMBS: dict[str, Callable[[Repo], ObjectID]] = {
    "many files": lambda repo: wide(repo, files=True),
    "many folders": lambda repo: wide(repo, files=False),
    "deep": deep,
    "long names": long,
}


def planted(repo: Repo, number: int, content: bytes) -> str:
    """A loose object as Git keeps one, whatever it holds; its hash."""
    kind = (b"commit", b"tree", b"blob", b"tag")[number - 1]
    whole = b"%s %d\0%s" % (kind, len(content), content)
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    file = Path(repo.controldir()) / "objects" / name[:2] / name[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(whole))
    return name


@contextmanager
def modest() -> Iterator[None]:
    begun = time.process_time()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
        assert time.process_time() - begun < 60
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bomb", BOMBS)
def test_g5_paths_without_end_are_refused(repo: Repo, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_ENTRIES", 10_000)
    committed(repo, BOMBS[bomb](repo))
    with modest(), pytest.raises(DefinitionError) as refused:
        open_repository(repo.path)
    assert (refused.value.code, bool(refused.value.hint)) == ("E_SIZE", True)


@pytest.mark.parametrize("bomb", ["many files", "many folders"])
def test_g5_also_in_history(repo: Repo, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_ENTRIES", 500)
    before = committed(repo, BOMBS[bomb](repo))
    committed(repo, tree(repo, (b"README.md", FILE, blob(repo, b"y"))), before)
    opened = open_repository(repo.path)
    with modest(), pytest.raises(DefinitionError) as refused:
        list(past_files(opened))
    assert refused.value.code == "E_SIZE"
    with modest():
        assert [found for _, found in blobs_of(opened, "README.md")] == [opened.blob("README.md")]


def test_g5_one_file_under_many_names_is_not_read_without_end(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_READ", 100_000)
    content = blob(repo, b"x" * 30_000)
    committed(repo, tree(repo, *((b"%d" % n, FILE, content) for n in range(9))))
    opened = open_repository(repo.path)
    for _ in range(5):
        assert [len(opened.read(f"{n}")) for n in range(3)] == [30_000] * 3  # read anew it counts once
    with pytest.raises(DefinitionError) as refused:
        opened.read("3")
    assert (refused.value.code, "together" in refused.value.message) == ("E_SIZE", True)


def test_a_large_honest_repository_is_read(repo: Repo) -> None:
    content = blob(repo)
    folder = tree(repo, *((b"%05d" % n, FILE, content) for n in range(300)))
    committed(repo, tree(repo, *((b"%02d" % n, FOLDER, folder) for n in range(20))))
    assert len(open_repository(repo.path).paths()) == 6_000


# ---------------------------------------------------------------- what is no commit, tag or tree inside


RAW: dict[str, tuple[int, bytes]] = {
    "an empty commit": (1, b""),
    "no tree": (1, b"author a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\n\nx"),
    "a tree of other letters": (1, b"tree " + b"z" * 40 + b"\n\nx"),
    "a short tree": (1, b"tree abcd\n\nx"),
    "a parent that is none": (1, b"tree " + b"a" * 40 + b"\nparent \xff\n\nx"),
    "bytes": (1, bytes(range(256))),
    "an empty tag": (4, b""),
    "a tag of nothing": (4, b"object \ntype commit\ntag v1\n\nx"),
    "a tag without a type": (4, b"object " + b"a" * 40 + b"\ntag v1\n\nx"),
    "a tag of another kind": (4, b"object " + b"a" * 40 + b"\ntype nothing\ntag v1\n\nx"),
    "a tag of bytes": (4, bytes(range(256))),
}


@pytest.mark.parametrize("raw", RAW)
@pytest.mark.parametrize("by", ["branch", "hash", "beginning"])
def test_g5_an_object_that_is_not_whole_is_named_as_that(repo: Repo, raw: str, by: str) -> None:
    made = planted(repo, *RAW[raw])
    (Path(repo.controldir()) / "refs/heads/master").write_text(f"{made}\n")
    rev = {"branch": "HEAD", "hash": made, "beginning": made[:12]}[by]
    with pytest.raises(DefinitionError) as refused:
        open_repository(repo.path, rev)
    assert (refused.value.code, bool(refused.value.hint)) == ("E_REPO_REV", True)


@pytest.mark.parametrize(
    "content", [b"100644 f\0short", b"garbage", b"100644 \0" + bytes(20), b"xyz f\0" + bytes(20)]
)
def test_g5_nor_a_tree(repo: Repo, content: bytes) -> None:
    made = planted(repo, 2, content)
    committed(repo, ObjectID(made.encode()))
    with pytest.raises(DefinitionError) as refused:
        open_repository(repo.path)
    assert refused.value.code in ("E_REPO_REV", "E_PATH_CHARS", "E_PATH_ESCAPE")
