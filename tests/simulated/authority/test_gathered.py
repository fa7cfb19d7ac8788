"""What is known of an authority before anything is decided: of each place once, and no more than is there (INV4)."""

from pathlib import Path

import pytest

from bootstrap.ledger import chain
from bootstrap.ledger.chain import Chain, Ledger
from bootstrap.ledger.head import VAULT_CLUSTER, glance_head, sign_head
from bootstrap.ledger.record import NONCE, Fact, RecordType
from bootstrap.model.errors import WorldError
from bootstrap.model.heads import Standing
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.restoration import Restoration
from bootstrap.ports import Permission, Ref
from bootstrap.steps.authority.gather import Authority, begins_anew, gather, is_open
from bootstrap.steps.vault.restoration import FILE, RestorationStore
from tests.simulator.concurrent import At, path_of
from tests.simulator.halfway import halfway
from tests.simulator.losses import SYSTEM, VAULT, commit_records, delete, forget_records
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import snapshot_source
from tests.support.ledger_facts import RUN, TIME, Key

WINDOW = Ref("v1", "ConfigMap", "vault-init", "bootstrap-system")
VOLUMES = Permission("list", "", "persistentvolumes")
HEAD = Ref("v1", "ConfigMap", "ledger-head", "bootstrap-system")


@pytest.fixture
def finished(platform: SimulatedPlatform) -> SimulatedPlatform:
    """Volumes may not be listed: that is said where they are looked for."""
    platform.up()
    platform.cluster.denied.add(VOLUMES)
    return platform


def seen(platform: SimulatedPlatform, **ports: object) -> Authority:
    world = platform.world(**ports)  # type: ignore[arg-type]  # a test's own ports
    try:
        return gather(world)
    finally:
        world.session.close()


def nobody_looked_further(found: Authority) -> bool:
    return (found.found.traces, found.unseen) == ((), "")


def forget_ledger(platform: SimulatedPlatform) -> None:
    for each in platform.cluster.list("v1", "ConfigMap", "bootstrap-system", "bootstrap.dev/ledger=batch"):
        delete(platform, Ref("v1", "ConfigMap", each["metadata"]["name"], "bootstrap-system"))
    delete(platform, HEAD)


# ---------------------------------------------------------------- Vault


def test_inv4_where_vault_has_to_answer_none_is_no_empty_one(platform: SimulatedPlatform) -> None:
    assert seen(platform).found.copy is None
    world = platform.world()
    with pytest.raises(WorldError):
        gather(world, answering=True)


def test_inv4_one_that_is_begun_is_not_asked_and_is_none_that_was_here(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-key")
    asked = At(lambda call: call.system == "vault" and call.name == "call", lambda: None)
    found = seen(platform, vault=asked.ports(platform)["vault"]).found
    assert not asked.fired
    assert (found.unfinished, found.silent, found.copy) == (True, False, None)


def test_inv4_a_vault_is_known_once_a_record_or_a_head_names_it(finished: SimulatedPlatform) -> None:
    assert not seen(finished).found.other_vault
    live = finished.cluster.peek(WINDOW)
    assert live is not None
    named, live["data"]["clusterId"] = live["data"]["clusterId"], "another"
    assert seen(finished).found.other_vault
    live["data"]["phase"] = "KEYS"
    assert not seen(finished).found.other_vault
    live["data"].update(clusterId=named, phase="VERIFIED")
    forget_ledger(finished)
    for path in [p for p in finished.vault.live().secrets if p.startswith("bootstrap/ledger/")]:
        del finished.vault.live().secrets[path]
    assert not seen(finished).found.other_vault, "the head of the records names it"
    forget_records(finished)
    assert seen(finished).found.other_vault


def opened(*facts: Fact) -> Ledger:
    return Ledger().extended(chain.write(facts, after=Chain(), run=RUN, time=TIME, signer=Key()))


def test_inv4_the_ledger_is_open_once_it_says_how_this_vault_was_initialised() -> None:
    window = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, cluster_id="v")
    ours = Fact(type=RecordType.VAULT_INITIALISED, details={VAULT_CLUSTER: "v"})
    other = Fact(type=RecordType.VAULT_INITIALISED, details={VAULT_CLUSTER: "another"})
    revoked = Fact(type=RecordType.ROOT_REVOKED, details={VAULT_CLUSTER: "v"})
    unnamed = Fact(type=RecordType.VAULT_INITIALISED)
    begun = Window(attempt=1, nonce="n", phase=WindowPhase.KEYS)
    assert is_open(opened(other, ours), window)
    assert not is_open(opened(other, revoked), window)
    assert not is_open(opened(ours), None)
    assert not is_open(opened(unnamed), begun)


# ---------------------------------------------------------------- approvals


