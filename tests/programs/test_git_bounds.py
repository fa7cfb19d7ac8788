"""A few Git objects that name without end, or hold too much: refused with little work and memory (G5)."""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from bootstrap.adapters.git import bounds, object_size, stored
from bootstrap.adapters.git.history import blobs_of, past_files
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.git.tree import files_of
from bootstrap.model.errors import DefinitionError
from tests.support.git_servers import git
from tests.support.work import calls_at_most, memory_at_most

FILE, FOLDER = 0o100644, 0o040000
MOST_CALLS = 2_000_000


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
    with calls_at_most(MOST_CALLS), memory_at_most(200 << 20):
        yield


@pytest.mark.parametrize("bomb", BOMBS)
def test_g5_paths_without_end_are_refused(repo: Repo, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_ENTRIES", 2_000)
    committed(repo, BOMBS[bomb](repo))
    with modest(), pytest.raises(DefinitionError) as refused:
        open_repository(repo.path)
    assert (refused.value.code, bool(refused.value.hint)) == ("E_SIZE", True)


@pytest.mark.parametrize("bomb", ["many files", "many folders"])
def test_g5_also_in_history(repo: Repo, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_ENTRIES", 100)
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


# ---------------------------------------------------------------- objects that unpack to more than they say


ZEROS = bytes(2 << 20)


def loose(repo: Repo, name: str, whole: bytes) -> None:
    file = Path(repo.controldir()) / "objects" / name[:2] / name[2:]
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_bytes(zlib.compress(whole))


@pytest.mark.parametrize("kind", ["commit", "tree", "blob", "tag"])
@pytest.mark.parametrize("lies", [False, True])
def test_g5_one_that_unpacks_to_too_much_is_not_unpacked(
    repo: Repo, kind: str, lies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_BYTES", 1 << 20)
    name = "ab" * 20
    loose(repo, name, b"%s %d\0" % (kind.encode(), 1 if lies else len(ZEROS)) + ZEROS)
    with modest(), pytest.raises(DefinitionError) as refused:
        stored.stored_object(repo, name.encode(), "here")
    assert (refused.value.code, bool(refused.value.hint)) == ("E_SIZE", True)


def entry(kind: int, content: bytes, claimed: int | None = None, between: bytes = b"") -> bytes:
    size = len(content) if claimed is None else claimed
    head, size = [(kind << 4) | (size & 15)], size >> 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head) + between + zlib.compress(content)


def packed(repo: Repo, *entries: bytes) -> tuple[int, ...]:
    """A pack as a server or a disk may have it; where each entry begins."""
    body = b"PACK" + (2).to_bytes(4, "big") + len(entries).to_bytes(4, "big")
    places = []
    for each in entries:
        places.append(len(body))
        body += each
    folder = Path(repo.controldir()) / "objects/pack"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pack-1.pack").write_bytes(body + hashlib.sha1(body, usedforsecurity=False).digest())
    return tuple(places)


@pytest.mark.parametrize("bomb", ["a blob", "a blob that lies", "the base of a delta", "a base that lies"])
def test_g5_nor_one_in_a_pack(repo: Repo, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a delta is of is unpacked with it, however small the delta is."""
    lies = 5 if "lies" in bomb else None
    first = entry(3, ZEROS, lies)
    delta = b"\x80\x80\x80\x01\x01\x90\x01"  # of a base of 2 MiB, to one byte of it
    distance = len(first)
    between, distance = [distance & 0x7F], distance >> 7
    while distance:
        distance -= 1
        between.insert(0, 0x80 | (distance & 0x7F))
        distance >>= 7
    places = packed(repo, first, entry(6, delta, between=bytes(between)))
    at = places[1] if "base" in bomb else places[0]
    monkeypatch.setattr(object_size, "_packs", lambda store, sha: [(only_pack(store), at)])
    assert not object_size.unpacks_within(repo, b"ab" * 20, 1 << 20)
    assert object_size.unpacks_within(repo, b"ab" * 20, 4 << 20) is (lies is None)


def only_pack(store: object) -> object:
    (path,) = Path(store.path).glob("pack/*.pack")  # type: ignore[attr-defined]  # of a disk
    return SimpleNamespace(data=SimpleNamespace(path=str(path)))


def test_g5_what_git_packs_itself_is_read(tmp_path: Path) -> None:
    """Deltas on deltas, by Git's own hand."""
    git(tmp_path, "init", "-q", "r")
    folder = tmp_path / "r"
    for number in range(30):
        (folder / "a").write_text("".join(f"line {n} {number if n == 3 else 0}\n" for n in range(3000)))
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", f"{number}")
    git(folder, "gc", "-q", "--aggressive", "--prune=now")
    opened = open_repository(folder)
    assert len({found for _, found in blobs_of(opened, "a")}) == 30
    assert len(list(past_files(opened))) == 29


def test_g5_an_alternate_store_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, here = (
        Repo.init(str(tmp_path / "other"), mkdir=True),
        Repo.init(str(tmp_path / "here"), mkdir=True),
    )
    name = "cd" * 20
    loose(other, name, b"blob 1\0" + ZEROS)
    info = Path(here.controldir()) / "objects/info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{Path(other.controldir()) / 'objects'}\n")
    monkeypatch.setattr(stored, "MOST_BYTES", 1 << 20)
    with pytest.raises(DefinitionError) as refused:
        stored.stored_object(Repo(here.path), name.encode(), "here")
    assert refused.value.code == "E_SIZE"


def test_g5_tags_of_tags_end(repo: Repo) -> None:
    made = committed(repo, tree(repo, (b"f", FILE, blob(repo)))).decode()
    kind = "commit"
    for number in range(60):
        made = planted(repo, 4, f"object {made}\ntype {kind}\ntag t{number}\n\nx".encode())
        kind = "tag"
    with pytest.raises(DefinitionError) as refused:
        open_repository(repo.path, made)
    assert refused.value.code == "E_SIZE"


@pytest.mark.parametrize("bomb", BOMBS)
def test_g5_import_does_not_walk_without_end_either(
    repo: Repo, bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_ENTRIES", 200)
    committed(repo, BOMBS[bomb](repo))
    with modest(), pytest.raises(DefinitionError) as refused:
        files_of(Path(repo.path))
    assert (refused.value.code, bool(refused.value.hint)) == ("E_SIZE", True)


@pytest.mark.parametrize(
    "file", ["packed-refs", "refs/heads/master", "objects/pack/pack-1.idx", "HEAD", "config"]
)
@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 40, b"ref: refs/heads/master\n", b"^x\n" * 9, b"\0" * 2000]
)
def test_g5_what_is_broken_below_git_is_named(repo: Repo, file: str, content: bytes) -> None:
    committed(repo, tree(repo, (b"f", FILE, blob(repo))))
    path = Path(repo.controldir()) / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if file.endswith("idx"):
        packed(repo, entry(3, b"x"))
    for rev in ("HEAD", "abcd1234", "master"):
        try:
            open_repository(repo.path, rev)
        except DefinitionError as error:
            assert error.code in ("E_REPO_REV", "E_REPO_KIND")  # some of them are read
