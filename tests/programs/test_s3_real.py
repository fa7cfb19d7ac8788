"""Snapshots in a bucket of a real S3 server on loopback: whole under their name or not there (INV1, B2)."""

import hashlib
import os
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.adapters.s3 import bucket as s3
from bootstrap.adapters.s3.bucket import PART, Account, S3Bucket
from bootstrap.adapters.s3.stored import AT_ONCE, PASSED, Stored
from bootstrap.model.errors import BootstrapError, DefinitionError, EvidenceError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot import RAFT
from bootstrap.operations.snapshot.judge import judged
from bootstrap.operations.snapshot.names import ENDING
from bootstrap.operations.snapshot.shelf import InBucket
from tests.support.s3_server import BUCKET, SECRET, S3Server, s3_server
from tests.support.snapshot_files import platform
from tests.support.tls_server import authority

NAME = "demo-20261129T180000Z.snapshot"
TIME = "2026-11-29T18:00:00Z"
CONTENT = os.urandom(2 * PART + 4711)
PLATFORM = platform()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("s3")
    with s3_server(folder / "root", folder / "sidecar") as found:
        yield found


@pytest.fixture
def bucket(server: S3Server, request: pytest.FixtureRequest) -> S3Bucket:
    """A prefix for each test."""
    return opened(server, prefix=f"of/{request.node.name.replace('[', '-').replace(']', '')}")


def opened(server: S3Server, *, secret: str = SECRET, **other: str) -> S3Bucket:
    account = Account(key=server.key(), secret=Sensitive(secret.encode(), "secret"))
    return S3Bucket(replace(server.place, **other), account)


def uploaded(bucket: S3Bucket, name: str = NAME, content: bytes = CONTENT, time: str = TIME) -> None:
    upload = bucket.upload(name, "cluster", time)
    upload.begin()
    upload.write(content)
    upload.finish()


def refused(kind: type[BootstrapError], act: Callable[[], object]) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert SECRET not in caught.value.message
    return caught.value


def content(bucket: S3Bucket) -> bytes:
    with Stored(bucket, NAME).open() as reading:
        return b"".join(iter(lambda: reading.read(65_536), b""))


def unfinished(bucket: S3Bucket) -> list[str]:
    listed = bucket.client.list_multipart_uploads(Bucket=BUCKET)
    start = bucket.at("")["Key"]
    return [each["Key"] for each in listed.get("Uploads") or () if each["Key"].startswith(start)]


def test_inv1_it_has_its_name_only_when_it_is_whole(bucket: S3Bucket) -> None:
    upload = bucket.upload(NAME, "cluster", TIME)
    upload.begin()
    for start in range(0, len(CONTENT), 100_000):
        upload.write(CONTENT[start : start + 100_000])
    assert bucket.names() == ()
    assert bucket.about(NAME) is None
    upload.finish()
    upload.abort()  # as a writer does, whatever was before
    assert bucket.names() == (NAME,)
    assert content(bucket) == CONTENT
    found = bucket.about(NAME)
    assert found is not None
    assert (found.cluster, found.time) == ("cluster", TIME)
    assert unfinished(bucket) == []


def test_what_is_given_up_leaves_nothing(bucket: S3Bucket) -> None:
    upload = bucket.upload(NAME, "cluster", TIME)
    upload.begin()
    upload.write(CONTENT)
    assert unfinished(bucket)
    upload.abort()
    assert (bucket.names(), unfinished(bucket)) == ((), [])


def test_one_of_its_name_is_not_written_over(bucket: S3Bucket) -> None:
    first, second = (bucket.upload(NAME, "cluster", TIME) for _ in range(2))
    first.begin()
    second.begin()
    first.write(b"first")
    second.write(b"second")
    first.finish()
    assert refused(DefinitionError, second.finish).code == "E_EXISTS"
    second.abort()
    assert refused(DefinitionError, bucket.upload(NAME, "cluster", TIME).begin).code == "E_EXISTS"
    assert content(bucket) == b"first"
    assert unfinished(bucket) == []


def test_of_two_that_both_saw_nothing_the_server_takes_one(
    bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3.Upload, "_is_there", lambda _: False)
    uploaded(bucket, content=b"first")
    second = bucket.upload(NAME, "cluster", TIME)
    second.begin()
    second.write(b"second")
    assert refused(DefinitionError, second.finish).code == "E_EXISTS"
    assert content(bucket) == b"first"


def test_another_login_is_refused_by_name(server: S3Server) -> None:
    wrong = opened(server, secret="another")
    assert refused(BootstrapError, wrong.names).code == "E_S3_DENIED"
    assert refused(BootstrapError, lambda: uploaded(wrong)).code == "E_S3_DENIED"


def test_a_bucket_that_is_not_there_is_said(server: S3Server) -> None:
    error = refused(BootstrapError, lambda: uploaded(opened(server, bucket="another")))
    assert (error.code, "NoSuchBucket" in error.message) == ("E_S3_REFUSED", True)
    error = refused(BootstrapError, opened(server, bucket="another").names)
    assert (error.code, "snapshots.where.s3.bucket" in error.hint) == ("E_S3_REFUSED", True)


def test_what_lies_deeper_or_ends_otherwise_is_not_listed(bucket: S3Bucket) -> None:
    for name in (NAME, "notes.txt", f"deeper/{NAME}"):
        bucket.client.put_object(**bucket.at(name), Body=b"x")
    assert bucket.names(ENDING) == (NAME,)
    assert bucket.names() == (NAME, "notes.txt")


