"""The cluster saves snapshots of itself: no person, no root key, and a login for nothing else (INV1, S2, G4)."""

import fcntl
import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.lab.short_lived.conftest import nothing_is_to_be_done
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.killed import kill_vault
from tests.lab.support.platform import Platform
from tests.lab.support.plugin import lab_command
from tests.lab.support.snapshot_jobs import (
    SPACE,
    declared,
    ended,
    fetched,
    log,
    names,
    reading,
    start,
    with_volume,
)
from tests.lab.support.state import authority
from tests.lab.support.vault import Vault, active_pod, as_root, forwarded
from tests.lab.support.waiting import until
from tests.support.program import commit_all, run_bootstrap, said, started

pytestmark = pytest.mark.lab
JOB = "bootstrap-snapshot-job"
# What the others of the platform may do, and what nobody may: each is refused to the job.
REFUSED = [
    ("GET", "secret/data/applications/orders/payment-token", None),
    ("LIST", "secret/metadata/", None),
    ("GET", "secret/metadata/platform/gitops/deploy-credential", None),
    ("POST", "secret/data/platform/gitops/deploy-credential", {"data": {"a": "b"}}),
    ("DELETE", "secret/data/platform/gitops/deploy-credential", None),
    ("DELETE", "secret/metadata/platform/gitops/deploy-credential", None),
    ("GET", "sys/policies/acl/bootstrap-run", None),
    ("POST", "sys/policies/acl/bootstrap-snapshot-job", {"policy": 'path "*" { capabilities = ["read"] }'}),
    ("POST", f"auth/kubernetes/role/{JOB}", {"token_policies": ["bootstrap-run"]}),
    ("GET", "auth/kubernetes/role/bootstrap-run", None),
    ("POST", "auth/token/create", {}),
    ("POST", "auth/token/create-orphan", {}),
    ("POST", "auth/token/revoke-accessor", {"accessor": "a"}),
    ("POST", "auth/token/renew-self", {}),
    ("GET", "auth/token/lookup-self", None),
    ("POST", "sys/storage/raft/snapshot", None),
    ("POST", "sys/storage/raft/snapshot-force", None),
    ("GET", "sys/storage/raft/configuration", None),
    ("POST", "sys/seal", {}),
    ("POST", "sys/rotate", {}),
    ("GET", "sys/audit", None),
    ("POST", "sys/audit/other", {"type": "file"}),
    ("GET", "sys/mounts", None),
    ("POST", "sys/mounts/other", {"type": "kv"}),
    ("GET", "identity/entity/name/ns-orders", None),
    ("GET", "cubbyhole/a", None),
]


@pytest.fixture(scope="module")
def volume(platform: Platform, kube: Kube) -> Iterator[None]:
    """Three in a row are on it."""
    for number in range(3):
        start(kube, f"by-hand-{number}")
        assert ended(kube, f"by-hand-{number}") == "Complete", log(kube, f"by-hand-{number}")
    with reading(kube):
        yield


def verified(platform: Platform, path: Path) -> dict[str, object]:
    root = ("--repo", platform.folder, "--root", f"file:{platform.root_key}", "--non-interactive")
    done = run_bootstrap("snapshot", "verify", path, *root, "-o", "json")
    assert done.returncode == 0, said(done)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_inv1_three_in_a_row_open_with_the_root(
    platform: Platform, kube: Kube, volume: None, tmp_path: Path
) -> None:
    files = names(kube)
    assert len(files) == 3
    for name in files:
        found = verified(platform, fetched(kube, name, tmp_path))
        assert found["proven"]
        assert found["bootstrapSecrets"]
        assert found["withoutRecord"] == []


def test_inv1_status_and_verify_say_so(platform: Platform, kube: Kube, volume: None) -> None:
    newest = names(kube)[-1]
    done = run_bootstrap("status", *platform.to_cluster(), "-o", "json")
    assert done.returncode == 0, said(done)
    told = json.loads(done.stdout)["snapshots"]
    assert (told["last"]["file"], told["overdue"], told["last"]["kept"]) == (newest, False, 3)
    done = run_bootstrap("verify", *platform.to_cluster(), "-o", "json")
    assert done.returncode == 0, said(done)
    proof = next(each for each in json.loads(done.stdout)["proofs"] if each["id"] == "snapshots")
    assert (proof["ok"], newest in proof["evidence"]) == (True, True)


