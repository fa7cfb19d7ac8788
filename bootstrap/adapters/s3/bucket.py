"""One bucket of an S3 server, below one prefix: boto3 with nothing ambient, and our errors.

A snapshot is a multipart upload: its object has its name only once all parts are there, and not over another's.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bootstrap.adapters.local.memory_file import in_memory
from bootstrap.adapters.snapshot.target import not_over_another
from bootstrap.model.catalog import Bucket
from bootstrap.model.errors import BootstrapError, Transient, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive

PART: Final = 8 << 20  # bytes of one part; a server takes 10,000 of them
LEFT_AFTER: Final = timedelta(hours=2)  # an upload that began before belongs to no save any more
CONNECT, ANSWER = 10, 60  # seconds
TRIES: Final = 4  # of one request, by the library
MOST_NAMES: Final = 100_000  # below one prefix; a list that goes on behind them is not read
_NAME: Final = re.compile(r"[A-Za-z0-9.]{1,64}")
_DENIED: Final = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "403", "401"}
)
_THERE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_ABSENT: Final = frozenset({"NoSuchKey", "NotFound", "404"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    key: Sensitive
    secret: Sensitive


@dataclass(frozen=True, slots=True)
class About:
    """What an object says of itself: of which cluster it is, and when saving began."""

    cluster: str
    time: str
    save: str


class S3Bucket:
    """Names are those below the prefix. Errors: Transient E_S3_AWAY, WorldError E_S3_DENIED, E_S3_REFUSED,
    E_S3_CERTIFICATE."""

    def __init__(self, place: Bucket, account: Account, ca: bytes = b"") -> None:
        """``ca``: certificates, PEM, by which the server is known and no others; empty: those of public authorities."""
        self._place = place
        self._account = account
        self._ca = ca
        self._known: Any = None

    @property
    def shown(self) -> str:
        return f"s3://{self._place.bucket}/{self._place.prefix}"

    def upload(self, name: str, cluster: str, time: str) -> "Upload":
        return Upload(self, name, About(cluster, time, secrets.token_hex(8)))

    def names(self, ending: str = "") -> tuple[str, ...]:
        """Sorted; what lies deeper is not listed."""
        start = self._key("")
        with self.calling("list"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.bucket, Prefix=start, Delimiter="/"
            )
            keys: list[str] = []
            for number, page in enumerate(pages, 1):  # one may be empty, and still not be the last
                keys += [str(_part(each, "Key")) for each in page.get("Contents") or ()]
                if max(number, len(keys)) >= MOST_NAMES:
                    raise self._odd("list", f"it lists {MOST_NAMES} objects and more")
        return tuple(sorted(key.removeprefix(start) for key in keys if key.endswith(ending)))

    def about(self, name: str) -> About | None:
        """None where it is not there, or no snapshot that was uploaded from here."""
        try:
            head = self._call(name, lambda client, at: client.head_object(**at))
        except AbsentError:
            return None
        marks = head.get("Metadata") or {}
        if not {"cluster", "time", "save"} <= marks.keys():
            return None
        return About(str(marks["cluster"]), str(marks["time"]), str(marks["save"]))

    def content(self, name: str, offset: int = 0, etag: str = "") -> tuple[Any, str]:
        """Its body from there on, and the ETag of what it is, where the server gives one. AbsentError; ThereError where
        it is not that of ``etag``."""
        more = {"Range": f"bytes={offset}-"} if offset else {}
        more |= {"IfMatch": etag} if etag else {}
        answer = self._call(name, lambda client, at: client.get_object(**at, **more))
        return answer["Body"], str(answer.get("ETag", ""))

    def delete(self, name: str) -> None:
        self._call(name, lambda client, at: client.delete_object(**at))

    def end_forgotten(self, ending: str) -> None:
        """Uploads of killed saves, whose parts take room."""
        before = datetime.now(UTC) - LEFT_AFTER
        with self.calling("list_multipart_uploads"):
            listed = self.client.list_multipart_uploads(Bucket=self._place.bucket, Prefix=self._key(""))
            for each in listed.get("Uploads") or ():
                key, begun = str(_part(each, "Key")), _part(each, "Initiated")
                if key.endswith(ending) and isinstance(begun, datetime) and _aware(begun) < before:
                    self.client.abort_multipart_upload(
                        Bucket=self._place.bucket, Key=key, UploadId=_part(each, "UploadId")
                    )

    def at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._key(name)}

    def _key(self, name: str) -> str:
        prefix = self._place.prefix.strip("/")
        return f"{prefix}/{name}" if prefix else name

    def _call(self, name: str, act: Callable[[Any, dict[str, str]], Any]) -> Any:
        with self.calling(name):
            return act(self.client, self.at(name))

    @property
    def client(self) -> Any:
        """Built at the first call. The library's own look for logins, regions and proxies is shut."""
        if self._known is None:
            import boto3
            from botocore.config import Config
            from botocore.session import Session

            session: Any = Session()
            for name in ("config_file", "credentials_file"):
                session.set_config_variable(name, os.devnull)
            config: Any = Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                retries={"mode": "standard", "max_attempts": TRIES},
                connect_timeout=CONNECT,
                read_timeout=ANSWER,
                proxies={},
                # Of the sums that the library would add by itself not every server knows.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
            self._known = boto3.session.Session(botocore_session=session).client(
                "s3",
                endpoint_url=self._place.endpoint,
                region_name=self._place.region,
                verify=in_memory(self._ca, "s3-ca") if self._ca else True,
                aws_access_key_id=self._account.key.reveal().decode(),
                aws_secret_access_key=self._account.secret.reveal().decode(),
                config=config,
            )
        return self._known

    @contextmanager
    def calling(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, SSLError

        try:
            yield
        except ClientError as error:
            raise self._refused(what, str(error.response.get("Error", {}).get("Code", ""))) from None
        except SSLError:
            raise self._unknown_server(what) from None
        except _OddAnswerError as error:
            raise self._odd(what, f"its answer has no {error}") from None
        except RecursionError:  # how the library follows an answer that always names another place
            raise self._odd(what, "it sends on without end") from None
        except (BotoCoreError, OSError) as error:
            raise self.away(what, type(error).__name__) from None

    def _odd(self, what: str, why: str) -> WorldError:
        return WorldError(
            f"{self.shown}: what answers there is no S3 server that can be used: {why}",
            code="E_S3_REFUSED",
            where=what,
            hint=f"see that snapshots.where.s3.endpoint, {self._place.endpoint}, is the S3 server's own",
        )

    def _unknown_server(self, what: str) -> WorldError:
        known = f"keys/{self._place.ca}" if self._ca else "the public authorities"
        return WorldError(
            f"{self.shown}: {self._place.endpoint} has no certificate by {known}",
            code="E_S3_CERTIFICATE",
            where=what,
            hint="snapshots.where.s3.ca names the file of keys/ with the certificates that sign the server's",
        )

    def _refused(self, what: str, code: str) -> BootstrapError:
        """The server's word for it and not its text: that can hold what was sent."""
        if code in _ABSENT:
            return AbsentError(what)
        if code in _THERE:
            return ThereError(what)
        word = code if _NAME.fullmatch(code) else "an error without a name"
        if code == "NoSuchBucket":
            return WorldError(
                f"{self.shown}: {self._place.endpoint} has no such bucket: {word}",
                code="E_S3_REFUSED",
                where=what,
                hint="compare its name with snapshots.where.s3.bucket; this program makes none",
            )
        if code in _DENIED:
            return WorldError(
                f"{self.shown}: the S3 server refuses this login or right: {word}",
                code="E_S3_DENIED",
                where=what,
                hint="compare the secret that snapshots.where.s3.credentials names, and what it may in the bucket",
            )
        return WorldError(
            f"{self.shown}: the S3 server refuses: {word}",
            code="E_S3_REFUSED",
            where=what,
            hint="make room there, or see its own log; nothing half-written has a name",
        )

    def away(self, what: str, why: str) -> Transient:
        return Transient(
            f"{self.shown}: the S3 server does not answer: {why}",
            code="E_S3_AWAY",
            where=what,
            hint=f"see that {self._place.endpoint} answers; nothing half-written has a name",
        )


class _OddAnswerError(Exception):
    """An answer without a part that S3's have."""


def _part(answer: Any, name: str) -> Any:
    try:
        return answer[name]
    except (KeyError, TypeError):
        raise _OddAnswerError(name) from None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class AbsentError(WorldError):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not there", code="E_S3_REFUSED", where=what)


class ThereError(WorldError):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is there already", code="E_EXISTS", where=what)


class Upload:
    """A snapshot on its way: a ``Target``. DefinitionError E_EXISTS."""

    def __init__(self, bucket: S3Bucket, name: str, about: About) -> None:
        self._bucket = bucket
        self._name = name
        self._about = about
        self._held = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._upload = ""

    @property
    def _shown(self) -> str:
        return f"{self._bucket.shown.rstrip('/')}/{self._name}"

    def begin(self) -> None:
        not_over_another(self._is_there(), self._shown)
        marks = {"cluster": self._about.cluster, "time": self._about.time, "save": self._about.save}
        with self._bucket.calling(self._name):
            begun = self._bucket.client.create_multipart_upload(**self._bucket.at(self._name), Metadata=marks)
            self._upload = str(_part(begun, "UploadId"))

    def write(self, data: bytes) -> None:
        self._held += data
        while len(self._held) >= PART:
            self._send(bytes(self._held[:PART]))
            del self._held[:PART]

    def finish(self) -> None:
        if self._held or not self._parts:
            self._send(bytes(self._held))
            self._held.clear()
        not_over_another(self._is_there(), self._shown)  # of a save that ran beside this one
        try:
            with self._bucket.calling(self._name):
                self._bucket.client.complete_multipart_upload(
                    **self._bucket.at(self._name),
                    UploadId=self._upload,
                    MultipartUpload={"Parts": self._parts},
                    IfNoneMatch="*",
                )
        except BootstrapError as error:
            if not self._is_ours(error):
                raise
        self._upload = ""

    def abort(self) -> None:
        if not self._upload:
            return
        try:
            with self._bucket.calling(self._name):
                self._bucket.client.abort_multipart_upload(
                    **self._bucket.at(self._name), UploadId=self._upload
                )
        except BootstrapError:  # what went wrong before is what to hear of; a later save ends what is left
            pass
        self._upload = ""

    def _send(self, data: bytes) -> None:
        number = len(self._parts) + 1
        with self._bucket.calling(self._name):
            sent = self._bucket.client.upload_part(
                **self._bucket.at(self._name), UploadId=self._upload, PartNumber=number, Body=data
            )
            self._parts.append({"ETag": _part(sent, "ETag"), "PartNumber": number})

    def _is_there(self) -> bool:
        try:
            with self._bucket.calling(self._name):
                self._bucket.client.head_object(**self._bucket.at(self._name))
        except AbsentError:
            return False
        return True

    def _is_ours(self, error: BootstrapError) -> bool:
        """Whether it was done although the answer says otherwise, or did not come."""
        known = self._bucket.about(self._name)
        if known is not None and known.save == self._about.save:
            return True
        if isinstance(error, ThereError):
            not_over_another(True, self._shown)
        if isinstance(error, Transient):
            raise UnknownOutcome(
                f"{self._shown}: whether it was completed is not known",
                code="E_S3_AWAY",
                where=self._name,
                hint="bootstrap snapshot save again: it has another name",
            )
        return False
