"""A platform that nobody asks anything of costs next to nothing, and is unsealed again all the same (G4, G7)."""

import time

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.processor import cores
from tests.lab.support.state import authority, sealed
from tests.lab.support.vault import active_pod, as_root

pytestmark = pytest.mark.lab
IDLE = 40.0  # seconds of measuring
BESIDE, VAULTS = 0.05, 0.10  # cores, three of each together
WITHIN = 5.0  # seconds


def test_nobody_asking_vault_and_what_is_beside_it_are_idle(road: Road, kube: Kube) -> None:
    assert sealed(kube) == []
    time.sleep(10)  # what came before is over
    taken = cores(kube, IDLE, "unsealer", "renewer", "vault")
    print({name: round(each, 3) for name, each in taken.items()})
    assert taken["unsealer"] + taken["renewer"] <= BESIDE
    assert taken["vault"] <= VAULTS


def test_g4_what_is_sealed_is_unsealed_within_seconds(road: Road, kube: Kube) -> None:
    with as_root(kube, authority(road.platform), active_pod(kube)) as root:
        assert root.ask("POST", "sys/seal").status_code == 204
        begun = time.monotonic()
        while root.session.get(f"{root.base}/v1/sys/seal-status", verify=str(root.authority)).json()[
            "sealed"
        ]:
            assert time.monotonic() - begun < 60
            time.sleep(0.1)
        seconds = time.monotonic() - begun
        print(f"unsealed after {seconds:.1f} s")
    assert seconds <= WITHIN
