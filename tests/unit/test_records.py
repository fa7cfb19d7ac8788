"""The records folder: whole files or none, nothing touched for nothing, clear errors."""

import errno
import os
from pathlib import Path

import pytest

from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.model.errors import PreconditionError


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    records = FolderRecords(tmp_path / "records")
    assert (records.read("uid", "head.json"), records.clusters()) == (None, ())
    records.write("uid", "head.json", b"{}")
    assert (records.read("uid", "head.json"), records.clusters()) == (b"{}", ("uid",))
    assert [p.name for p in (tmp_path / "records" / "uid").iterdir()] == ["head.json"]


def test_equal_content_touches_nothing(tmp_path: Path) -> None:
    records = FolderRecords(tmp_path)
    records.write("uid", "a", b"1")
    before = (tmp_path / "uid" / "a").stat()
    records.write("uid", "a", b"1")
    after = (tmp_path / "uid" / "a").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    records.write("uid", "a", b"2")
    assert records.read("uid", "a") == b"2"


def test_the_file_and_its_folder_are_flushed_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    FolderRecords(tmp_path / "records").write("uid", "a", b"1")
    names = [Path(path).name for path in flushed]
    assert names[0].startswith(".a.")
    assert names[1:] == [tmp_path.name, "records", "uid"]


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "No space left"), (errno.EACCES, "Permission denied")]
)
def test_a_disk_that_refuses_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    records = FolderRecords(tmp_path)
    records.write("uid", "a", b"old")

    def fsync(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(PreconditionError, match=said) as caught:
        records.write("uid", "a", b"new")
    assert (caught.value.code, caught.value.where) == ("E_RECORDS", str(tmp_path / "uid" / "a"))
    assert records.read("uid", "a") == b"old"
    assert [p.name for p in (tmp_path / "uid").iterdir()] == ["a"]


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("")
    with pytest.raises(PreconditionError):
        FolderRecords(tmp_path / "records").write("uid", "a", b"1")


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".hidden", "a\0b"])
def test_a_name_stays_inside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        FolderRecords(tmp_path).write("uid", name, b"1")
