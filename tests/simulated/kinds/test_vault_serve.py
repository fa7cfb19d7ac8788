"""The serving shape: what it lacks is named and made, what is good stays, and its pod is waited for (G4, G7)."""

import pytest

from bootstrap.model.catalog import Custody
from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.ports import Object, Ref
from bootstrap.steps.vault.init_window import Slots
from bootstrap.steps.vault.objects import SHAPE
from tests.simulator.serving import CA, OPEN, POD, SEALED, SET, SHARE, TLS, UNSEAL, Serving

ISSUE = f"issue certificates of vault-0, vault-1, vault-2 into {TLS}"
RESTART = "restart vault-0 into the serving shape"
TRUST = f"trust keys/vault-ca.crt in {TLS}"


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Serving:
    """Finished."""
    made = Serving(monkeypatch)
    made.finished()
    return made


def changes(serving: Serving) -> tuple[str, ...]:
    decision = serving.step.decide(serving.step.observe())
    return decision.changes if isinstance(decision, Act) else ()


def act(serving: Serving) -> None:
    serving.step.act(serving.step.observe())


def touched(serving: Serving) -> list[tuple[str, str]]:
    return [(verb, ref.name) for verb, ref in serving.cluster.mutations]


@pytest.mark.parametrize("late", ["", "gone", "silent", "sealed"])
def test_g4_the_first_replica_comes_into_the_serving_shape(
    late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = Serving(monkeypatch, late)
    serving.slot()
    serving.first_replica()
    before = serving.need(POD)["metadata"]["uid"]
    found = changes(serving)
    assert (found[0], found[1], found[-1]) == (ISSUE, f"create {UNSEAL}", RESTART)
    assert f"apply {SET}" in found
    act(serving)
    assert serving.lacks() == ""
    assert serving.need(POD)["metadata"]["uid"] != before
    assert serving.need(SET)["spec"]["replicas"] == 1
    assert serving.need(UNSEAL)["data"]["key"].reveal() == b"opened " + SHARE
    assert serving.need(TLS)["metadata"]["annotations"] == {"ours": "yes"}
    assert len(serving.content()) == 10
    assert serving.step.decide(serving.step.observe()) == Satisfied("unsealer beside each Vault")


def test_g7_what_is_finished_is_not_touched(serving: Serving) -> None:
    """Nor what another wrote beside it."""
    live = serving.need(TLS)
    live["metadata"]["annotations"]["another.example/note"] = "kept"
    serving.cluster.update_as("another", live)
    serving.cluster.mutations.clear()
    act(serving)
    assert touched(serving) == []


def test_b4_under_offline_custody_no_share_is_opened_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serving = Serving(monkeypatch, custody=Custody.OFFLINE)
    serving.status = SEALED
    serving.finished()
    assert serving.cluster.get(UNSEAL) is None
    assert serving.step.decide(serving.step.observe()) == Satisfied("the holders unseal (offline custody)")


def test_g4_before_anything_is_there_all_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = changes(Serving(monkeypatch))
    assert (found[0], found[1], RESTART in found, TRUST in found) == (ISSUE, f"create {UNSEAL}", False, False)


def test_inv4_what_has_the_name_of_ours_and_is_not_stops_it(serving: Serving) -> None:
    serving.taken = (PreconditionError("theirs", code="E_NAME_TAKEN"),)
    decision = serving.step.decide(serving.step.observe())
    assert decision == Blocked(serving.taken[0])


# ---------------------------------------------------------------- its certificates


@pytest.mark.parametrize(
    "spoilt",
    [
        {"vault_1_crt": None},
        {"vault_1_until": None},
        {"vault_1_crt": "vault-1 of theirs"},
        {"vault_1_crt": "vault-1 of ours, due"},
    ],
)
def test_g7_one_that_is_lacking_foreign_or_due_is_issued_and_the_others_stay(
    spoilt: dict[str, str | None], serving: Serving
) -> None:
    serving.tls(vault_0_crt="vault-0, kept", vault_2_crt="vault-2, kept", **spoilt)
    assert changes(serving) == (f"issue certificates of vault-1 into {TLS}",)
    act(serving)
    data = serving.content()
    assert (data["vault-0.crt"], data["vault-1.crt"]) == ("vault-0, kept", "vault-1 of ours")
    assert data["vault-2.crt"] == "vault-2, kept"
    assert changes(serving) == ()


def test_g7_another_ca_of_the_commit_is_trusted_and_no_certificate_is_issued_for_it(serving: Serving) -> None:
    serving.tls(ca_crt="another", vault_0_crt="vault-0, kept")
    assert changes(serving) == (TRUST,)
    act(serving)
    assert (serving.content()["ca.crt"], serving.content()["vault-0.crt"]) == (CA.decode(), "vault-0, kept")
    assert changes(serving) == ()


def test_g7_what_connects_to_vault_trusts_a_ca_before_a_certificate_of_it_is_made(serving: Serving) -> None:
    other: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "reads", "namespace": "vault"},
    }
    serving.behind = (other,)
    serving.tls(vault_1_crt=None)
    assert changes(serving)[0] == "trust keys/vault-ca.crt in ConfigMap vault/reads"
    act(serving)
    assert touched(serving) == [("created", "reads"), ("changed", TLS.name)]


