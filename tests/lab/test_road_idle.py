"""A platform that nobody asks anything of costs next to nothing, and is unsealed again all the same (G4, G7)."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.processor import cores, group, programs
from tests.lab.support.state import authority, sealed
from tests.lab.support.vault import active_pod, as_root

pytestmark = pytest.mark.lab
IDLE = 40.0  # seconds of measuring
BESIDE, VAULTS = 0.05, 0.10  # cores, three of each together
LOOKING, OFTEN = 15.0, 0.02  # seconds: a program of 360 MB runs for longer than that
WITHIN, LATEST = 5.0, 60.0  # seconds: where nothing else runs on this machine, and where much does


def begun_meanwhile(kube: Kube, pod: str, container: str, during: Callable[[], object]) -> list[str]:
    """The name of each program of Vault that begins in the container."""
    folder, over = group(kube, pod, container), threading.Event()
    there = programs(folder)
    met: dict[int, str] = {}

    def look() -> None:
        while not over.wait(OFTEN):
            met.update(programs(folder))

    watch = threading.Thread(target=look)
    watch.start()
    try:
        during()
    finally:
        over.set()
        watch.join()
    return [name for number, name in met.items() if number not in there and name == "vault"]


def test_nobody_asking_no_program_of_vault_is_started(road: Road, kube: Kube) -> None:
    """None by a probe; one a minute by what unseals."""
    assert sealed(kube) == []
    pod = active_pod(kube)
    assert begun_meanwhile(kube, pod, "vault", lambda: kube.in_vault(pod, "vault", "status")) == ["vault"]
    assert begun_meanwhile(kube, pod, "vault", lambda: time.sleep(LOOKING)) == []
    assert len(begun_meanwhile(kube, pod, "unsealer", lambda: time.sleep(LOOKING))) <= 1


@pytest.mark.whole
def test_nobody_asking_vault_and_what_is_beside_it_are_idle(road: Road, kube: Kube) -> None:
    """Nothing else may run on this machine."""
    assert sealed(kube) == []
    time.sleep(10)  # what came before is over
    taken = cores(kube, IDLE, "unsealer", "renewer", "vault")
    print({name: round(each, 3) for name, each in taken.items()})
    assert taken["unsealer"] + taken["renewer"] <= BESIDE
    assert taken["vault"] <= VAULTS


def test_g4_what_is_sealed_is_unsealed_within_seconds(road: Road, kube: Kube, whole: bool) -> None:
    with as_root(kube, authority(road.platform), active_pod(kube)) as root:
        assert root.ask("POST", "sys/seal").status_code == 204
        begun = time.monotonic()
        while root.session.get(f"{root.base}/v1/sys/seal-status", verify=str(root.authority)).json()[
            "sealed"
        ]:
            assert time.monotonic() - begun < LATEST
            time.sleep(0.1)
        seconds = time.monotonic() - begun
        print(f"unsealed after {seconds:.1f} s")
    assert not whole or seconds <= WITHIN
