"""Each claim of `verify` is broken by what breaks it, and by nothing else (H4, INV1-INV8).

The violations are those of ``tests/seeds``; ``tests/lab/test_verify_seeds.py`` plants the same on real servers.
"""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from bootstrap.operations.verify.invariants import CLAIMS, prove
from bootstrap.operations.verify.proof import State
from tests.seeds.every import SEEDS
from tests.seeds.hand import Seed
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform, scaffolded

# One way to break it, and why there is no other.
ONE_WAY = {
    "cluster-identity": "the window holds one cluster id",
    "values": "version 1 is written once",
    "retirement": "a record is there or not",
    "scaffolds-refused": "it is asked live",
    "snapshots": "a platform of `init` declares none; tests/simulated/test_snapshot_job.py has the others",
    "residuals": "of what is left alive the unseal key alone can be undeclared",
}


@pytest.fixture(scope="module")
def scaffold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaffold")
    scaffolded(folder)
    return folder


@pytest.fixture
def platform(tmp_path: Path, scaffold: Path) -> SimulatedPlatform:
    """Finished, on a repository of its own: a seed may commit."""
    shutil.copy(scaffold / "root.key", tmp_path)
    shutil.copytree(scaffold / "platform", tmp_path / "platform")
    made = SimulatedPlatform(tmp_path, tmp_path / "platform")
    made.up()
    return made


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.id)
def test_h4_a_violation_is_found_and_named(platform: SimulatedPlatform, seed: Seed) -> None:
    values = values_of(platform)
    seed.plant(SimulatedHand(platform))
    proofs = {proof.id: proof for proof in prove(platform.world(), deep=True)}
    found = proofs[seed.claim]
    assert found.state is State.BROKEN, found
    assert seed.named in found.evidence, found.evidence
    broken = {proof.requirement for proof in proofs.values() if proof.state is State.BROKEN}
    assert broken - seed.also <= {found.requirement}, [p for p in proofs.values() if p.state is State.BROKEN]
    assert [p.id for p in proofs.values() if p.state is State.LEFT_OUT] == []
    told = "".join(proof.evidence + proof.hint for proof in proofs.values())
    assert not [value for value in values if value in told], "a value is shown"


def values_of(platform: SimulatedPlatform) -> list[str]:
    """What no proof may show: the values in Vault that are not found by chance."""
    versions = [v for secret in platform.vault.live().secrets.values() for v in secret.versions]
    texts = [value.reveal().decode() for version in versions for value in version.values()]
    return [text for text in texts if len(text) > 8]


def test_every_claim_has_a_violation_and_two_where_there_are_two_ways() -> None:
    counted = Counter(seed.claim for seed in SEEDS)
    assert set(counted) == {claim.id for claim in CLAIMS}
    assert {name for name, count in counted.items() if count == 1} == set(ONE_WAY)


def test_names_of_violations_and_of_claims_are_used_once() -> None:
    assert len({seed.id for seed in SEEDS}) == len(SEEDS)
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


def test_each_invariant_has_a_line() -> None:
    assert {f"INV{n}" for n in range(1, 9)} <= {claim.requirement for claim in CLAIMS}
