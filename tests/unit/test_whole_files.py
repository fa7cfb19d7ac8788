"""Files whole or not at all, several as one: whatever fails, and whenever."""

import errno
import os
from pathlib import Path

import pytest

from bootstrap.adapters.local import whole_files
from bootstrap.adapters.local.whole_files import WholeFile, write_whole


def there(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if not p.is_dir()}


def full_at(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    real = whole_files._name

    def named(part: Path, path: Path, *, new: bool) -> None:
        if path.name == name:
            raise error
        real(part, path, new=new)

    monkeypatch.setattr(whole_files, "_name", named)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_new_ones_are_all_there_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    full_at(monkeypatch, "c", error)
    files = {tmp_path / name: WholeFile(b"x", new=True) for name in ("a", "deep/b", "c", "d")}
    with pytest.raises(type(error)) as caught:
        write_whole(files)
    assert list(tmp_path.iterdir()) == []
    assert getattr(caught.value, "filename", str(tmp_path / "c")) == str(tmp_path / "c")


def test_no_room_for_the_last_leaves_the_others_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"before")
    real = os.fsync

    def fsync(handle: int) -> None:
        if "/.b." in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole({tmp_path / "a": WholeFile(b"after"), tmp_path / "b": WholeFile(b"x", new=True)})
    assert caught.value.filename == str(tmp_path / "b")
    assert there(tmp_path) == {"a": b"before"}


def test_a_new_one_is_not_written_over_what_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = whole_files._write

    def write(part: Path, path: Path, file: WholeFile) -> None:
        real(part, path, file)
        (tmp_path / "b").write_bytes(b"another's")

    monkeypatch.setattr(whole_files, "_write", write)
    with pytest.raises(FileExistsError):
        write_whole({tmp_path / name: WholeFile(b"ours", new=True) for name in "ab"})
    assert there(tmp_path) == {"b": b"another's"}


def test_a_file_that_is_there_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    write_whole({tmp_path / "link": WholeFile(b"after")})
    assert (tmp_path / "link").is_symlink()
    assert there(tmp_path) == {"real": b"after", "link": b"after"}
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640


def test_a_device_a_pipe_or_a_folder_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (Path("/dev/null"), tmp_path / "pipe", tmp_path / "folder"):
        with pytest.raises(OSError, match=r"A device or a pipe|Is a directory") as caught:
            write_whole({tmp_path / "first": WholeFile(b"x"), path: WholeFile(b"x")})
        assert caught.value.filename == str(path)
    assert Path("/dev/null").is_char_device()
    assert not (tmp_path / "first").exists()
