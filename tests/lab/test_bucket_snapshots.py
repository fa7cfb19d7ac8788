"""The cluster saves snapshots into a bucket: a real S3 server with TLS, reached from a pod (INV1, S2, G4)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.ports import Opened
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.plugin import lab_command
from tests.lab.support.snapshot_jobs import declared, ended, log, start
from tests.support.program import assert_decent, assert_refused, commit_all, run_bootstrap, said
from tests.support.s3_server import BUCKET, SECRET, S3Server, s3_server
from tests.support.tls_server import authority

pytestmark = [pytest.mark.lab, pytest.mark.whole]
AUTHORITY = authority("a CA of the storage's own")
KEEP = 2
CREDENTIALS = """\
apiVersion: bootstrap/v1
kind: Secret
metadata: {name: snapshot-bucket}
spec:
  class: runtime
  owner: platform-team
  purpose: By which snapshots are put into their bucket
  source: {file: encrypted/bucket.sops.yaml, key: login}
  runtime: {path: platform/snapshot-bucket}
"""


@pytest.fixture(scope="module")
def server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Inside the lab's own network, on its node's address: pods reach it, and nothing leaves the machine."""
    facts = json.loads(lab_command("status", "--name", lab.name, "-o", "json"))
    folder = tmp_path_factory.mktemp("s3")
    files = (folder / "server.crt", folder / "server.key")
    address = str(facts["address"])
    for path, content in zip(files, AUTHORITY.leaf(address), strict=True):
        path.write_bytes(content)
    inside = ("nsenter", "--target", str(facts["pid"]), "--net")
    with s3_server(folder / "root", folder / "sidecar", host=address, tls=files, inside=inside) as found:
        yield found


