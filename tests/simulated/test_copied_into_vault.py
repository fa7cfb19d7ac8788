"""One secret's copy into Vault, by its requests: what is written, once, and what is taken for ours (H1, H2, H4)."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.ledger.record import Audit, Fact, RecordType
from bootstrap.model.catalog import Renew, Secret
from bootstrap.model.errors import BootstrapError, EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Answer, Object
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.secrets.transfer import (
    Copy,
    Here,
    commitments_in,
    commitments_of,
    copy_into_vault,
    fact,
    here,
    planned_copy,
    read_version_one,
    recorded_bytes,
    renewed,
)
from bootstrap.steps.vault.init_window import WindowStore
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import NOTE, ledger
from tests.support.kv import Kv, held
from tests.support.ledger_facts import fact as fact_of

DIGEST = {"a": "c" * 64}
PLACE = Here(cluster="uid-1", vault="v")


@pytest.fixture
def kv() -> Kv:
    return Kv()


@pytest.fixture
def world(platform: SimulatedPlatform, kv: Kv) -> World:
    found = platform.world()
    found.session = kv  # type: ignore[assignment]  # as far as it is asked
    return found


@pytest.fixture
def copy(world: World) -> Copy:
    return planned_copy(world, kept(world), PLACE)


def kept(world: World) -> Secret:
    return next(s for s in world.intent.handovers if s.handover.renew is not Renew.GENERATE)


def path_of(copy: Copy) -> str:
    return str(copy.secret.path)


def data(copy: Copy) -> str:
    return f"POST secret/data/{path_of(copy)}"


def test_h2_metadata_first_then_one_write_of_an_empty_path_then_what_is_there(
    world: World, kv: Kv, copy: Copy
) -> None:
    done = copy_into_vault(world, copy, PLACE)
    path = path_of(copy)
    assert kv.asked == [f"POST secret/metadata/{path}", data(copy), f"GET secret/data/{path}?version=1"]
    assert kv.versions[path] == [copy.values]
    assert (kv.metadata[path]["cas_required"], kv.metadata[path]["max_versions"]) == (True, 20)
    assert all(kv.metadata[path]["custom_metadata"].values())
    assert (done.written, done.read) == ("r-2", "r-3")
    assert kv.txns["r-1"] == kv.txns["r-2"] == copy.txn
    assert read_version_one(world, copy.secret, PLACE) == replace(copy, read="r-4")


def test_h2_of_a_lost_answer_the_read_tells(world: World, kv: Kv, copy: Copy) -> None:
    kv.loses = data(copy).__eq__
    done = copy_into_vault(world, copy, PLACE)
    assert (done.written, bool(done.read)) == ("", True)


def test_h2_a_write_that_was_refused_since_the_value_is_there_names_no_request(
    world: World, kv: Kv, copy: Copy
) -> None:
    kv.before = lambda what: (
        kv.versions.update({path_of(copy): [dict(copy.values)]}) if what == data(copy) else None
    )
    done = copy_into_vault(world, copy, PLACE)
    assert (done.written, len(kv.versions[path_of(copy)])) == ("", 1)


def code(world: World, copy: Copy, kind: type[BootstrapError] = EvidenceError) -> tuple[str, str]:
    with pytest.raises(kind) as caught:
        copy_into_vault(world, copy, PLACE)
    return caught.value.code, caught.value.message


def test_h1_what_another_wrote_is_neither_replaced_nor_ours(world: World, kv: Kv, copy: Copy) -> None:
    theirs = {"theirs": held("theirs")}
    kv.versions[path_of(copy)] = [theirs]
    assert code(world, copy)[0] == "E_AUTHORITY_CONFLICT"
    assert kv.versions[path_of(copy)] == [theirs]


@pytest.mark.parametrize("alike", [True, False])
def test_h2_a_value_that_reads_back_otherwise_is_not_ours(
    alike: bool, world: World, kv: Kv, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digests may be alike: the values themselves are compared."""
    spoilt = {name: held("spoilt") for name in copy.values}
    kv.after = lambda what: kv.versions.update({path_of(copy): [spoilt]}) if what == data(copy) else None
    if alike:
        same = SimpleNamespace(commit=lambda *_: "0" * 64)
        monkeypatch.setattr(world.material, "commitments", lambda: same)
        copy = replace(copy, commitments=dict.fromkeys(copy.commitments, "0" * 64))
    assert code(world, copy)[0] == "E_AUTHORITY_CONFLICT"


def test_h2_without_its_metadata_nothing_is_written(world: World, kv: Kv, copy: Copy) -> None:
    kv.refuses = lambda what: what.startswith("POST secret/metadata/")
    assert code(world, copy, WorldError)[0] == "E_VAULT_REFUSED"
    assert kv.versions == {}


def test_h2_where_nothing_is_there_afterwards_nobody_knows_what_became_of_it(
    world: World, kv: Kv, copy: Copy
) -> None:
    kv.refuses = data(copy).__eq__
    assert code(world, copy, UnknownOutcome)[0] == "E_UNKNOWN"


def test_h2_a_version_1_that_was_deleted_is_no_empty_path(world: World, kv: Kv, copy: Copy) -> None:
    copy_into_vault(world, copy, PLACE)
    kv.gone.add((path_of(copy), 1))
    assert "was deleted" in code(world, copy)[1]


