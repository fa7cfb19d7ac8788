"""What a job of snapshots is given comes back as it was written, or is refused (INV1)."""

from dataclasses import replace

import pytest

from bootstrap.model.catalog import Bucket
from bootstrap.model.errors import PreconditionError
from bootstrap.model.snapshot_settings import Settings

SETTINGS = Settings(
    platform="demo",
    environment="",
    cluster="uid-1",
    vault_namespace="vault",
    replicas=3,
    keep=7,
    secrets={"alpha": "platform/demo/alpha"},
)


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        replace(
            SETTINGS,
            bucket=Bucket(endpoint="https://s3.example.test", bucket="saved", credentials="alpha"),
            credentials="platform/demo/alpha",
            bucket_ca="a CA",
        ),
    ],
    ids=["a volume", "a bucket"],
)
def test_they_come_back_as_they_were_written(settings: Settings) -> None:
    assert Settings.from_bytes(settings.to_text().encode(), "the folder") == settings


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b'{"platform": "demo"}', b"\xff"])
def test_what_up_did_not_write_is_refused(data: bytes) -> None:
    with pytest.raises(PreconditionError) as caught:
        Settings.from_bytes(data, "the folder")
    assert (caught.value.code, caught.value.where) == ("E_SNAPSHOT_SETTINGS", "the folder")
    assert caught.value.hint
