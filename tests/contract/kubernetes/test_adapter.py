"""What only the adapter on a real server can show: no value in a log or a refusal, nothing on disk."""

import logging
import tempfile
import uuid
from pathlib import Path

import pytest

from bootstrap.adapters.kubernetes.api import KubeApi
from bootstrap.adapters.kubernetes.cluster import KubeCluster
from bootstrap.adapters.kubernetes.kubeconfig import Access
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster, Reason
from tests.contract.objects import made, ref, refused, secret, with_meta

CANARY = b"canary-\x00\xfe\xff-" + uuid.uuid4().bytes


def test_a_value_shows_nowhere(cluster: Cluster, namespace: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    obj = secret(namespace, immutable=True, data={"a": Sensitive(CANARY), "empty": Sensitive(b"")})
    first = made(cluster.create(obj))
    live = made(cluster.get(ref(obj)))
    assert live["data"] == {"a": Sensitive(CANARY), "empty": Sensitive(b"")}
    [listed] = cluster.list("v1", "Secret", namespace)
    assert listed["data"]["a"] == Sensitive(CANARY)
    changed = {**first, "data": {"a": Sensitive(b"canary-other")}}
    assert "canary" not in refused(cluster.replace(changed), Reason.INVALID).detail
    assert made(cluster.replace(with_meta(first, labels={"a": "b"})))["data"]["a"] == Sensitive(CANARY)
    assert "canary" not in caplog.text + repr(live)


@pytest.mark.only("real", reason="the simulator has no client library")
def test_nothing_is_written_to_the_temporary_folder(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fresh = KubeCluster(KubeApi(access))
    fresh.version()
    fresh.list("apps/v1", "Deployment")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.only("real", reason="the simulator's UIDs are numbers")
def test_the_identity_is_a_uuid(cluster: Cluster) -> None:
    uuid.UUID(cluster.uid())