@pytest.mark.parametrize("about", [{}, {"metadata": None}, {"metadata": {}}])
def test_h2_a_path_without_a_version_is_empty(about: dict[str, Any], world: World, copy: Copy) -> None:
    world.session = SimpleNamespace(read=lambda _: Answer(status=404, data=about))  # type: ignore[assignment]
    assert read_version_one(world, copy.secret, PLACE) is None


def test_h1_of_a_version_without_marks_no_run_is_known(world: World, kv: Kv, copy: Copy) -> None:
    kv.versions[path_of(copy)] = [{"a": held("x")}]
    found = read_version_one(world, copy.secret, PLACE)
    assert found is not None
    assert (found.txn, found.values) == ("", {"a": held("x")})


# ---------------------------------------------------------------- what is announced


@pytest.mark.parametrize(
    ("renew", "fields", "anew"),
    [
        (Renew.GENERATE, (), ("a", "b")),
        (Renew.GENERATE, ("b",), ("b",)),
        (Renew.KEEP, (), ()),
        (Renew.KEEP, ("b",), ()),
        (Renew.REISSUE, (), ()),
    ],
)
def test_h5_what_is_made_anew(
    renew: Renew, fields: tuple[str, ...], anew: tuple[str, ...], world: World
) -> None:
    secret = kept(world)
    secret = replace(secret, handover=replace(secret.handover, renew=renew, fields=fields))
    assert renewed(secret, ("a", "b")) == anew
    made = fact(world, secret, RecordType.INTENT, {"a": "c" * 64, "b": "d" * 64}, PLACE)
    assert made.details == ({"generated": " ".join(anew)} if anew else {})
    assert fact(world, secret, RecordType.INTENT, DIGEST, PLACE, "t").details["txn"] == "t"


def test_h5_a_field_that_is_made_anew_has_another_value_each_time(world: World) -> None:
    secret = next(s for s in world.intent.handovers if s.handover.renew is Renew.GENERATE)
    first, second = (planned_copy(world, secret, PLACE) for _ in range(2))
    assert first.values != second.values


def test_h4_the_source_is_the_bootstrap_copy_as_it_is(world: World, platform: SimulatedPlatform) -> None:
    secret = world.intent.scaffolds[0]
    ref = bootstrap_copy_ref(secret)
    assert fact(world, secret, RecordType.INTENT, DIGEST, PLACE).source is None, "it is not there"
    for kind, name, place in (("Namespace", ref.namespace, ""), ("Secret", ref.name, ref.namespace)):
        meta: Object = {"name": name} | ({"namespace": place} if place else {})
        platform.cluster.create({"apiVersion": "v1", "kind": kind, "metadata": meta})
    live = platform.cluster.get(ref)
    assert live is not None
    source = fact(world, secret, RecordType.INTENT, DIGEST, PLACE).source
    assert source is not None
    assert (source.namespace, source.name) == (ref.namespace, ref.name)
    assert (source.uid, source.resource_version) == (
        live["metadata"]["uid"],
        live["metadata"]["resourceVersion"],
    )
    assert fact(world, replace(secret, scaffold=None), RecordType.INTENT, DIGEST, PLACE).source is None


def test_h4_which_vault_it_is_for_is_known_once_it_is_proven(
    world: World, platform: SimulatedPlatform
) -> None:
    assert here(world) == Here(cluster=platform.cluster.uid(), vault="")
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}}
    platform.cluster.create(home)
    window = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, cluster_id="v")
    WindowStore(platform.cluster).create(window)
    assert here(world) == Here(cluster=platform.cluster.uid(), vault="v")


def test_h4_of_no_value_no_digest_is_made_and_no_key_is_asked_for() -> None:
    assert commitments_of(cast("World", SimpleNamespace()), "a", {}, PLACE) == {}


# ---------------------------------------------------------------- whether bytes are on record


def test_h3_bytes_are_of_a_secret_where_a_record_commits_to_them(world: World) -> None:
    secret, values = kept(world), {"a": held("x")}
    digests = commitments_of(world, secret.name, values, PLACE)

    def on_record(*facts: Fact) -> bool:
        world.ledger = SimpleNamespace(read=lambda: ledger(*facts))  # type: ignore[assignment]
        return recorded_bytes(world, secret, values)

    intent = fact_of(RecordType.INTENT, secret.name, commitments=digests)
    commit = replace(intent, type=RecordType.COMMIT, audit=Audit(txn="t"))
    other = fact_of(RecordType.INTENT, secret.name)
    assert on_record(NOTE, intent, commit)
    assert on_record(replace(intent, type=RecordType.ACCEPTED))
    assert not on_record(NOTE, intent), "it was announced, and no more"
    assert not on_record(other, replace(other, type=RecordType.COMMIT, audit=Audit(txn="t")))
    same = commitments_of(world, "another", values, PLACE)  # another secret of the same value
    theirs = fact_of(RecordType.INTENT, "another", commitments=same)
    assert not on_record(theirs, replace(theirs, type=RecordType.COMMIT, audit=Audit(txn="t")))


def test_h4_of_a_record_that_names_no_secret_nothing_is_equal(world: World) -> None:
    (record,) = ledger(NOTE).records
    values = {"a": held("x")}
    assert commitments_in(world, record, values) != commitments_of(world, kept(world).name, values, PLACE)
