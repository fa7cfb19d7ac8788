"""A volume that is replaced after the key was proven: its node joins, and is never initialised (B4, G7)."""

import time

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.state import actual, differences, expected, sealed
from tests.lab.support.vault import VaultAudit
from tests.support.program import assert_decent, run_bootstrap, said

pytestmark = pytest.mark.lab
LIMIT = 180.0  # seconds until a node on an empty volume has joined


def claim(kube: Kube, pod: str) -> str:
    found = kube.get("pvc", f"data-{pod}", "vault")
    return str(found["metadata"]["uid"]) if found else ""


def replace_volume(kube: Kube, pod: str) -> None:
    before = claim(kube, pod)
    kube.run("delete", "pvc", "-n", "vault", f"data-{pod}", "--wait=false")
    kube.run("delete", "pod", "-n", "vault", pod, "--wait=false")
    begun = time.monotonic()
    while time.monotonic() - begun < LIMIT:
        if claim(kube, pod) not in ("", before) and not sealed(kube):
            print(f"{pod} joined on its new volume after {time.monotonic() - begun:.0f} s")
            return
        time.sleep(1)
    raise AssertionError(f"sealed: {sealed(kube)}")


@pytest.mark.parametrize("pod", ["vault-2", "vault-0"])
def test_b4_a_node_on_a_replaced_volume_joins(road: Road, kube: Kube, pod: str) -> None:
    window = kube.need("configmap", "vault-init", "bootstrap-system")["data"]
    replace_volume(kube, pod)
    inside = VaultAudit(kube)
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert_decent(done)
    assert [m for m in inside.mutations() if "sys/init" in m] == []
    assert kube.need("configmap", "vault-init", "bootstrap-system")["data"] == window
    assert differences(expected(road.platform), actual(kube, road.platform)) == []
    done = run_bootstrap("verify", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
