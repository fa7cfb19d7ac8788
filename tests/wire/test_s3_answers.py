"""Answers that no S3 server gives: no fault of the program, nothing without end, nothing obeyed (S3, G5)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from bootstrap.adapters.s3 import bucket as s3
from bootstrap.adapters.s3.bucket import Account, S3Bucket
from bootstrap.model.catalog import Bucket
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive

Answer = tuple[int, dict[str, str], bytes]
SECRET = "s3-canary-5f1c"
BEGUN = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
UPLOADS = (
    b"<ListMultipartUploadsResult><Upload><Key>p/x.snapshot</Key>%b</Upload></ListMultipartUploadsResult>"
)


def listed(inner: bytes) -> bytes:
    return b"<ListBucketResult>" + inner + b"</ListBucketResult>"


@contextmanager
def answering(answer: Callable[[str], Answer]) -> Iterator[tuple[S3Bucket, list[str]]]:
    """A bucket whose server answers so, by the method; and what it was sent."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing."""

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append(f"{self.path} {self.headers}")
            status, headers, body = answer(self.command)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # the library's names

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = Bucket(
            endpoint=f"http://127.0.0.1:{server.server_port}", bucket="b", prefix="p", credentials="c"
        )
        account = Account(key=Sensitive(b"AK", "key"), secret=Sensitive(SECRET.encode(), "secret"))
        yield S3Bucket(place, account), seen
        server.shutdown()


def names(bucket: S3Bucket) -> None:
    bucket.names(".snapshot")


def uploads(bucket: S3Bucket) -> None:
    bucket.end_forgotten(".snapshot")


def upload(bucket: S3Bucket) -> None:
    going = bucket.upload("x", "cluster", "time")
    going.begin()
    going.write(b"x")
    going.finish()


def begins(body: bytes) -> Callable[[str], Answer]:
    """Of an upload to a name that is free."""
    return lambda method: (404, {}, b"") if method == "HEAD" else (200, {}, body if method == "POST" else b"")


ODD: dict[str, tuple[Callable[[str], Answer], Callable[[S3Bucket], None]]] = {
    "an object without a name": (lambda _: (200, {}, listed(b"<Contents><Size>1</Size></Contents>")), names),
    "an upload without a beginning": (lambda _: (200, {}, UPLOADS % b""), uploads),
    "an upload without an id": (
        lambda _: (200, {}, UPLOADS % b"<Initiated>2020-01-01T00:00:00</Initiated>"),
        uploads,
    ),
    "a beginning without an id": (begins(b"<InitiateMultipartUploadResult/>"), upload),
    "a part without a tag": (begins(BEGUN), upload),
    "one place after the other": (
        lambda _: (307, {"Location": "http://127.0.0.2/"}, b"<Error><Code>TemporaryRedirect</Code></Error>"),
        names,
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_g5_an_odd_answer_is_named_as_one(what: str) -> None:
    answer, act = ODD[what]
    with answering(answer) as (bucket, seen), pytest.raises(BootstrapError) as caught:
        act(bucket)
    assert caught.value.code == "E_S3_REFUSED"
    assert SECRET not in caught.value.message + "".join(seen)


def test_g5_a_list_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "MOST_NAMES", 20)
    pages = count()

    def more(empty: bool) -> Answer:
        page = next(pages)
        inner = b"" if empty else b"<Contents><Key>p/%d.snapshot</Key></Contents>" % page
        going_on = b"<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>"
        return 200, {}, listed(inner + going_on % page)

    with answering(lambda _: more(empty=False)) as (bucket, seen):
        with pytest.raises(BootstrapError) as caught:
            names(bucket)
        assert (caught.value.code, len(seen)) == ("E_S3_REFUSED", 20)
    with answering(lambda _: more(empty=True)) as (bucket, seen):
        with pytest.raises(BootstrapError) as caught:
            names(bucket)
        assert (caught.value.code, len(seen)) == ("E_S3_REFUSED", 20)
