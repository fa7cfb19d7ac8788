"""`up --approve recover-quorum`: one node's volume becomes Vault again, where no other can (INV4, S4, B5)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.decision import Act, Satisfied
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Permission, Ref
from bootstrap.steps.authority.approvals import RECOVER_QUORUM, WHAT
from bootstrap.steps.vault.recovery import RecoveryStore
from tests.simulated.restore.outcome import is_whole, refused
from tests.simulator.controllers import OPERATOR
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.halfway import step_of
from tests.simulator.losses import lose_nodes
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.simulator.recover_walks import claims_but
from tests.simulator.restoring import begun
from tests.simulator.setting import CONSUMER, FIELD, change, versions

pytestmark = pytest.mark.usefixtures("same_each_time")

APPROVED = (RECOVER_QUORUM,)
VALUE = b"set before the loss"


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    """Finished, with a value that Git never had."""
    platform.up()
    change(platform, VALUE)
    return platform


def need(platform: SimulatedPlatform, kind: str, name: str) -> Object:
    live = platform.cluster.get(Ref("v1", kind, name, "vault"))
    assert live is not None, name
    return live


def uid_of_claim(platform: SimulatedPlatform, number: int) -> str:
    return str(need(platform, "PersistentVolumeClaim", f"data-vault-{number}")["metadata"]["uid"])


def accepted(platform: SimulatedPlatform) -> list[dict[str, str]]:
    records = platform.world().ledger.read().records
    details = (dict(r.fact.details) for r in records if r.fact.type is RecordType.ACCEPTED)
    return [each for each in details if each.get(WHAT) == RECOVER_QUORUM]


def consumed(platform: SimulatedPlatform) -> Sensitive:
    live = platform.cluster.get(CONSUMER)
    assert live is not None
    value = live["data"][FIELD]
    assert isinstance(value, Sensitive)
    return value


def status(platform: SimulatedPlatform, number: int, phase: str) -> None:
    platform.cluster.set_status(need(platform, "Pod", f"vault-{number}"), {"phase": phase})


def stopped_after(platform: SimulatedPlatform, writes: int) -> None:
    schedule = Schedule(Fault.KILL_AFTER, writes, only_writes=True)
    with pytest.raises(Killed):
        platform.up(approve=APPROVED, **schedule.ports(platform))


def begins(platform: SimulatedPlatform) -> None:
    """Killed once it is written down what goes."""
    for writes in range(1, 30):
        if RecoveryStore(platform.cluster).read() is not None:
            return
        stopped_after(platform, writes)
    raise AssertionError("it never began")


# ---------------------------------------------------------------- what is refused, and says what is seen


@pytest.mark.parametrize("waiting", [False, True], ids=["empty", "pending"])
def test_inv4_it_says_what_is_there_and_what_may_be_lost_and_changes_nothing(
    waiting: bool, platform: SimulatedPlatform
) -> None:
    lose_nodes(platform, 0, 2, waiting=waiting)
    error = refused(platform, 5, "E_QUORUM_LOST")
    assert "2 of 3 nodes have no store" in error.message
    assert "vault-1: holds the store, unsealed, without a leader, raft index " in error.message
    assert f"vault-0: {'has no volume' if waiting else 'answers, and holds no store'}" in error.message
    assert f"records/{platform.cluster.uid()}/head.json" in error.message
    assert f"--approve {RECOVER_QUORUM}" in error.hint
    assert "--restore FILE" in error.hint
    assert VALUE.decode() not in error.message


def silent(platform: SimulatedPlatform) -> None:
    lose_nodes(platform, 0, 2)
    status(platform, 1, "Pending")


def sealed(platform: SimulatedPlatform) -> None:
    lose_nodes(platform, 0, 2)
    key = need(platform, "Secret", "vault-unseal-1")
    platform.cluster.delete(Ref("v1", "Secret", "vault-unseal-1", "vault"), uid=key["metadata"]["uid"])
    platform.vault.restart("vault-1")


def two_down(platform: SimulatedPlatform) -> None:
    for number in (0, 2):
        status(platform, number, "Pending")


def one_lost_and_one_down(platform: SimulatedPlatform) -> None:
    lose_nodes(platform, 0)
    status(platform, 1, "Pending")


MAY_RETURN: dict[str, tuple[Callable[[SimulatedPlatform], None], str]] = {
    "the node that is left does not answer": (silent, "vault-1: does not answer"),
    "the node that is left is sealed": (sealed, "vault-1: holds a store, and is sealed"),
    "two do not answer": (two_down, "vault-2: does not answer"),
    "one is lost and one does not answer": (one_lost_and_one_down, "vault-1: does not answer"),
}


@pytest.mark.parametrize("what", MAY_RETURN)
def test_inv4_it_is_not_offered_while_a_quorum_could_come_back(
    what: str, platform: SimulatedPlatform
) -> None:
    break_it, seen = MAY_RETURN[what]
    break_it(platform)
    error = refused(platform, 4, "E_QUORUM_MAY_RETURN", approve=APPROVED)
    assert seen in error.message
    assert RecoveryStore(platform.cluster).read() is None


def test_inv4_an_approval_on_a_platform_that_serves_changes_nothing(platform: SimulatedPlatform) -> None:
    assert platform.up(approve=APPROVED).epoch == 0
    lose_nodes(platform, 2)
    platform.up(approve=APPROVED)
    assert accepted(platform) == []
    is_whole(platform)


def test_inv4_without_an_approval_the_step_finds_nothing_to_do(platform: SimulatedPlatform) -> None:
    """It may be lost between the look at what must hold before and the step itself."""
    lose_nodes(platform, 0, 2)
    assert isinstance(step_of(platform, "vault-recovered").decide(), Satisfied)
    assert isinstance(step_of(platform, "vault-recovered", approve=APPROVED).decide(), Act)


def test_every_permission_that_it_needs_is_named_before(platform: SimulatedPlatform) -> None:
    lose_nodes(platform, 0, 2)
    lacking = Permission("delete", "", "persistentvolumes")
    platform.cluster.denied.add(lacking)
    assert str(lacking) in refused(platform, 4, "E_RBAC", approve=APPROVED).message


# ---------------------------------------------------------------- approved


@pytest.mark.parametrize("left", [0, 1, 2])
@pytest.mark.parametrize("waiting", [False, True], ids=["empty", "pending"])
def test_inv4_approved_the_node_that_is_left_is_vault_again(
    left: int, waiting: bool, platform: SimulatedPlatform
) -> None:
    before, cluster_id = uid_of_claim(platform, left), platform.vault.live().cluster_id
    lost = [n for n in range(3) if n != left]
    lose_nodes(platform, *lost, waiting=waiting)
    platform.up(approve=APPROVED)
    assert uid_of_claim(platform, left) == before
    assert platform.vault.live().cluster_id == cluster_id
    assert platform.vault.live().voters == {"vault-0", "vault-1", "vault-2"}
    assert versions(platform)[-1] == {FIELD: VALUE}
    assert consumed(platform) == Sensitive(VALUE)
    (details,) = accepted(platform)
    assert details["survivor"] == f"vault-{left}"
    assert details["volume"] == before
    assert details["lost"] == " ".join(f"vault-{n}" for n in lost)
    assert details["vaultClusterId"] == cluster_id
    assert int(details["raftIndex"]) > 0
    is_whole(platform)


def test_b5_every_other_volume_is_voided_before_one_node_votes_alone(platform: SimulatedPlatform) -> None:
    """One that its class keeps, too; and one of the same name that an earlier claim had."""
    for name, claim in (("kept", "data-vault-2"), ("earlier", "data-vault-1")):
        platform.cluster.create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "claimRef": {"namespace": "vault", "name": claim, "uid": "of-before"},
                    "persistentVolumeReclaimPolicy": "Retain",
                },
                "status": {"phase": "Released"},
            }
        )
    lose_nodes(platform, 0, 2)
    seen: list[list[str]] = []

    def look(_: object, verb: str, obj: Object) -> None:
        if (verb, obj["kind"]) == ("created", "Pod") and "initContainers" in obj["spec"]:
            volumes = [str(o["metadata"]["name"]) for o in platform.cluster.list("v1", "PersistentVolume")]
            seen.append([*claims_but(platform.cluster, obj["metadata"]["name"]), *volumes])

    platform.cluster.controllers.append(look)
    platform.up(approve=APPROVED)
    assert seen == [[]]
    is_whole(platform)


def test_inv4_a_claim_that_was_not_written_down_is_not_removed(platform: SimulatedPlatform) -> None:
    """One that came since: its UID is written down before it goes."""
    lose_nodes(platform, 0, 2)
    begins(platform)
    before = RecoveryStore(platform.cluster).read()
    assert before is not None
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    platform.cluster.create({**made, "metadata": {"name": "data-vault-4", "namespace": "vault"}})
    later, order = uid_of_claim(platform, 4), []

    def look(_: object, verb: str, obj: Object) -> None:
        if obj["metadata"]["name"] == "vault-recovery" and later in obj["data"]["voids"]:
            order.append("written")
        if (verb, obj["metadata"]["uid"]) == ("deleted", later):
            order.append("deleted")

    platform.cluster.controllers.append(look)
    platform.up()
    assert order.index("written") < order.index("deleted")


def test_inv5_the_operator_stops_first_and_starts_once_vault_serves(platform: SimulatedPlatform) -> None:
    lose_nodes(platform, 0, 2)
    order: list[str] = []

    def look(_: object, verb: str, obj: Object) -> None:
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] == OPERATOR.name:
            order.append(f"operator {obj['spec'].get('replicas', 1)}")
        elif verb == "deleted" or (verb == "created" and obj["kind"] == "Pod"):
            order.append(f"{verb} {obj['kind']} {obj['metadata']['name']}")

    platform.cluster.controllers.append(look)
    platform.up(approve=APPROVED)
    assert order[0] == "operator 0"
    assert order.count("operator 1") == 1
    assert order.index("created Pod vault-1") < order.index("operator 1")


def test_inv4_of_two_that_are_left_the_newer_one_is_taken(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path, scaffolded(tmp_path / "intent", _five))
    platform.up()
    change(platform, VALUE)
    platform.vault.lags[uid_of_claim(platform, 1)] = 3
    lose_nodes(platform, 0, 2, 3)
    assert "vault-4 alone becomes Vault again" in refused(platform, 5, "E_QUORUM_LOST").hint
    older = uid_of_claim(platform, 1)
    platform.up(approve=APPROVED)
    assert uid_of_claim(platform, 1) != older
    (details,) = accepted(platform)
    assert (details["survivor"], details["givenUp"]) == ("vault-4", "vault-1")
    assert len(platform.vault.live().voters) == 5
    is_whole(platform)


def _five(folder: Path, _: tuple[str, ...]) -> None:
    path = folder / "bootstrap.yaml"
    path.write_text(path.read_text().replace("replicas: 3", "replicas: 5"))


def test_b4_under_offline_custody_the_share_comes_from_the_escrow(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path, scaffolded(tmp_path / "intent", _offline))
    platform.up()
    lose_nodes(platform, 0, 2)
    refused(platform, 5, "E_QUORUM_LOST")
    platform.up(approve=APPROVED)
    assert len(accepted(platform)) == 1
    is_whole(platform)


def _offline(folder: Path, _: tuple[str, ...]) -> None:
    path = folder / "bootstrap.yaml"
    path.write_text(path.read_text().replace("custody: cluster", "custody: offline"))


# ---------------------------------------------------------------- what it had not received, and what comes after


def test_inv4_what_the_node_had_not_received_wants_a_decision_of_its_own(platform: SimulatedPlatform) -> None:
    """Only once it serves is it known; until it is decided nothing is overwritten."""
    lose_nodes(platform, 0, 2)
    (store,) = {id(s): s for s in platform.vault.stores.values()}.values()
    batches = [path for path in store.secrets if path.startswith("bootstrap/ledger/")]
    del store.secrets[max(batches)]
    with pytest.raises(BootstrapError) as stopped:
        platform.up(approve=APPROVED)
    assert stopped.value.code == "E_ROLLBACK_VAULT"
    live = platform.cluster.get(OPERATOR)
    assert live is not None
    assert live["spec"]["replicas"] == 0
    platform.up(approve=("rollback",))
    assert len(accepted(platform)) == 1
    is_whole(platform)


def test_inv4_a_plain_up_says_what_is_under_way_and_goes_on(platform: SimulatedPlatform) -> None:
    lose_nodes(platform, 0, 2)
    begins(platform)
    platform.up()
    assert platform.narrator.said("a lost quorum is being recovered from vault-1")
    assert len(accepted(platform)) == 1
    is_whole(platform)


def test_inv4_the_answer_is_spent_by_its_record(platform: SimulatedPlatform) -> None:
    lose_nodes(platform, 0, 2)
    platform.up(approve=APPROVED)
    lose_nodes(platform, 0, 1)
    assert "vault-2 alone becomes Vault again" in refused(platform, 5, "E_QUORUM_LOST").hint
    platform.up(approve=APPROVED)
    assert [details["survivor"] for details in accepted(platform)] == ["vault-1", "vault-2"]
    is_whole(platform)


def test_inv4_the_volume_that_is_left_is_lost_on_the_way(platform: SimulatedPlatform) -> None:
    """The claim of the node is another one, and it does not answer: nothing is made a voter."""
    lose_nodes(platform, 0, 2)
    begins(platform)
    lose_nodes(platform, 1, waiting=True)
    error = refused(platform, 5, "E_SURVIVOR_LOST")
    assert "--restore FILE" in error.hint


def test_inv4_the_last_volume_is_lost_too_and_git_counts_by_another_decision(
    platform: SimulatedPlatform,
) -> None:
    """Every node answers that it is empty: nothing is left to recover from, and what was begun goes with that Vault."""
    lose_nodes(platform, 0, 2)
    begins(platform)
    lose_nodes(platform, 1)
    assert "new-authority" in refused(platform, 5, "E_AUTHORITY_LOST").hint
    platform.up(approve=("new-authority",))
    assert RecoveryStore(platform.cluster).read() is None
    assert accepted(platform) == []
    is_whole(platform)


def test_inv1_a_restore_instead_even_after_it_was_begun(tmp_path: Path, repository: Path) -> None:
    found = begun(tmp_path, repository, lambda platform: change(platform, VALUE))
    platform = found.lost
    lose_nodes(platform, 0, 2)
    begins(platform)
    platform.restore = found.file
    platform.up(approve=("stale-snapshot",))
    assert RecoveryStore(platform.cluster).read() is None
    assert accepted(platform) == []
    assert versions(platform)[-1] == {FIELD: VALUE}
    is_whole(platform)
