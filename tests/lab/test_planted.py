"""What was put into the cluster before the first `up`: named, left as it is, never adopted (S1, S3)."""

import base64
from pathlib import Path

import pytest

from tests.lab.support.cluster import ApiAudit, Kube, Lab, Object
from tests.lab.support.platform import make_platform
from tests.support.program import assert_decent, assert_refused, run_bootstrap, said

pytestmark = pytest.mark.lab
OURS = {"app.kubernetes.io/managed-by": "bootstrap", "app.kubernetes.io/part-of": "bootstrap"}


def secret(namespace: str, name: str, labels: dict[str, str], **values: bytes) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
        "immutable": True,
    }


def test_what_was_planted_before_the_first_run_stops_it_and_is_not_taken(
    lab: Lab, empty_cluster: Kube, tmp_path: Path, whole: bool
) -> None:
    kube, platform = empty_cluster, make_platform(tmp_path, lab)
    # A share in our form, under our labels.
    kube.run("create", "namespace", "vault")
    kube.apply(secret("vault", "vault-unseal-1", OURS, key=b"0123456789abcdef" * 4))
    audit = ApiAudit(lab.audit_log)
    done = run_bootstrap("up", *platform.to_cluster())
    assert_refused(done, 4, "E_NAME_TAKEN", "Secret vault/vault-unseal-1", "not made with this root key")
    kube.run("delete", "secret", "vault-unseal-1", "-n", "vault")
    # The source of an internal entry, with the key of the root in it.
    entry = next(iter(platform.sources.internals().values()))
    source = entry["source"]
    kube.run("create", "namespace", source["namespace"])
    keys = {name: platform.root_key.read_bytes() for name in entry["properties"]}
    kube.apply(secret(source["namespace"], source["secret"], {}, **keys))
    done = run_bootstrap("up", *platform.to_cluster())
    where = f"{source['namespace']}/{source['secret']}"
    assert_refused(done, 2, "E_ROOT_SOURCE", where, "remove the entry")
    assert platform.root_key.read_text().split()[-1] not in done.stdout + done.stderr
    assert [each for each in audit.mutations() if "bootstrap-system" in each] == []
    kube.run("delete", "secret", source["secret"], "-n", source["namespace"])
    if whole:
        done = run_bootstrap("up", *platform.to_cluster())
        assert done.returncode == 0, said(done)
        assert_decent(done)