def test_inv4_what_was_not_approved_is_no_approval(finished: SimulatedPlatform) -> None:
    assert (seen(finished).approved, seen(finished).carried) == ((), ())
    size = seen(finished).ledger.chain.size
    kept, given = f"rollback@{size}", f"new-authority@{size}"
    found = seen(finished, approve=("new-authority", kept))
    assert (found.approved, found.carried) == ((given, kept), (kept,))
    assert (found.found.rollback, found.found.new_authority) == (True, False), "a Vault is here"
    delete(finished, VAULT)
    assert seen(finished, approve=("new-authority",)).found.new_authority
    assert not seen(finished, approve=(kept,)).found.new_authority


def on_record(platform: SimulatedPlatform, kind: RecordType, **details: str) -> None:
    world = platform.world()
    world.ledger.append((Fact(type=kind, details=details),))
    world.session.close()


def anew(platform: SimulatedPlatform, *approve: str) -> bool:
    world = platform.world(approve=approve)
    return begins_anew(world, world.ledger.read())


def test_inv4_git_counts_again_by_a_decision_that_was_taken_and_where_no_vault_is_known(
    finished: SimulatedPlatform,
) -> None:
    kept = f"new-authority@{seen(finished).ledger.chain.size}"
    assert not anew(finished, kept)
    live = finished.cluster.peek(WINDOW)
    assert live is not None
    named, live["data"]["clusterId"] = live["data"]["clusterId"], "another"
    assert anew(finished, kept), "a Vault that this run has made"
    assert seen(finished, approve=(kept,)).found.new_authority
    live["data"]["clusterId"] = named
    delete(finished, VAULT)
    assert anew(finished, kept)
    assert not anew(finished, "new-authority"), "not yet kept"
    assert not anew(finished)


def test_inv4_a_new_authority_on_record_is_followed_without_a_further_yes(
    finished: SimulatedPlatform,
) -> None:
    on_record(finished, RecordType.NEW_AUTHORITY)
    assert not seen(finished).found.new_authority, "a Vault is here"
    delete(finished, VAULT)
    assert (seen(finished).found.new_authority, anew(finished)) == (True, True)


@pytest.mark.parametrize("window", [True, False])
def test_inv4_no_authority_is_new_beside_a_vault_that_is_silent(
    window: bool, finished: SimulatedPlatform
) -> None:
    def fail() -> None:
        raise WorldError("the connection broke", code="E_VAULT_UNREACHABLE", where="vault-0")

    if not window:
        delete(finished, WINDOW)
    at = At(lambda call: path_of(call).startswith("secret/data/bootstrap/ledger/"), fail)
    found = seen(finished, vault=at.ports(finished)["vault"], approve=("new-authority",)).found
    assert (found.silent, found.new_authority) == (True, False)


# ---------------------------------------------------------------- a restore, and a ledger that comes back


def test_inv4_a_restore_is_wanted_until_the_vault_of_that_file_is_here(finished: SimulatedPlatform) -> None:
    world = finished.world()
    world.restore = source = snapshot_source(Fact(type=RecordType.CLAIMED))
    assert gather(world).found.restoring
    on_record(finished, RecordType.RESTORED, **{FILE: source.digest, NONCE: "n"})
    assert not gather(world).found.restoring
    assert not seen(finished).found.restoring


def test_inv4_one_that_was_begun_is_wanted_whatever_is_given(finished: SimulatedPlatform) -> None:
    now = Restoration(file="d" * 64, nonce="n", begun="2026-01-03T00:00:00Z")
    RestorationStore(finished.cluster).begin(now, None)
    found = seen(finished).found
    assert (found.restoring, found.rebuilding) == (True, True)
    on_record(finished, RecordType.RESTORED, **{FILE: now.file, NONCE: now.nonce})
    found = seen(finished).found
    assert (found.restoring, found.rebuilding) == (False, False)


def test_inv4_the_ledger_is_coming_back_while_the_window_was_made_again_and_no_head_is_there(
    finished: SimulatedPlatform,
) -> None:
    live = finished.cluster.peek(WINDOW)
    assert live is not None
    live["data"]["facts"] = "rebuilt"
    assert not seen(finished).found.rebuilding
    delete(finished, HEAD)
    assert seen(finished).found.rebuilding
    live["data"]["facts"] = ""
    assert not seen(finished).found.rebuilding


# ---------------------------------------------------------------- heads


def test_inv4_a_head_counts_once_where_folder_and_commit_say_the_same(finished: SimulatedPlatform) -> None:
    assert [p.witness.standing for p in seen(finished).heads] == [Standing.EQUAL] * 2
    commit_records(finished, keep=True)
    uid = finished.cluster.uid()
    places = [p.witness.place for p in seen(finished).heads]
    assert places == [f"records/{uid}/head.json of the commit", str(HEAD)]
    assert len(seen(finished).own) == 1
    (finished.records / uid / "head.json").unlink()
    assert [p.witness.place for p in seen(finished).heads] == places, (
        "one that the folder lacks is not forged"
    )


