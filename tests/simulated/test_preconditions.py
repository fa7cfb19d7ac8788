"""What stops a run before anything is touched, each alone and all together (G5, INV4)."""

from datetime import timedelta
from typing import Any

import pytest

from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Reason, Ref, Refused, TokenIssuer
from bootstrap.steps.context.names import RUN_ACCOUNT
from bootstrap.steps.permissions import wanted
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.halfway import halfway, step_of
from tests.simulator.platform import SimulatedPlatform


def stopped(platform: SimulatedPlatform) -> PreconditionError:
    with pytest.raises(PreconditionError) as caught:
        platform.up()
    assert platform.cluster.mutations == []
    return caught.value


def remove(platform: SimulatedPlatform, ref: Ref) -> None:
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])
    platform.cluster.mutations.clear()


def terminating(platform: SimulatedPlatform, name: str) -> None:
    ref = Ref("v1", "Namespace", name)
    remove(platform, ref)
    held = platform.cluster.get(ref)
    assert held is not None
    platform.cluster.set_status(held, {"phase": "Terminating"})


STORAGE = Ref("storage.k8s.io/v1", "StorageClass", "standard")


def test_g5_a_missing_permission_is_named_and_nothing_that_it_would_deny_is_asked(
    platform: SimulatedPlatform,
) -> None:
    denied = wanted(platform.world().intent)[0]
    platform.cluster.denied.add(denied)
    error = stopped(platform)
    assert (error.code, str(denied) in error.message) == ("E_RBAC", True)


@pytest.mark.parametrize(
    ("version", "fits"), [("v1.30.0", True), ("v1.29.9", False), ("v0.99.0", False), ("v1.31+", True)]
)
def test_g5_kubernetes_is_new_enough(version: str, fits: bool, platform: SimulatedPlatform) -> None:
    platform.cluster._version = version
    if fits:
        platform.up()
    else:
        assert stopped(platform).code == "E_VERSION"


def test_g5_an_api_server_that_does_not_show_its_keys_is_named_before_anything_is_made(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pods' logins could not be checked, and that would show once Vault is there."""

    def shown() -> TokenIssuer:
        raise PreconditionError("the API server does not show it", code="E_NO_ISSUER")

    monkeypatch.setattr(platform.cluster, "token_issuer", shown)
    assert stopped(platform).code == "E_NO_ISSUER"


def test_g5_storage_is_there(platform: SimulatedPlatform) -> None:
    remove(platform, STORAGE)
    assert stopped(platform).code == "E_STORAGE"
    other = {"apiVersion": STORAGE.api, "kind": STORAGE.kind, "metadata": {"name": "slow"}}
    platform.cluster.create(other)
    platform.cluster.mutations.clear()
    assert stopped(platform).code == "E_STORAGE", "one that is not the default and not named"


@pytest.mark.parametrize(("seconds", "fits"), [(300, True), (301, False), (-301, False)])
def test_g5_the_clocks_agree(seconds: int, fits: bool, platform: SimulatedPlatform) -> None:
    platform.cluster.now += timedelta(seconds=seconds)
    decision = step_of(platform, "preflight").decide()
    assert isinstance(decision, Satisfied) is fits
    if isinstance(decision, Blocked):
        assert decision.error.code == "E_CLOCK"


def test_g5_a_namespace_that_is_being_deleted_is_waited_for_by_the_operator(
    platform: SimulatedPlatform,
) -> None:
    meta = {"name": "vault"}
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    held = {"name": "held", "namespace": "vault", "finalizers": ["another.example/holds"]}
    platform.cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    terminating(platform, "vault")
    error = stopped(platform)
    assert (error.code, error.where) == ("E_NAME_TAKEN", "Namespace vault")


def test_g5_several_are_named_together_the_first_gives_the_code(platform: SimulatedPlatform) -> None:
    platform.cluster._version = "v1.20.0"
    remove(platform, STORAGE)
    error = stopped(platform)
    assert error.code == "E_VERSION"
    assert "2 preconditions do not hold" in error.message
    assert "E_STORAGE" in error.message


# ---------------------------------------------------------------- the claim


def system(**meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system", **meta}}


def test_a_namespace_of_that_name_that_is_not_ours_is_left_as_it_is(platform: SimulatedPlatform) -> None:
    platform.cluster.create(system(labels={"team": "theirs"}))
    platform.cluster.mutations.clear()
    error = stopped(platform)
    assert (error.code, "not made with this root key" in error.message) == ("E_NAME_TAKEN", True)


def test_a_claim_that_is_being_deleted_is_not_claimed(platform: SimulatedPlatform) -> None:
    halfway(platform, "manifests")
    held = {"name": "held", "namespace": "bootstrap-system", "finalizers": ["another.example/holds"]}
    platform.cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    terminating(platform, "bootstrap-system")
    decision = step_of(platform, "claim").decide()
    assert isinstance(decision, Blocked)
    assert (decision.error.code, "being deleted" in decision.error.message) == ("E_NAME_TAKEN", True)


def test_a_claim_without_its_account_is_completed(platform: SimulatedPlatform) -> None:
    halfway(platform, "manifests")
    account = Ref("v1", "ServiceAccount", RUN_ACCOUNT, "bootstrap-system")
    before = platform.cluster.get(Ref("v1", "Namespace", "bootstrap-system"))
    remove(platform, account)
    decision = step_of(platform, "claim").decide()
    assert isinstance(decision, Act)
    assert decision.changes == (f"create {account}",)
    step_of(platform, "claim").take()
    assert platform.cluster.get(account) is not None
    assert platform.cluster.get(Ref("v1", "Namespace", "bootstrap-system")) == before
    assert isinstance(step_of(platform, "claim").decide(), Satisfied)


def test_a_claim_that_is_refused_is_an_error(platform: SimulatedPlatform) -> None:
    class Refusing(SimulatedCluster):
        def create(self, obj: Any) -> Any:
            kind = obj["kind"]
            return Refused(Reason.FORBIDDEN, f"no {kind}") if kind == self.refused else super().create(obj)

        refused = ""

    for kind in ("Namespace", "ServiceAccount"):
        cluster = Refusing()
        cluster.refused = kind
        step = step_of(platform, "claim", cluster=cluster)
        with pytest.raises(PreconditionError, match=f"no {kind}"):
            step.take()
