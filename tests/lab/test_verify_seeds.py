"""Each claim of `verify` is broken by what breaks it, on real servers (H4, INV1-INV8): the list of ``tests/seeds``."""

import json

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.hand import hand_on
from tests.seeds.every import SEEDS
from tests.seeds.hand import Seed
from tests.support.program import run_bootstrap, said

pytestmark = [pytest.mark.lab, pytest.mark.whole]


def test_a_finished_road_has_every_proof(road: Road) -> None:
    """The control: without a violation nothing is broken, waits, or is left out."""
    done = run_bootstrap("verify", *road.platform.to_cluster(), "--deep", "-o", "json")
    assert done.returncode == 0, said(done)
    assert {p["state"] for p in json.loads(done.stdout)["proofs"]} == {"holds"}


def test_without_the_root_proofs_are_left_out_and_named(road: Road) -> None:
    arguments = road.platform.to_cluster()
    at = arguments.index("--root")
    done = run_bootstrap("verify", *arguments[:at], *arguments[at + 2 :])
    assert done.returncode == 9, said(done)
    assert "proofs left out: " in done.stdout


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.id)
def test_h4_a_violation_is_found_and_named(road: Road, kube: Kube, seed: Seed) -> None:
    with hand_on(kube, road.platform) as hand:
        seed.plant(hand)
        done = run_bootstrap("verify", *road.platform.to_cluster(), "--deep", "-o", "json")
    mended = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 6, said(done)
    proofs = {proof["id"]: proof for proof in json.loads(done.stdout)["proofs"]}
    found = proofs[seed.claim]
    assert found["state"] == "BROKEN", found
    assert seed.named in found["evidence"], found["evidence"]
    broken = {p["requirement"] for p in proofs.values() if p["state"] == "BROKEN"}
    assert broken - seed.also <= {found["requirement"]}
    assert mended.returncode == 0, said(mended)