def test_a_second_up_has_nothing_to_do(platform: Platform, volume: None) -> None:
    nothing_is_to_be_done(platform)


@pytest.fixture(scope="module")
def as_job(platform: Platform, kube: Kube) -> Iterator[Vault]:
    pod = active_pod(kube)
    with forwarded(kube, pod) as base:
        vault = Vault(base, authority(platform), kube.token(SPACE, JOB, "vault"), JOB)
        yield vault
        with suppress(
            requests.RequestException
        ):  # its node was killed meanwhile; the token ends within the hour
            vault.close()


@pytest.mark.parametrize(
    ("method", "path", "body"), REFUSED, ids=lambda each: each if isinstance(each, str) else ""
)
def test_s2_its_login_can_do_nothing_else(as_job: Vault, method: str, path: str, body: object) -> None:
    assert as_job.ask(method, path, body).status_code == 403


def test_s2_what_it_may_is_granted(as_job: Vault) -> None:
    """So that the refusals are refusals of a login that works."""
    assert as_job.ask("LIST", "auth/token/accessors").status_code == 200
    assert as_job.ask("GET", "secret/data/platform/gitops/deploy-credential").status_code == 200


def test_s2_in_kubernetes_it_reads_no_secret(platform: Platform, kube: Kube) -> None:
    who = f"--as=system:serviceaccount:{SPACE}:{JOB}"

    def may(*what: str) -> bool:
        return kube.try_run("auth", "can-i", *what, who).stdout.strip() == "yes"

    assert may("list", "configmaps", "-n", SPACE)
    assert may("update", "configmap/snapshot-last", "-n", SPACE)
    for verb, what, space in (
        ("get", "secrets", SPACE),
        ("get", "secret/vault-unseal-1", "vault"),
        ("update", "configmap/ledger-head", SPACE),
        ("create", "configmaps", SPACE),
        ("delete", "configmaps", SPACE),
        ("create", "pods", SPACE),
        ("create", "serviceaccounts/token", SPACE),
        ("get", "pods", "vault"),
        ("list", "configmaps", "default"),
    ):
        assert not may(verb, what, "-n", space), f"{verb} {what} in {space}"


def test_a_full_volume_is_said_and_leaves_nothing(platform: Platform, kube: Kube, volume: None) -> None:
    last = kube.need("configmap", "snapshot-last", SPACE)["data"]
    kube.apply(with_volume(kube, "full", {"emptyDir": {"medium": "Memory", "sizeLimit": "64Ki"}}))
    assert ended(kube, "full") == "Failed"
    assert "E_OUT" in log(kube, "full")
    assert kube.need("configmap", "snapshot-last", SPACE)["data"] == last


def test_inv1_the_active_node_dies_and_no_half_file_has_a_name(
    platform: Platform, kube: Kube, volume: None, tmp_path: Path
) -> None:
    start(kube, "killed")
    over = time.monotonic() + 60
    while time.monotonic() < over and not kube.list("pods", SPACE, "job-name=killed"):
        time.sleep(0.2)
    kube.run("delete", "pod", "-n", "vault", active_pod(kube), "--grace-period=0", "--force")
    outcome = ended(kube, "killed")
    print(f"the job ended as {outcome}: {log(kube, 'killed')[-300:]}")
    files = names(kube)
    assert len(files) == 3, files  # the oldest went for one that was saved
    assert not [name for name in files if name.startswith(".")]
    for name in files:
        verified(platform, fetched(kube, name, tmp_path))
    kube.run("wait", "-n", "vault", "--for=condition=Ready", "pod", "--all", "--timeout=180s")