@pytest.mark.parametrize("cluster", ["own", "another"])
def test_inv4_a_folder_without_a_head_says_nothing(cluster: str, platform: SimulatedPlatform) -> None:
    folder = platform.records / (platform.cluster.uid() if cluster == "own" else cluster)
    folder.mkdir(parents=True)
    (folder / "cluster.json").write_bytes(b"{}")
    assert seen(platform).heads == ()


def test_inv4_a_head_of_another_key_is_shown_as_such_wherever_it_lies(finished: SimulatedPlatform) -> None:
    live = finished.cluster.get(HEAD)
    assert live is not None
    head = glance_head(live["data"]["head.json"].encode())
    finished.heads["another"] = sign_head(head, Key(7))
    by_place = {p.witness.place: p for p in seen(finished).heads}
    assert by_place["records/another/head.json of the commit"].witness.standing is Standing.FOREIGN_KEY


def test_inv4_a_head_in_another_cluster_s_folder_is_none(finished: SimulatedPlatform) -> None:
    live = finished.cluster.get(HEAD)
    assert live is not None
    finished.heads["another"] = live["data"]["head.json"].encode()
    first = seen(finished).heads[0]
    assert (first.witness.standing, first.witness.cluster) == (Standing.FORGED, finished.cluster.uid())
    assert first.head is None


def test_ph4_a_cluster_is_bound_by_its_namespace_or_its_own_head(
    platform: SimulatedPlatform, repository: Path, tmp_path: Path
) -> None:
    assert seen(platform).bound is None
    platform.environment = "production"
    halfway(platform, "manifests")
    assert (seen(platform).heads, seen(platform).bound) == ((), "production")
    platform.up()
    assert seen(platform).bound == "production"
    delete(platform, SYSTEM)
    assert seen(platform).bound == "production"
    commit_records(platform, keep=True)
    other = SimulatedPlatform(tmp_path / "other", repository)
    home = other.cluster.peek(Ref("v1", "Namespace", "kube-system"))
    assert home is not None
    home["metadata"]["uid"] = "another-cluster"
    other.heads = dict(platform.heads)
    assert seen(other).bound is None
    forget_records(platform)
    platform.heads.clear()
    assert seen(platform).bound is None


# ---------------------------------------------------------------- how far it is looked


def test_inv4_beside_a_vault_that_answers_nothing_else_is_looked_for(finished: SimulatedPlatform) -> None:
    assert nobody_looked_further(seen(finished))
    size = seen(finished).ledger.chain.size
    forget_records(finished)
    forget_ledger(finished)
    found = seen(finished)
    assert found.found.copy == found.copy.chain.size == size
    assert (found.found.ledger, found.found.newest) == (0, 0)
    assert nobody_looked_further(found)


def test_inv4_beside_a_vault_that_is_silent_nothing_else_is_looked_for(finished: SimulatedPlatform) -> None:
    """The account by which it is asked is gone."""
    forget_records(finished)
    delete(finished, SYSTEM)
    found = seen(finished)
    assert (found.found.silent, found.found.copy) == (True, None)
    assert nobody_looked_further(found)


def test_inv4_beside_a_run_that_is_under_way_nothing_else_is_looked_for(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-key")
    platform.cluster.denied.add(VOLUMES)
    assert nobody_looked_further(seen(platform))


def test_inv4_beside_a_ledger_or_a_head_nothing_else_is_looked_for(finished: SimulatedPlatform) -> None:
    delete(finished, VAULT)
    forget_records(finished)
    delete(finished, HEAD)
    found = seen(finished)
    assert (bool(found.found.ledger), found.found.newest) == (True, 0)
    assert nobody_looked_further(found)
    finished.records = finished.folder / "records"
    delete(finished, SYSTEM)
    found = seen(finished)
    assert (found.found.ledger, bool(found.found.newest)) == (0, True)
    assert nobody_looked_further(found)


def test_inv4_the_window_of_a_vault_that_is_gone_is_a_trace(finished: SimulatedPlatform) -> None:
    found = seen(finished)
    assert found.window is not None
    delete(finished, VAULT)
    forget_records(finished)
    forget_ledger(finished)
    lost = seen(finished)
    assert lost.found.traces[0] == f"the init window of Vault {found.window.cluster_id}"
    assert "may not be listed" in lost.unseen
    delete(finished, SYSTEM)
    assert lost.found.traces[1:] == seen(finished).found.traces
