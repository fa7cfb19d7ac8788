"""S2: `verify` changes nothing, and asks of the whole cluster what the page of permissions says, and no more."""

from typing import Any

import pytest

from bootstrap.operations.verify.invariants import CLAIMS, prove
from bootstrap.operations.verify.proof import Proof, State
from bootstrap.ports import Permission
from bootstrap.steps.permissions import plural, verifying, wanted
from tests.simulator.platform import SimulatedPlatform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path_factory.mktemp("permissions"))
    made.up()
    return made


class Watched:
    """The cluster's port, which remembers what was listed."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.listed: set[Permission] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def list(self, api: str, kind: str, namespace: str = "", labels: str = "") -> Any:
        group = api.rpartition("/")[0]
        self.listed.add(Permission("list", group, plural(kind), namespace))
        return self._cluster.list(api, kind, namespace, labels)


def proofs(platform: SimulatedPlatform, **ports: Any) -> dict[str, Proof]:
    return {proof.id: proof for proof in prove(platform.world(**ports), deep=True)}


def test_s2_it_lists_what_is_asked_for(platform: SimulatedPlatform) -> None:
    watched = Watched(platform.cluster)
    proofs(platform, cluster=watched)
    everywhere = {p for p in watched.listed if not p.namespace}
    custom = {Permission("list", "generators.external-secrets.io", "passwords")}  # if there is the right to
    assert everywhere - custom == set(verifying())
    assert watched.listed - everywhere <= set(wanted(platform.world().intent))


def test_it_changes_nothing(platform: SimulatedPlatform) -> None:
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    proofs(platform)
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])


@pytest.mark.parametrize("permission", verifying(), ids=str)
def test_without_a_right_the_proof_that_needs_it_is_left_out(
    platform: SimulatedPlatform, permission: Permission
) -> None:
    platform.cluster.denied.add(permission)
    try:
        states = {proof.id: proof.state for proof in proofs(platform).values()}
    finally:
        platform.cluster.denied.clear()
    assert State.LEFT_OUT in states.values()
    assert State.BROKEN not in states.values()


def test_without_the_root_three_proofs_are_left_out(
    platform: SimulatedPlatform,
) -> None:
    world = platform.world()
    world.files = None
    found = {proof.id: proof for proof in prove(world)}
    assert {p.id for p in found.values() if p.state is State.LEFT_OUT} == {
        "rebuild",
        "values",
        "no-old-value",
    }
    assert all("--root" in p.evidence for p in found.values() if p.state is State.LEFT_OUT)


def test_every_claim_says_what_it_reads_and_what_it_cannot_see() -> None:
    assert all(claim.reads and claim.unseen and claim.title for claim in CLAIMS)
