"""What an intent says of its entries together: which are handed over, saved and read where."""

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.catalog import Bucket, Consumer, Intent, SecretClass, Snapshots
from tests.support.small_intent import an_intent


def with_snapshots(bucket: Bucket | None) -> Intent:
    intent = an_intent()
    found = replace(intent.platform, snapshots=Snapshots(schedule="0 3 * * *", image="tool:1", bucket=bucket))
    return replace(intent, platform=found, keys={"bucket-ca.crt": b"a CA"})


def bucket(credentials: str = "alpha", ca: str = "") -> Bucket:
    return Bucket(endpoint="https://s3.example.test", bucket="saved", credentials=credentials, ca=ca)


@pytest.mark.parametrize("lacking", [{"source": None}, {"path": None}, {"secret_class": SecretClass.DERIVED}])
def test_what_git_does_not_introduce_or_vault_does_not_own_is_not_handed_over(
    lacking: dict[str, Any],
) -> None:
    intent = an_intent()
    zeta, alpha = intent.secrets
    assert [each.name for each in intent.handovers] == ["zeta", "alpha"]
    assert replace(intent, secrets=(replace(zeta, **lacking), alpha)).handovers == (alpha,)


def test_only_what_a_rebuild_needs_before_vault_is_saved_by_itself() -> None:
    assert an_intent().saved_paths == ("platform/demo/alpha",)


def test_a_bootstrap_copy_is_made_of_what_declares_one() -> None:
    assert [each.name for each in an_intent().scaffolds] == ["alpha"]


def test_a_job_of_snapshots_reads_the_buckets_credentials_beside_what_it_saves() -> None:
    zetas = with_snapshots(bucket("zeta"))
    assert zetas.bucket_path == "applications/demo/zeta"
    assert zetas.job_paths == ("applications/demo/zeta", "platform/demo/alpha")
    for none in (an_intent(), with_snapshots(None), with_snapshots(bucket("unknown"))):
        assert (none.bucket_path, none.job_paths) == ("", ("platform/demo/alpha",))
    unpathed = with_snapshots(bucket("zeta"))
    zeta, alpha = unpathed.secrets
    assert replace(unpathed, secrets=(replace(zeta, path=None), alpha)).bucket_path == ""


def test_a_buckets_server_is_known_by_the_ca_that_is_named() -> None:
    assert with_snapshots(bucket(ca="bucket-ca.crt")).bucket_ca == b"a CA"
    for none in (an_intent(), with_snapshots(None), with_snapshots(bucket())):
        assert none.bucket_ca == b""


def test_a_namespace_reads_the_paths_of_what_it_consumes() -> None:
    intent = an_intent()
    paths = ("applications/demo/zeta", "platform-data/postgres/demo")
    assert intent.reading_namespaces == {"demo": paths}
    unread = replace(intent.secrets[1], path=None, consumers=(Consumer(namespace="other", secret="x"),))
    assert replace(intent, secrets=(intent.secrets[0], unread)).reading_namespaces == {"demo": paths}