def test_an_object_is_read_from_any_offset(bucket: S3Bucket) -> None:
    """Near ones in the same answer, far ones in another, backwards too."""
    uploaded(bucket)
    with Stored(bucket, NAME).open() as reading:
        for offset in (0, 700, 700 + PASSED, 9, AT_ONCE + PASSED, 2 * PART, 2 * PART + 4700, 5):
            reading.seek(offset)
            assert reading.read(512) == CONTENT[offset : offset + 512]
            assert reading.read(33) == CONTENT[offset + 512 : offset + 545]


def test_an_object_that_is_not_there_is_named(bucket: S3Bucket) -> None:
    error = refused(DefinitionError, lambda: content(bucket))
    assert (error.code, error.where) == ("E_FILE_MISSING", f"{bucket.shown}/{NAME}")
    assert f"bootstrap snapshot list {bucket.shown}" in error.hint


def test_inv1_what_takes_its_name_meanwhile_is_not_read_in_its_stead(bucket: S3Bucket) -> None:
    uploaded(bucket)
    stored = Stored(bucket, NAME)
    with stored.open() as reading:
        assert reading.read(512) == CONTENT[:512]
    bucket.client.put_object(**bucket.at(NAME), Body=CONTENT[::-1])
    with stored.open() as reading:
        assert refused(EvidenceError, lambda: reading.read(512)).code == "E_SNAPSHOT_DAMAGED"


def test_a_server_that_goes_while_it_is_read_is_away(tmp_path: Path) -> None:
    with s3_server(tmp_path / "root", tmp_path / "sidecar") as server:
        bucket = opened(server)
        uploaded(bucket)
        with Stored(bucket, NAME).open() as reading:
            assert reading.read(512) == CONTENT[:512]
            server.stop()
            error = refused(BootstrapError, lambda: reading.read(len(CONTENT)))
        assert (error.code, str(server.port) in error.hint) == ("E_S3_AWAY", True)


def test_inv1_a_snapshot_is_judged_and_opened_where_it_lies_in_little_memory(
    bucket: S3Bucket, tmp_path: Path
) -> None:
    """Beside its size what is held at once is small."""
    sent = os.urandom(24 << 20)
    path = PLATFORM.write(tmp_path / NAME, sent)
    uploaded(bucket, content=path.read_bytes())
    digest = hashlib.sha256()

    class Sink:
        def write(self, data: bytes) -> None:
            digest.update(data)

    tracemalloc.start()
    try:
        file = judged(Stored(bucket, NAME))
        file.opened(PLATFORM.root).stream(RAFT, Sink())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert digest.digest() == hashlib.sha256(sent).digest()
    assert (file.size, file.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert peak < len(sent) // 2, f"{peak} bytes"


def test_nothing_ambient_is_listened_to(server: S3Server, bucket: S3Bucket, tmp_path: Path) -> None:
    """A profile of the caller's home that names another server and login."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nendpoint_url = http://127.0.0.1:1\nregion = nowhere\n"
    )
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(tmp_path))
        uploaded(bucket)
        assert bucket.names() == (NAME,)


def test_a_server_that_goes_in_the_middle_leaves_no_name(tmp_path: Path) -> None:
    with s3_server(tmp_path / "root", tmp_path / "sidecar") as server:
        bucket = opened(server)
        upload = bucket.upload(NAME, "cluster", TIME)
        upload.begin()
        upload.write(CONTENT)
        server.stop()
        assert refused(BootstrapError, lambda: upload.write(CONTENT)).code == "E_S3_AWAY"
        upload.abort()
        server.start()
        assert opened(server).names() == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own needs root")
def test_a_server_that_is_full_in_the_middle_says_so_and_leaves_no_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(root)], check=True)
    try:
        with s3_server(root, tmp_path / "sidecar") as server:
            bucket = opened(server)
            upload = bucket.upload(NAME, "cluster", TIME)
            upload.begin()
            assert refused(BootstrapError, lambda: upload.write(CONTENT)).code == "E_S3_REFUSED"
            upload.abort()
            assert bucket.names() == ()
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_uploads_of_killed_saves_are_ended_once_they_are_old(
    bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = bucket.upload(NAME, "cluster", TIME)
    upload.begin()
    with InBucket(bucket).alone():
        assert unfinished(bucket)
    monkeypatch.setattr(s3, "LEFT_AFTER", -s3.LEFT_AFTER)
    with InBucket(bucket).alone():
        assert unfinished(bucket) == []


def test_what_others_put_there_is_not_judged(bucket: S3Bucket) -> None:
    bucket.client.put_object(**bucket.at("theirs.snapshot"), Body=b"theirs")
    assert (
        refused(EvidenceError, lambda: InBucket(bucket).whose("theirs.snapshot")).code == "E_SNAPSHOT_FORMAT"
    )


AUTHORITY = authority()


@pytest.fixture(scope="module")
def with_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("s3-tls")
    files = (folder / "server.crt", folder / "server.key")
    for path, content in zip(files, AUTHORITY.leaf("127.0.0.1"), strict=True):
        path.write_bytes(content)
    with s3_server(folder / "root", folder / "sidecar", tls=files) as found:
        yield found


def test_a_server_is_known_by_the_declared_certificates(with_tls: S3Server) -> None:
    account = Account(key=with_tls.key(), secret=with_tls.secret())
    bucket = S3Bucket(with_tls.place, account, AUTHORITY.pem)
    uploaded(bucket)
    assert bucket.names() == (NAME,)


@pytest.mark.parametrize("ca", [b"", authority("another").pem], ids=["the public ones", "another"])
def test_a_server_of_another_authority_is_refused_by_name(
    ca: bytes, with_tls: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the environment would have it trusted."""
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.pem)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "ca.crt"))
    account = Account(key=with_tls.key(), secret=with_tls.secret())
    error = refused(WorldError, S3Bucket(with_tls.place, account, ca).names)
    assert (error.code, "snapshots.where.s3.ca" in error.hint) == ("E_S3_CERTIFICATE", True)