@pytest.fixture(scope="module")
def platform(
    server: S3Server, empty_cluster: Kube, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    platform = make_platform(tmp_path_factory.mktemp("bucket"), lab)
    login: Opened = {"access-key-id": server.key(), "secret-access-key": server.secret()}
    holders = tuple(
        line for line in (platform.keys / "root.txt").read_text().splitlines() if line.startswith("age1")
    )
    tree = encrypt_yaml({"login": login}, holders)
    (platform.folder / "encrypted" / "bucket.sops.yaml").write_bytes(tree)
    (platform.folder / "secrets" / "bucket.yaml").write_text(CREDENTIALS)
    (platform.folder / "keys" / "s3-ca.crt").write_bytes(AUTHORITY.pem)
    place = json.dumps(
        {"endpoint": server.endpoint, "bucket": BUCKET, "prefix": "of/demo", "ca": "s3-ca.crt"}
        | {"credentials": "snapshot-bucket"}
    )
    declare(platform, declared(lab, keep=KEEP).replace("{pvc: {size: 1Gi}}", f"{{s3: {place}}}"))
    return platform


def declare(platform: Platform, text: str) -> None:
    path = platform.folder / "bootstrap.yaml"
    path.write_text(path.read_text() + text)
    commit_all(platform.folder)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert_decent(done)


def saved(server: S3Server) -> list[Path]:
    return sorted((server.root / BUCKET / "of" / "demo").glob("*.snapshot"))


def test_inv1_a_job_in_a_pod_saves_into_the_bucket(platform: Platform, kube: Kube, server: S3Server) -> None:
    for number in range(KEEP + 1):
        start(kube, f"in-bucket-{number}")
        assert ended(kube, f"in-bucket-{number}") == "Complete", log(kube, f"in-bucket-{number}")
    files = saved(server)
    assert len(files) == KEEP
    noted = json.loads(kube.need("configmap", "snapshot-last", "bootstrap-system")["data"]["last.json"])
    assert (noted["file"], noted["kept"]) == (files[-1].name, KEEP)
    root = ("--repo", platform.folder, "--root", f"file:{platform.root_key}", "--non-interactive")
    done = run_bootstrap("snapshot", "verify", files[-1], *root, "-o", "json")
    assert done.returncode == 0, said(done)
    assert json.loads(done.stdout)["proven"]


def test_inv1_verify_says_that_it_is_outside(platform: Platform, server: S3Server) -> None:
    done = run_bootstrap("verify", *platform.to_cluster(), "-o", "json")
    assert done.returncode == 0, said(done)
    proof = next(each for each in json.loads(done.stdout)["proofs"] if each["id"] == "snapshots")
    assert (proof["ok"], f"in bucket {BUCKET} at {server.endpoint}" in proof["evidence"]) == (True, True)


def test_b2_the_login_is_nowhere_in_the_cluster(platform: Platform, kube: Kube) -> None:
    """Not in what the job is told, not in its pod, not in its log."""
    told = kube.run("get", "configmaps,jobs,pods,cronjobs", "-n", "bootstrap-system", "-o", "json")
    assert "bucket" in told
    assert SECRET not in told
    assert SECRET not in log(kube, "in-bucket-0")


def test_from_this_machine_it_goes_there_too(platform: Platform, server: S3Server) -> None:
    before = saved(server)
    done = run_bootstrap("snapshot", "save", *platform.to_cluster(), "--out", f"s3://{BUCKET}/by/hand")
    assert done.returncode == 0, said(done)
    assert len(list((server.root / BUCKET / "by" / "hand").glob("*.snapshot"))) == 1
    assert saved(server) == before


def test_inv1_they_are_listed_and_opened_where_they_lie(platform: Platform, server: S3Server) -> None:
    """As those of a folder are: what is not whole is named, and exit 6 says so."""
    place, files = f"s3://{BUCKET}/of/demo", saved(server)
    options = platform.to_cluster()
    without_root = [o for o in options if o not in ("--root", f"file:{platform.root_key}")]
    done = run_bootstrap("snapshot", "list", place, *without_root, "-o", "json")
    assert done.returncode == 0, said(done)
    listed = json.loads(done.stdout)
    assert [each["file"] for each in listed] == [f"{place}/{file.name}" for file in files]
    local = run_bootstrap("snapshot", "list", files[0].parent, "-o", "json")
    assert [e | {"file": ""} for e in listed] == [e | {"file": ""} for e in json.loads(local.stdout)]
    done = run_bootstrap("snapshot", "verify", f"{place}/{files[0].name}", *options, "-o", "json")
    assert done.returncode == 0, said(done)
    assert "every entry opened" in json.loads(done.stdout)["proven"]
    (files[0].parent / "half.snapshot").write_bytes(files[0].read_bytes()[:-512])
    done = run_bootstrap("snapshot", "list", place, *without_root)
    (files[0].parent / "half.snapshot").unlink()
    assert (done.returncode, "E_SNAPSHOT_CUT" in done.stdout) == (6, True), said(done)
    done = run_bootstrap("snapshot", "show", f"{place}/none.snapshot", *without_root)
    assert_refused(done, 2, "E_FILE_MISSING", f"bootstrap snapshot list {place}")
    done = run_bootstrap("snapshot", "list", "s3://another/of/demo", *without_root)
    assert_refused(done, 1, "E_S3_REFUSED", "NoSuchBucket")


def test_a_server_of_another_authority_gets_nothing(platform: Platform, kube: Kube, server: S3Server) -> None:
    (platform.folder / "keys" / "s3-ca.crt").write_bytes(authority("another").pem)
    declare(platform, "")
    before = saved(server)
    done = run_bootstrap("snapshot", "save", *platform.to_cluster(), "--out", f"s3://{BUCKET}/by/hand")
    assert_refused(done, 1, "E_S3_CERTIFICATE", "s3-ca.crt")
    job = kube.need("cronjob", "snapshot", "bootstrap-system")["spec"]["jobTemplate"]["spec"]
    meta = {"name": "another-ca", "namespace": "bootstrap-system"}
    kube.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": job | {"backoffLimit": 0}})
    assert ended(kube, "another-ca") == "Failed"
    assert "E_S3_CERTIFICATE" in log(kube, "another-ca")
    assert saved(server) == before