@pytest.mark.whole
def test_two_at_once_on_one_volume_are_one_and_a_refusal(
    platform: Platform, kube: Kube, lab: Lab, volume: None
) -> None:
    """The lock is held on the node as another job holds it."""
    before, last = names(kube), kube.need("configmap", "snapshot-last", SPACE)["data"]
    with (on_the_node(kube, lab) / ".lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        kube.apply(with_volume(kube, "second", {"persistentVolumeClaim": {"claimName": "snapshots"}}))
        assert ended(kube, "second") == "Failed"
    assert "E_SNAPSHOT_HELD" in log(kube, "second")
    assert names(kube) == before
    assert kube.need("configmap", "snapshot-last", SPACE)["data"] == last


def on_the_node(kube: Kube, lab: Lab) -> Path:
    """The folder of the volume, as this machine sees it."""
    claim = kube.need("persistentvolumeclaim", "snapshots", SPACE)
    volume = kube.need("persistentvolume", claim["spec"]["volumeName"])["spec"]
    facts = json.loads(lab_command("status", "--name", lab.name, "-o", "json"))
    return Path(f"/proc/{facts['pid']}/root{(volume.get('hostPath') or volume['local'])['path']}")


@pytest.mark.whole
def test_two_at_once_by_hand_are_two_whole_files_or_one_and_a_refusal(
    platform: Platform, tmp_path: Path
) -> None:
    command = ("snapshot", "save", *platform.to_cluster(), "--out", tmp_path)
    with started(*command) as first, started(*command) as second:
        ends = [each.communicate(timeout=300) for each in (first, second)]
        codes = [each.returncode for each in (first, second)]
    assert 0 in codes, ends
    assert all("E_EXISTS" in end[1] for end, code in zip(ends, codes, strict=True) if code), ends
    files = sorted(tmp_path.iterdir())
    assert [file.suffix for file in files] == [".snapshot"] * codes.count(0)
    for file in files:
        verified(platform, file)


BULK = 48  # secrets of nearly a MiB each: more than lies in the buffers between Vault and a save


@pytest.fixture
def bulk(platform: Platform, kube: Kube) -> Iterator[None]:
    """A Vault whose snapshot takes its time, in a mount of its own."""
    with as_root(kube, authority(platform), active_pod(kube)) as root:
        assert root.ask("POST", "sys/mounts/bulk", {"type": "kv"}).ok
        for number in range(BULK):
            assert root.ask("POST", f"bulk/{number}", {"v": secrets.token_hex(350_000)}).ok
    yield
    with as_root(kube, authority(platform), active_pod(kube)) as root:
        assert root.ask("DELETE", "sys/mounts/bulk").ok


@pytest.mark.whole
def test_inv1_the_active_node_dies_in_the_middle_of_the_stream(
    platform: Platform, kube: Kube, bulk: None, tmp_path: Path
) -> None:
    """The save stands still once a part is on the disk, its Vault is killed, and the save goes on."""
    command = ("snapshot", "save", *platform.to_cluster(), "--out", tmp_path)
    with started(*command) as process:
        over = time.monotonic() + 120
        while not any(each.stat().st_size >= 1 << 20 for each in tmp_path.iterdir()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < over
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGSTOP)
        begun = [each.stat().st_size for each in tmp_path.iterdir()]
        assert kill_vault(kube, active_pod(kube))
        os.kill(process.pid, signal.SIGCONT)
        _, told = process.communicate(timeout=300)
    assert process.returncode == 1, told
    assert "E_RAFT_CUT" in told or "E_VAULT_AWAY" in told, told
    assert "hint:" in told
    assert begun[0] < BULK * 700_000
    assert list(tmp_path.iterdir()) == []
    until(lambda: leads(kube), 180, "a node leads")
    done = run_bootstrap(*command)
    assert done.returncode == 0, said(done)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size > BULK * 700_000
    verified(platform, file)


def leads(kube: Kube) -> bool:
    """Whether a node does."""
    try:
        return bool(active_pod(kube))
    except (AssertionError, StopIteration):
        return False


def test_g4_what_is_no_longer_declared_goes_but_for_the_volume(
    platform: Platform, kube: Kube, lab: Lab, volume: None
) -> None:
    path = platform.folder / "bootstrap.yaml"
    path.write_text(path.read_text().replace(declared(lab), ""))
    commit_all(platform.folder)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    for kind, name in (("cronjob", "snapshot"), ("role", JOB), ("serviceaccount", JOB)):
        assert kube.get(kind, name, SPACE) is None
    assert kube.get("persistentvolumeclaim", "snapshots", SPACE) is not None
    with forwarded(kube, active_pod(kube)) as base, pytest.raises(AssertionError):
        Vault(base, authority(platform), kube.token(SPACE, "default", "vault"), JOB)
