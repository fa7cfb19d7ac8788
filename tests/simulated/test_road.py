"""The whole road on the simulators: one `up` from an empty cluster to retired bootstrap secrets."""

from bootstrap.ledger.record import RecordType
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Object, Ref, Refused
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.transfers import named
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.platform import SimulatedPlatform

SCAFFOLD = Ref("v1", "Secret", "deploy-credential-bootstrap", "gitops")


def test_one_up_ends_with_every_secret_retired_and_every_proof_good(platform: SimulatedPlatform) -> None:
    platform.up()
    world = platform.world()
    retired = named(world.ledger.read(), RecordType.RETIRED)
    assert set(retired) == {s.name for s in world.intent.handovers}
    bad = [p for p in prove(world, deep=True) if p.ok is not True]
    assert not bad


def test_g5_a_second_up_changes_nothing(platform: SimulatedPlatform) -> None:
    platform.up()
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    assert platform.up().epoch == 0
    assert platform.cluster.mutations == []
    assert platform.vault.mutations == []


def test_b4_a_lost_answer_of_sys_init_is_voided_and_done_again(platform: SimulatedPlatform) -> None:
    platform.vault.lose_next_answer = True  # the first write that Vault sees is sys/init
    platform.up()
    window = platform.cluster.get(Ref("v1", "ConfigMap", "vault-init", "bootstrap-system"))
    assert window is not None
    assert (window["data"]["phase"], window["data"]["attempt"]) == ("VERIFIED", "2")


def test_inv1_a_lost_namespace_is_rebuilt_from_escrow_and_vault(platform: SimulatedPlatform) -> None:
    platform.up()
    before = platform.world().ledger.read().chain.size
    home = Ref("v1", "Namespace", "bootstrap-system")
    live = platform.cluster.get(home)
    assert live is not None
    platform.cluster.delete(home, uid=live["metadata"]["uid"])
    platform.up()
    assert platform.narrator.said("unseal key proven from the escrow")
    assert platform.narrator.said("ledger rebuilt from Vault's copy")
    world = platform.world()
    assert world.ledger.read().chain.size == before + 2  # REBUILT, and Vault's own
    assert world.cluster.get(Ref("v1", "Secret", "deploy-credential-bootstrap", "gitops")) is None
    assert platform.up().epoch == 0


def test_h3_a_scaffold_goes_only_when_nothing_can_make_it_again(platform: SimulatedPlatform) -> None:
    """A policy takes effect a while after it was made; a controller that watches is faster."""
    rule, late = platform.cluster.admission[0], iter(range(3))
    answers: list[Object | Refused] = []

    def in_effect_later(obj: Object) -> str:
        refusal = rule(obj)
        return "" if refusal and next(late, None) is not None else refusal

    def controller(cluster: SimulatedCluster, verb: str, obj: Object) -> None:
        if verb == "deleted" and ref_of(obj) == SCAFFOLD:
            meta = {"name": SCAFFOLD.name, "namespace": SCAFFOLD.namespace}
            answers.append(cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta}))

    platform.cluster.admission[0] = in_effect_later
    platform.cluster.controllers.append(controller)
    platform.up()
    assert [type(answer) for answer in answers] == [Refused]
    assert next(late, None) is None
