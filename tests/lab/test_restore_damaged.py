"""A platform whose Vault lost its volumes comes back in place, its operator running until then (INV1, INV4, INV5)."""

import base64
import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.platform import Platform
from tests.lab.support.state import authority, sealed, statements, voters
from tests.lab.support.vault import as_run
from tests.lab.support.waiting import until
from tests.support.program import (
    BOOTSTRAP,
    assert_decent,
    assert_refused,
    commit_all,
    hostile,
    new_home,
    run_bootstrap,
    said,
)

pytestmark = [pytest.mark.lab, pytest.mark.whole]
PODS = ("vault-0", "vault-1", "vault-2")
NAME, FIELD = "alert-webhook", "url"
OLD, LATER = b"https://before.example/snapshot", b"https://after.example/snapshot"


def set_value(platform: Platform, value: bytes) -> None:
    home = new_home()
    more = ("--field", FIELD, "--value", "-", "--reason", "it leaked")
    command = [str(BOOTSTRAP), "set", NAME, *platform.to_cluster(), *more]
    done = subprocess.run(command, env=hostile(home), cwd=home, input=value, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stderr.decode()


def consumer(platform: Platform) -> tuple[str, str]:
    """Namespace and name of its materialized Secret."""
    first = platform.sources.secrets()[NAME]["consumers"][0]
    return str(first["namespace"]), str(first["secret"])


def consumed(kube: Kube, platform: Platform) -> bytes:
    namespace, name = consumer(platform)
    return base64.b64decode(kube.need("secret", name, namespace)["data"][FIELD])


@pytest.fixture(scope="module")
def file(platform: Platform, empty_cluster: Kube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved before its last value; then every volume of Vault is lost, and new, empty nodes answer."""
    kube, found = empty_cluster, tmp_path_factory.mktemp("saved") / "platform.snapshot"
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    set_value(platform, OLD)
    commit_all(platform.folder, "records")
    options = platform.to_cluster()
    at = options.index("--root")
    done = run_bootstrap("snapshot", "save", *options[:at], *options[at + 2 :], "--out", found)
    assert done.returncode == 0, said(done)
    set_value(platform, LATER)
    until(lambda: consumed(kube, platform) == LATER, 60, "the later value is materialized")
    lose_volumes(kube)
    until(lambda: empty_nodes(kube) == 3, 120, "new, empty nodes answer")
    return found


def lose_volumes(kube: Kube) -> None:
    """All at once: no node of before serves one that is new."""
    scale = ("scale", "statefulset", "vault", "-n", "vault")
    kube.run(*scale, "--replicas=0")
    until(lambda: not any(kube.get("pod", pod, "vault") for pod in PODS), 120, "Vault has stopped")
    claims = [f"data-{pod}" for pod in PODS]
    kube.run("delete", "persistentvolumeclaim", *claims, "-n", "vault", "--timeout=90s")
    kube.run(*scale, "--replicas=3")


def empty_nodes(kube: Kube) -> int:
    found = 0
    for pod in PODS:
        status = ("exec", "-n", "vault", pod, "-c", "vault", "--", "vault", "status", "-format=json")
        done = kube.try_run(*status)
        found += bool(done.stdout.strip()) and not json.loads(done.stdout)["initialized"]
    return found


def operator_pods(kube: Kube) -> int:
    return len(kube.list("pods", "external-secrets", "app.kubernetes.io/name=external-secrets"))


def test_inv4_what_would_be_lost_is_named_and_nothing_is_changed(
    file: Path, platform: Platform, kube: Kube
) -> None:
    audit = ApiAudit(kube.lab.audit_log)
    done = run_bootstrap("up", *platform.to_cluster(), "--restore", file)
    assert_refused(done, 5, "E_SNAPSHOT_STALE", "/".join(consumer(platform)), f"written since: {NAME}")
    assert LATER.decode() not in said(done)
    assert audit.mutations() == []
    assert consumed(kube, platform) == LATER
    assert operator_pods(kube) == 1


def test_inv1_approved_it_comes_back_in_place(file: Path, platform: Platform, kube: Kube) -> None:
    begun = time.monotonic()
    done = run_bootstrap("up", *platform.to_cluster(), "--restore", file, "--approve", "stale-snapshot")
    print(f"restored in place in {time.monotonic() - begun:.0f} s")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    assert consumed(kube, platform) == OLD
    assert operator_pods(kube) == 1
    assert sealed(kube) == []
    with as_run(kube, authority(platform)) as vault:
        assert voters(vault) == ["vault-0", "vault-1", "vault-2"]
    done = run_bootstrap("verify", *platform.to_cluster(), "--deep")
    assert done.returncode == 0, said(done)
    done = run_bootstrap("up", *platform.to_cluster())
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True), said(done)


def test_h4_one_ledger_tells_what_was_given_up(file: Path, platform: Platform, kube: Kube) -> None:
    records = statements(kube)
    found = [each["details"] for each in records if each["phase"] == "RESTORED"]
    assert found
    assert {each["accepted"] for each in found} == {"stale-snapshot"}
    assert {each["changedSince"] for each in found} == {NAME}
    assert {each["differed"] for each in found} == {"/".join(consumer(platform))}
    assert list((platform.folder / "records" / kube.uid()).glob("superseded-*"))
    phases = [each["phase"] for each in records]
    assert "RETIRED" in phases[phases.index("RESTORED") :]
