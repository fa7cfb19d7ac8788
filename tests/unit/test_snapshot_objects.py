"""What is made for the jobs that save snapshots: where they write, what they reach, what they are told (INV1, S2)."""

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model import snapshot_settings as folder
from bootstrap.model.catalog import Bucket, Snapshots, Volume
from bootstrap.steps.vault import last_snapshot
from bootstrap.steps.vault.snapshot_objects import (
    CLAIM,
    KUBECONFIG,
    NETWORK,
    OUT,
    SETTINGS,
    made_once,
    objects,
    settings_of,
)
from tests.support.small_intent import an_intent

ON_VOLUME = Snapshots(schedule="0 * * * *", image="program", volume=Volume(size="1Gi"))
IN_BUCKET = Snapshots(
    schedule="0 * * * *",
    image="program",
    bucket=Bucket(endpoint="https://s3.example.test", bucket="saved", prefix="demo/", credentials="alpha"),
)


def made(wanted: Snapshots, **keys: bytes) -> dict[str, Any]:
    """By kind."""
    intent = replace(an_intent(), keys={name.replace("_", "."): content for name, content in keys.items()})
    settings = settings_of(intent, wanted, "uid-1", "")
    return {each["kind"]: each for each in objects(intent, wanted, settings, b"the escrow")}


def pod(wanted: Snapshots) -> Any:
    return made(wanted)["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def reached(endpoint: str) -> Any:
    """What a job's network policy lets it reach for its bucket."""
    assert IN_BUCKET.bucket is not None
    wanted = replace(IN_BUCKET, bucket=replace(IN_BUCKET.bucket, endpoint=endpoint))
    (rule,) = made(wanted)[NETWORK.kind]["spec"]["egress"][3:]
    return [port["port"] for port in rule["ports"]], rule.get("to")


def test_inv1_a_job_writes_onto_its_volume_or_into_its_bucket() -> None:
    spec = pod(ON_VOLUME)
    (container,) = spec["containers"]
    assert container["args"][-2:] == ["--out", OUT]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/bootstrap", OUT]
    assert [each["name"] for each in spec["volumes"]] == ["place", "snapshots"]
    spec = pod(IN_BUCKET)
    (container,) = spec["containers"]
    assert container["args"][-2:] == ["--out", "s3://saved/demo/"]
    assert [mount["name"] for mount in container["volumeMounts"]] == ["place"]
    assert [each["name"] for each in spec["volumes"]] == ["place"]


def test_inv1_the_claim_is_made_where_there_is_a_volume() -> None:
    claim, note = made_once(ON_VOLUME)
    assert (claim["kind"], claim["metadata"]["name"]) == (CLAIM.kind, CLAIM.name)
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }, "without a class the cluster's own"
    assert note == last_snapshot.empty()
    (claim, _) = made_once(replace(ON_VOLUME, volume=Volume(size="1Gi", storage_class="fast")))
    assert claim["spec"]["storageClassName"] == "fast"
    assert made_once(IN_BUCKET) == (last_snapshot.empty(),)


def test_s2_it_is_told_what_is_public_and_nothing_else() -> None:
    told = made(ON_VOLUME, ledger_pub=b"a key", root_asc=b"root", other_key=b"x")[SETTINGS.kind]["data"]
    assert told.pop(folder.SETTINGS).startswith("{")
    assert told == {
        folder.LEDGER_KEY: "a key",
        "root.asc": "root",
        folder.ESCROW: "the escrow",
        folder.KUBECONFIG: KUBECONFIG,
    }


@pytest.mark.parametrize(
    ("endpoint", "ports", "to"),
    [
        ("https://s3.example.test", [443], None),
        ("http://s3.example.test", [80], None),
        ("https://s3.example.test:9000", [9000], None),
        ("https://192.0.2.7", [443], "192.0.2.7/32"),
        ("http://[2001:db8::7]:9000", [9000], "2001:db8::7/128"),
        ("https://", [443], None),
    ],
)
def test_s2_it_reaches_its_bucket_s_server(endpoint: str, ports: list[int], to: str | None) -> None:
    assert reached(endpoint) == (ports, [{"ipBlock": {"cidr": to}}] if to else None)


def test_s2_without_a_bucket_it_reaches_vault_dns_and_the_api_server_alone() -> None:
    assert len(made(ON_VOLUME)[NETWORK.kind]["spec"]["egress"]) == 3


def test_an_image_that_needs_a_pull_secret_is_pulled_with_it() -> None:
    assert "imagePullSecrets" not in pod(ON_VOLUME)
    named = pod(replace(ON_VOLUME, image_pull_secrets=("registry", "mirror")))
    assert named["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror"}]
