"""Namespaces and the operator are connected to Vault, and an operator at rest starts then (D2, S2)."""

import pytest

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import READER_ACCOUNT, STORE
from bootstrap.steps.context.operator import writing_namespaces
from bootstrap.steps.context.resting import rest
from bootstrap.steps.secrets.operator_rights import WRITER
from bootstrap.steps.secrets.vault_backend import STORE_REF
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.controllers import OPERATOR
from tests.simulator.halfway import halfway, step_of
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform, opened

VALID = Satisfied(f"{STORE} is valid")
RBAC = "rbac.authorization.k8s.io/v1"


def changes(decision: Decision) -> tuple[str, ...]:
    assert isinstance(decision, Act)
    return decision.changes


def places(platform: SimulatedPlatform) -> tuple[list[Ref], list[Ref]]:
    """Namespaces in which the operator writes, and the accounts by which the others of them read or push."""
    intent = opened(platform.repository).intent
    reading = sorted({*intent.reading_namespaces, *intent.pushing_namespaces})
    homes = [Ref("v1", "Namespace", name) for name in writing_namespaces(intent)]
    return homes, [Ref("v1", "ServiceAccount", READER_ACCOUNT, name) for name in reading]


def test_s2_what_lacks_is_made_once_and_what_is_there_stays(platform: SimulatedPlatform) -> None:
    homes, accounts = places(platform)
    rights = [Ref(RBAC, "ClusterRole", WRITER)]
    rights += [Ref(RBAC, "RoleBinding", WRITER, home.name) for home in homes]
    wanted = [f"create {ref}" for ref in (*homes, *accounts)] + [f"apply {ref}" for ref in rights]
    there = {ref for ref in homes if platform.cluster.peek(ref) is not None}
    step = step_of(platform, "store")
    assert changes(step.decide()) == (
        *(each for each in wanted if each not in {f"create {ref}" for ref in there}),
        f"apply {STORE_REF}",
    )
    halfway(platform, "store").take()
    assert all(platform.cluster.peek(ref) is not None for ref in (*homes, *accounts, *rights, STORE_REF))
    assert step_of(platform, "store").decide() == VALID
    operator = platform.cluster.get(OPERATOR)
    assert operator is not None
    platform.cluster.set_status(operator, {})  # one that nobody stopped is nothing to wait for
    delete(platform, accounts[0], rights[-1])
    assert changes(step_of(platform, "store").decide()) == (f"create {accounts[0]}", f"apply {rights[-1]}")
    step_of(platform, "store").take()
    assert step_of(platform, "store").decide() == VALID


def test_inv5_an_operator_at_rest_is_started_and_that_is_told(platform: SimulatedPlatform) -> None:
    halfway(platform, "store").take()
    rest(platform.world())
    assert changes(step_of(platform, "store").decide()) == (f"start {OPERATOR} again",)
    step_of(platform, "store").take()
    live = platform.cluster.get(OPERATOR)
    assert live is not None
    assert live["spec"]["replicas"] > 0
    assert step_of(platform, "store").decide() == VALID


def test_d2_a_store_that_cannot_log_in_is_waited_for_and_its_own_words_are_the_error(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "store").take()
    failed = {"conditions": [{"type": "Ready", "status": "False", "message": "permission denied"}]}

    def fails(cluster: SimulatedCluster, verb: str, obj: Object) -> None:
        if obj["kind"] == STORE_REF.kind and obj.get("status") != failed:
            cluster.set_status(obj, failed)

    store = platform.cluster.get(STORE_REF)
    assert store is not None
    platform.cluster.controllers.append(fails)
    platform.cluster.set_status(store, failed)
    assert changes(step_of(platform, "store").decide()) == (f"wait until {STORE_REF} is valid",)
    with pytest.raises(WorldError) as caught:
        step_of(platform, "store").take()
    assert caught.value.code == "E_TIMEOUT"
    assert caught.value.message.endswith(": permission denied")