# ---------------------------------------------------------------- its share


def remove(serving: Serving, ref: Ref) -> None:
    serving.cluster.delete(ref, uid=serving.need(ref)["metadata"]["uid"])
    serving.cluster.mutations.clear()


def test_b4_the_share_is_given_where_it_is_lacking(serving: Serving) -> None:
    remove(serving, UNSEAL)
    assert changes(serving) == (f"create {UNSEAL}",)
    act(serving)
    assert touched(serving) == [("created", UNSEAL.name)]


def test_b4_a_share_that_was_given_is_not_opened_once_more(serving: Serving) -> None:
    Slots(serving.cluster, "v").remove(Slots.SHARE)
    serving.cluster.mutations.clear()
    act(serving)
    assert touched(serving) == []


@pytest.mark.parametrize("gone", ["window", "slot"])
def test_b4_without_its_slot_no_share_is_given(gone: str, serving: Serving) -> None:
    remove(serving, UNSEAL)
    if gone == "window":
        remove(serving, Ref("v1", "ConfigMap", "vault-init", "bootstrap-system"))
    else:
        Slots(serving.cluster, "v").remove(Slots.SHARE)
    with pytest.raises(WorldError) as stopped:
        act(serving)
    assert (stopped.value.code, serving.cluster.get(UNSEAL)) == ("E_SLOT", None)


# ---------------------------------------------------------------- its pod


def pod(serving: Serving, **parts: object) -> None:
    live = serving.need(POD)
    if "shape" in parts:
        live["metadata"]["annotations"][SHAPE] = parts["shape"]
    if "tls" in parts:
        next(v for v in live["spec"]["volumes"] if v["name"] == "tls")["secret"]["secretName"] = parts["tls"]
    if "alone" in parts:
        del live["spec"]["containers"][1:]
    serving.cluster.update_as("another", live)
    serving.cluster.mutations.clear()


@pytest.mark.parametrize("parts", [{"tls": "vault-tls-init-1"}, {"alone": True}])
def test_g4_a_pod_that_is_not_in_the_serving_shape_is_ended(
    parts: dict[str, object], serving: Serving
) -> None:
    pod(serving, **parts)
    assert changes(serving) == (RESTART,)
    act(serving)
    assert ("deleted", "vault-0") in touched(serving)
    assert changes(serving) == ()


def test_g7_one_of_an_earlier_template_stays_while_it_answers(serving: Serving) -> None:
    pod(serving, shape="earlier")
    assert changes(serving) == ()
    serving.status = None
    assert changes(serving) == (RESTART,)


def test_g7_one_of_this_template_that_does_not_answer_is_not_ended(serving: Serving) -> None:
    serving.status = None
    assert changes(serving) == ()


def test_g4_what_is_ending_is_not_taken_for_what_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    serving = Serving(monkeypatch, "ends")
    serving.finished()
    pod(serving, shape="earlier")
    live = serving.need(POD)
    live["metadata"]["finalizers"] = ["kubelet/holds"]
    serving.cluster.update_as("kubelet", live)
    serving.status = None
    seen = serving.step.observe()
    assert seen.changes == (RESTART,)
    serving.status = OPEN  # it answers once more
    serving.step.act(seen)
    assert serving.lacks() == ""
    assert serving.need(POD)["metadata"]["uid"] != live["metadata"]["uid"]


def test_g4_a_pod_of_another_shape_that_came_since_is_not_taken_for_the_one_that_is_waited_for(
    serving: Serving,
) -> None:
    seen = serving.step.observe()
    pod(serving, alone=True)
    with pytest.raises(WorldError) as stopped:
        serving.step.act(seen)
    assert stopped.value.code == "E_TIMEOUT"


def test_g7_as_many_replicas_stay_as_there_are(serving: Serving) -> None:
    live = serving.need(SET)
    live["spec"]["replicas"] = 3
    serving.cluster.replace(live)
    remove(serving, UNSEAL)
    assert changes(serving) == (f"create {UNSEAL}",)
    act(serving)
    assert serving.need(SET)["spec"]["replicas"] == 3


def test_g7_a_set_that_was_taken_away_comes_back_with_one(serving: Serving) -> None:
    remove(serving, SET)
    assert f"apply {SET}" in changes(serving)
    act(serving)
    assert serving.need(SET)["spec"]["replicas"] == 1
