"""What stops a run before anything is touched, each alone and all together (G5, INV4)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Permission, Reason, Ref, Refused, TokenIssuer
from bootstrap.steps.context.names import RUN_ACCOUNT
from bootstrap.steps.kinds.preflight import Preflight
from bootstrap.steps.permissions import beginning_anew, recovering_a_quorum, restoring_in_place, wanted
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.losses import VAULT, delete
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
    assert (error.code, error.message) == ("E_RBAC", f"1 permissions are missing:\n    {denied}")
    unread: Any = Unread(platform.cluster)
    assert isinstance(step_of(platform, "preflight", cluster=unread).decide(), Blocked)


class Unread:
    """A cluster of which no object may be read."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        assert name not in ("get", "list", "differs", "token_issuer")
        return getattr(self._cluster, name)


def without(platform: SimulatedPlatform, *permissions: Permission) -> Decision:
    """What preflight says where these are missing, and all that it wants by itself are there."""
    platform.cluster.denied.update(set(permissions) - set(wanted(platform.world().intent)))
    return step_of(platform, "preflight").decide()


def test_g5_what_another_kind_of_run_needs_is_not_asked_for(platform: SimulatedPlatform) -> None:
    intent, note = platform.world().intent, "Kubernetes v1.34.4, storage class standard, all permissions"
    assert step_of(platform, "preflight").decide() == Satisfied(note)
    unseen = "PersistentVolumes may not be listed, so none that a lost Vault left would be seen"
    found = without(platform, *restoring_in_place(intent), *recovering_a_quorum(intent))
    assert found == Satisfied(f"{note}; {unseen}")


def test_g5_to_begin_anew_retired_scaffolds_have_to_be_free_to_be_made(platform: SimulatedPlatform) -> None:
    platform.up()
    delete(platform, VAULT)
    platform.approved = ("new-authority",)
    assert isinstance(step_of(platform, "preflight").decide(), Satisfied)
    decision = without(platform, *beginning_anew())
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_RBAC"
    assert all(str(each) in decision.error.message for each in beginning_anew())


def test_h1_of_a_lost_authority_nothing_has_to_stay_where_it_was(platform: SimulatedPlatform) -> None:
    platform.up()
    delete(platform, VAULT)
    platform.approved = ("new-authority",)
    world = platform.world()
    secrets = tuple(replace(s, path=s.path and f"{s.path}-elsewhere") for s in world.intent.secrets)
    world.intent = replace(world.intent, secrets=secrets)
    kind = Preflight(next(s for s in world.plan.steps if s.kind == "preflight"), world)
    assert isinstance(HalfwayStep(world, kind).decide(), Satisfied)


@pytest.mark.parametrize(
    ("version", "fits"),
    [("v1.30.0", True), ("v1.29.9", False), ("v0.99.0", False), ("v1.31+", True), ("unknown", False)],
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
    error = stopped(platform)
    assert error.code == "E_STORAGE", "one that is not the default and not named"
    assert error.message == "no default StorageClass"


def test_g5_a_storage_class_that_is_named_is_there_whatever_is_the_default(
    platform: SimulatedPlatform,
) -> None:
    world = platform.world()
    vault = replace(world.intent.platform.vault, storage_class="fast")
    world.intent = replace(world.intent, platform=replace(world.intent.platform, vault=vault))
    step = HalfwayStep(world, Preflight(next(s for s in world.plan.steps if s.kind == "preflight"), world))
    decision = step.decide()
    assert isinstance(decision, Blocked)
    assert decision.error.message == "no StorageClass 'fast'"
    platform.cluster.create({"apiVersion": STORAGE.api, "kind": STORAGE.kind, "metadata": {"name": "fast"}})
    decision = step.decide()
    assert isinstance(decision, Satisfied)
    assert "storage class fast" in decision.note


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


def test_g5_several_are_named_together_the_first_gives_the_code(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> TokenIssuer:
        raise PreconditionError("the API server does not show it", code="E_NO_ISSUER")

    monkeypatch.setattr(platform.cluster, "token_issuer", shown)
    platform.cluster._version = "v1.20.0"
    remove(platform, STORAGE)
    error = stopped(platform)
    assert error.code == "E_VERSION"
    assert error.message == (
        "3 preconditions do not hold:\n"
        "  E_VERSION: Kubernetes v1.20.0 is too old; 1.30 or newer is needed\n"
        "    hint: upgrade it, or name another one with --context\n"
        "  E_STORAGE: no default StorageClass\n"
        "    hint: mark one as default, or name one in spec.vault.storage.className\n"
        "  E_NO_ISSUER: the API server does not show it"
    )


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
