"""Another CA takes the place of the one in the commit: two are trusted, all moves, the old one goes (G7, S5).

Meanwhile clients connect that trust what stands in the cluster at that moment: none is refused, wherever a run is
killed and whichever pod starts.
"""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from bootstrap.adapters.root.derived_keys import CertificateAuthority, generate_ca
from bootstrap.adapters.vault.certificates import X509Certificates
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import State
from bootstrap.ports import Ref
from bootstrap.steps.vault.first_replica import tls_secret
from bootstrap.steps.vault.objects import certificate_names
from tests.simulator.faults import Fault, Killed
from tests.simulator.forms import der
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded, with_snapshots
from tests.simulator.repeatable import repeatable
from tests.simulator.rotating import Clients, alone, overlapping
from tests.simulator.sweep import SEED, Point, singles

TLS = Ref("v1", "Secret", "vault-tls", "vault")
PODS = ("vault-0", "vault-1", "vault-2")
KILLS = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.LOST_ANSWER)
POINTS = 2  # of each fault, by default


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"), with_snapshots)


@pytest.fixture(scope="module")
def rotated(repository: Path) -> tuple[Path, Path]:
    """The two commits of a rotation."""
    first = overlapping(repository)
    return first, alone(first)


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    """Finished, under the CA that it began with."""
    made = SimulatedPlatform(tmp_path, repository)
    made.trusts = True
    made.up()
    return made


def goes_on(platform: SimulatedPlatform, repository: Path) -> int:
    platform.repository = repository
    return platform.up().epoch


def stands_on(platform: SimulatedPlatform, repository: Path) -> list[str]:
    """What of Vault does not stand on the CA that signs in this commit."""
    authority, signed = opened(repository).intent.authorities[0], X509Certificates().is_signed_by
    pki, data = platform.vault.live().pki, platform.cluster.get(TLS)
    assert data is not None
    wrong = [pod for pod in PODS if not platform.vault.is_taken_by(pod, authority)]
    wrong += [f"{pod} at its start" for pod in PODS if not signed(data["data"][f"{pod}.crt"], authority)]
    if not signed(pki.issuers[pki.default].certificate.encode(), authority):
        wrong.append("the CA in Vault")
    return wrong


def verdict(platform: SimulatedPlatform) -> tuple[State, str]:
    world = platform.world()
    try:
        (found,) = [proof for proof in prove(world) if proof.id == "certificates"]
    finally:
        world.session.close()
    return found.state, found.evidence


def test_g7_two_commits_and_two_runs_move_everything_and_no_client_is_refused(
    platform: SimulatedPlatform, rotated: tuple[Path, Path]
) -> None:
    clients = Clients(platform)
    for repository in rotated:
        assert goes_on(platform, repository) == 2 + rotated.index(repository)
        assert stands_on(platform, repository) == []
        assert goes_on(platform, repository) == 0
        assert verdict(platform)[0] is State.HOLDS
    assert clients.looks > 10 and clients.refused == []


def test_g7_pods_that_start_at_any_moment_of_it_are_taken(
    platform: SimulatedPlatform, rotated: tuple[Path, Path]
) -> None:
    clients, turn = Clients(platform), iter(PODS * 100)
    platform.vault.watchers.append(lambda *_: platform.vault.restart(next(turn)))
    for repository in rotated:
        goes_on(platform, repository)
        assert stands_on(platform, repository) == []
    assert clients.refused == []


def test_g7_a_ca_on_which_something_stands_does_not_go(
    platform: SimulatedPlatform, rotated: tuple[Path, Path]
) -> None:
    """The commit that trusts the new CA alone comes first: refused before anything is changed."""
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    with pytest.raises(PreconditionError) as stopped:
        goes_on(platform, rotated[1])
    assert stopped.value.code == "E_CA_IN_USE"
    for each in ("vault-2 serves", "vault-2 starts with"):
        assert each in stopped.value.message
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    for repository in rotated:
        goes_on(platform, repository)


def test_g7_while_a_renewer_has_not_moved_its_pod_the_old_ca_does_not_go(
    platform: SimulatedPlatform, rotated: tuple[Path, Path]
) -> None:
    platform.vault.renewing = False
    with pytest.raises(WorldError) as waiting:
        goes_on(platform, rotated[0])
    assert waiting.value.code == "E_NOT_RENEWED"
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError) as stopped:
        goes_on(platform, rotated[1])
    assert stopped.value.message.endswith(
        "vault-0 serves a certificate of it, vault-1 serves a certificate of it, "
        "vault-2 serves a certificate of it"
    )
    assert platform.cluster.mutations == []
    platform.vault.renewing = True
    for repository in rotated:
        goes_on(platform, repository)
    assert stands_on(platform, rotated[1]) == []


