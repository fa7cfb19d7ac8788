"""Violations that no hand plants on real servers: it could not make them, or not take them back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import Proof, State
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform

RUN = "bootstrap-run-account"


@pytest.fixture
def hand(tmp_path: Path) -> SimulatedHand:
    platform = SimulatedPlatform(tmp_path)
    platform.up()
    return SimulatedHand(platform)


def proven(hand: SimulatedHand) -> dict[str, Proof]:
    return {proof.id: proof for proof in prove(hand.platform.world())}


def test_h4_a_key_that_may_have_left_vault(hand: SimulatedHand) -> None:
    hand.vault("POST", "bootstrap-transit/keys/countersign/config", {"exportable": True})
    found = proven(hand)["vault-grants"]
    assert (found.state, "E_COUNTERSIGN" in found.evidence) == (State.BROKEN, True)


def test_g7_a_node_that_does_not_vote_has_all_that_vault_holds(hand: SimulatedHand) -> None:
    hand.platform.vault.live().learners.add("eve-0")
    found = proven(hand)["voters"]
    assert (found.state, "not declared: eve-0" in found.evidence) == (State.BROKEN, True)


def test_inv3_an_operator_that_does_not_run_brings_no_new_version(hand: SimulatedHand) -> None:
    hand.edit(
        "Deployment", "external-secrets", "external-secrets", lambda obj: obj["spec"].update(replicas=0)
    )
    found = proven(hand)["synced"]
    assert (found.state, "no pod of the operator runs" in found.evidence) == (State.WAITS, True)


def test_inv6_a_group_in_a_group_hands_on_what_it_has(hand: SimulatedHand) -> None:
    entity = hand.vault("GET", "identity/entity/name/ns-orders")["id"]
    hand.vault("POST", "identity/group/name/inner", {"id": "of-inner", "member_entity_ids": [entity]})
    hand.vault("POST", "identity/group/name/outer", {"id": "of-outer", "member_group_ids": ["of-inner"]})
    assert "entity ns-orders has group inner, group outer" in proven(hand)["vault-grants"].evidence


def _more_users(text: str) -> str:
    return text.replace("request.userInfo.username in [", "request.userInfo.username in ['eve', ")


def _no_pods(text: str) -> str:
    return text.replace("'bootstrap', ", "")


@pytest.mark.parametrize("change", [_more_users, _no_pods])
def test_s2_a_guard_that_lets_in_more(hand: SimulatedHand, change: Callable[[str], str]) -> None:
    def widen(obj: dict[str, object]) -> None:
        spec = obj["spec"]
        assert isinstance(spec, dict)
        before = [each["expression"] for each in spec["validations"]]
        for each in spec["validations"]:
            each["expression"] = change(each["expression"])
        assert before != [each["expression"] for each in spec["validations"]]

    hand.edit("ValidatingAdmissionPolicy", RUN, "", widen)
    found = proven(hand)["kubernetes-writers"]
    assert (found.state, f"ValidatingAdmissionPolicy {RUN}" in found.evidence) == (State.BROKEN, True)