def test_g7_the_ca_in_vault_keeps_its_signer_trusted_before_a_leaf_has_moved(
    platform: SimulatedPlatform, repository: Path, rotated: tuple[Path, Path]
) -> None:
    """Killed between the two, and taken back in Git: the next renewal would serve what nobody trusts."""
    platform.vault.renewing = False
    with suppress(WorldError):
        goes_on(platform, rotated[0])
    live = platform.cluster.get(TLS)
    assert live is not None
    first = {f"{pod}.crt": _before(repository, platform)[f"{pod}.crt"] for pod in PODS}
    platform.cluster.replace({**live, "data": live["data"] | first})
    with pytest.raises(PreconditionError) as stopped:
        goes_on(platform, repository)
    assert stopped.value.message.endswith("stands: the CA in Vault is signed by it")


def _before(repository: Path, platform: SimulatedPlatform) -> dict[str, object]:
    platform.repository = repository
    world = platform.world()
    names = {pod: certificate_names(world.intent.platform.vault, pod) for pod in PODS}
    with repeatable():
        made = tls_secret(world, TLS, names)
    data: dict[str, object] = made["data"]
    return data


def test_g7_an_older_clone_changes_nothing(
    platform: SimulatedPlatform, repository: Path, rotated: tuple[Path, Path]
) -> None:
    for each in rotated:
        goes_on(platform, each)
        platform.cluster.mutations.clear()
        with pytest.raises(PreconditionError) as stopped:
            goes_on(platform, repository)
        assert stopped.value.code == "E_CA_IN_USE"
        assert "newest commit" in stopped.value.hint
        assert platform.cluster.mutations == []


def test_before_anything_has_moved_it_can_be_taken_back(
    platform: SimulatedPlatform, repository: Path, rotated: tuple[Path, Path]
) -> None:
    """Killed as soon as both are trusted."""
    clients = Clients(platform)
    live = platform.cluster.get(TLS)
    assert live is not None
    both = opened(rotated[0]).intent.keys["vault-ca.crt"]
    platform.cluster.replace({**live, "data": live["data"] | {"ca.crt": Sensitive(both)}})
    assert goes_on(platform, repository) == 2
    assert goes_on(platform, repository) == 0
    assert clients.refused == []


@pytest.mark.parametrize("fault", KILLS, ids=lambda fault: fault.name)
def test_g7_wherever_a_run_is_killed_the_next_one_goes_on_and_no_client_is_refused(
    platform: SimulatedPlatform, repository: Path, whole: bool, fault: Fault
) -> None:
    """One rotation behind the other, each killed at another call of its first run."""
    clients, newest = Clients(platform), repository
    schedule = Point(fault, 0, only_writes=True).schedule()
    newest = overlapping(newest)
    platform.repository = newest
    platform.up(**schedule.ports(platform))
    assert schedule.count
    platform.repository = newest = alone(newest)
    platform.up()
    points = singles(fault, schedule.count, 0 if whole else POINTS, random.Random(SEED))
    for point in points:
        newest = overlapping(newest)
        platform.repository = newest
        killed = Point(point.fault, point.at, only_writes=True).schedule()
        with suppress(Killed, BootstrapError):
            platform.up(**killed.ports(platform))
        platform.vault.restart(random.Random(point.at).choice(PODS))
        last = alone(newest)
        with suppress(BootstrapError):  # too early: something has not moved, or a run is unfinished
            goes_on(platform, last)
        goes_on(platform, newest)
        goes_on(platform, last)
        killed.deliver()
        assert stands_on(platform, last) == [], str(point)
        assert clients.refused == [], str(point)
        newest = last
    print(f"{fault.name}: {len(points)} of {schedule.count} calls, seed {SEED}")


# ---------------------------------------------------------------- what is said of it


def test_verify_names_a_leaf_of_a_ca_that_is_not_trusted_any_more(platform: SimulatedPlatform) -> None:
    pod = platform.cluster.get(Ref("v1", "Pod", "vault-2", "vault"))
    assert pod is not None
    other = CertificateAuthority(*generate_ca()).issue(("vault-2.vault-internal",))[0]
    platform.vault.renewed[pod["metadata"]["uid"]] = der(other)
    state, evidence = verdict(platform)
    assert state is State.BROKEN
    assert "of no CA in keys/vault-ca.crt" in evidence and "what vault-2 serves" in evidence


def test_a_second_one_is_not_made_while_two_are_trusted(repository: Path, rotated: tuple[Path, Path]) -> None:
    with pytest.raises(DefinitionError) as stopped:
        overlapping(rotated[0])
    assert stopped.value.code == "E_CA_OVERLAP"
    with pytest.raises(DefinitionError) as stopped:
        alone(repository)
    assert stopped.value.code == "E_CA_OVERLAP"
