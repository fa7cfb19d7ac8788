"""Bootstrap secrets in the cluster: made once, where the place is free, and never again once Vault is the authority
(B1, INV2); and the ledger's copy in Vault, written once (H4).
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.ledger.batch import Batch
from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import EvidenceError, PreconditionError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Object, Ref
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.names import labels
from bootstrap.steps.kinds.scaffold import BootstrapCopies
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.vault.ledger_copy import KvCopy
from tests.simulator.concurrent import At
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.losses import VAULT, delete
from tests.simulator.platform import SimulatedPlatform
from tests.support.ledger_facts import entries
from tests.support.simulated_clock import SimulatedClock


def copy(platform: SimulatedPlatform) -> Ref:
    return bootstrap_copy_ref(platform.world().intent.scaffolds[0])


def theirs(ref: Ref) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "data": {"theirs": Sensitive(b"theirs", "theirs")},
    }


def home(platform: SimulatedPlatform, name: str) -> None:
    if platform.cluster.get(Ref("v1", "Namespace", name)) is None:
        platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def test_b1_a_secret_of_that_name_that_is_not_ours_is_left_as_it_is(platform: SimulatedPlatform) -> None:
    halfway(platform, "scaffold")
    ref = copy(platform)
    home(platform, ref.namespace)
    platform.cluster.create(theirs(ref))
    before = platform.cluster.get(ref)
    decision = step_of(platform, "scaffold").decide()
    assert isinstance(decision, Blocked)
    assert (decision.error.code, decision.error.where) == ("E_NAME_TAKEN", str(ref))
    with pytest.raises(PreconditionError):
        platform.up()
    assert platform.cluster.get(ref) == before


def test_b1_one_that_appears_meanwhile_is_not_overwritten(platform: SimulatedPlatform) -> None:
    halfway(platform, "scaffold")
    ref = copy(platform)
    home(platform, ref.namespace)

    def appear() -> None:
        platform.cluster.create(theirs(ref))

    at = At(lambda c: c.name == "create" and c.args[0]["metadata"]["name"] == ref.name, appear)
    step_of(platform, "scaffold", **at.ports(platform)).take()
    live = platform.cluster.get(ref)
    assert at.fired
    assert live is not None
    assert "theirs" in live["data"]


def test_inv2_once_vault_is_the_authority_it_is_never_made_again(platform: SimulatedPlatform) -> None:
    platform.up()
    platform.cluster.admission.clear()  # what refuses its return is another guard
    assert isinstance(step_of(platform, "scaffold").decide(), Satisfied)
    assert platform.up().epoch == 0
    assert platform.cluster.get(copy(platform)) is None


def test_inv2_while_it_is_not_known_what_was_handed_over_nothing_is_made(platform: SimulatedPlatform) -> None:
    """The ledger's namespace is lost, and Vault is there: its copy tells, later in the run."""
    platform.up()
    platform.cluster.admission.clear()
    ref = Ref("v1", "Namespace", "bootstrap-system")
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])
    decision = step_of(platform, "scaffold").decide()
    assert isinstance(decision, Satisfied)
    assert "once the ledger is open" in decision.note


def test_b1_before_vault_is_its_authority_one_that_went_is_made_again(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-install")
    ref = copy(platform)
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])
    decision = step_of(platform, "scaffold").decide()
    assert isinstance(decision, Act)
    assert decision.changes == (f"create {ref}",)


def changed(platform: SimulatedPlatform, *secrets: Secret, **ports: Any) -> HalfwayStep:
    """The step under an intent with these secrets instead."""
    world = step_of(platform, "scaffold", **ports).world
    world.intent = replace(world.intent, secrets=secrets)
    return HalfwayStep(
        world, BootstrapCopies(next(s for s in world.plan.steps if s.kind == "scaffold"), world)
    )


def test_b1_it_has_the_type_that_is_declared(platform: SimulatedPlatform) -> None:
    halfway(platform, "scaffold")
    secret = platform.world().intent.scaffolds[0]
    assert secret.scaffold is not None
    changed(platform, replace(secret, scaffold=replace(secret.scaffold, type="example.com/login"))).take()
    live = platform.cluster.get(copy(platform))
    assert live is not None
    assert live["type"] == "example.com/login"


def test_inv2_one_that_is_declared_later_frees_none_that_is_retired(platform: SimulatedPlatform) -> None:
    platform.up()
    secret = platform.world().intent.scaffolds[0]
    assert secret.scaffold is not None
    later = replace(secret, name="later", scaffold=replace(secret.scaffold, name="later-bootstrap"))
    decision = changed(platform, secret, later).decide()
    assert isinstance(decision, Act)
    assert decision.changes == (f"create Secret {secret.scaffold.namespace}/later-bootstrap",)


# ---------------------------------------------------------------- under a new authority


@pytest.fixture
def anew(platform: SimulatedPlatform) -> SimulatedPlatform:
    """Its Vault is lost, and what Git has counts once more: an earlier look of this run has kept the answer."""
    platform.up()
    delete(platform, VAULT)
    platform.approved = (f"new-authority@{platform.world().ledger.read().chain.size}",)
    return platform


RETIRED = Ref(API, "ValidatingAdmissionPolicy", POLICY)


def test_b1_it_is_made_again_once_admission_takes_it(anew: SimulatedPlatform) -> None:
    """The API server learns late that the policy is gone."""
    clock = SimulatedClock()

    def late(obj: Object) -> str:
        return "retired" if obj["kind"] == "Secret" and clock.seconds < 10 else ""

    anew.cluster.admission.append(late)
    decision = step_of(anew, "scaffold").decide()
    assert isinstance(decision, Act)
    assert decision.summary == "begin a new authority, materialize 1 bootstrap secrets"
    assert decision.changes == (
        "record the new authority",
        f"delete ValidatingAdmissionPolicyBinding {POLICY}, until they are retired again",
        f"delete {RETIRED}, until they are retired again",
        f"create {copy(anew)}",
    )
    step_of(anew, "scaffold", clock=clock).take()
    live = anew.cluster.get(copy(anew))
    assert live is not None
    assert live["data"]


def test_inv4_the_decision_is_on_record_once(anew: SimulatedPlatform) -> None:
    for _ in range(2):
        step_of(anew, "scaffold").take()
        found = anew.cluster.get(copy(anew))
        assert found is not None
        anew.cluster.delete(copy(anew), uid=found["metadata"]["uid"])
    records = [r.fact.type for r in anew.world().ledger.read().records]
    assert records.count(RecordType.NEW_AUTHORITY) == 1


def test_a_policy_of_that_name_that_is_not_ours_stays(anew: SimulatedPlatform) -> None:
    live = anew.cluster.get(RETIRED)
    assert live is not None
    live["metadata"]["labels"] = {"team": "theirs"}
    anew.cluster.update_as("another", live)
    decision = step_of(anew, "scaffold").decide()
    assert isinstance(decision, Act)
    assert f"delete {RETIRED}, until they are retired again" not in decision.changes


def test_a_policy_that_takes_its_place_meanwhile_stays(anew: SimulatedPlatform) -> None:
    def replaced() -> None:
        live = anew.cluster.get(RETIRED)
        assert live is not None
        anew.cluster.delete(RETIRED, uid=live["metadata"]["uid"])
        anew.cluster.create({**live, "metadata": {"name": POLICY, "labels": {"team": "theirs"}}})

    at = At(lambda c: c.name == "delete" and c.args[0] == RETIRED, replaced)
    with suppress(WorldError):
        step_of(anew, "scaffold", **at.ports(anew)).take()
    live = anew.cluster.get(RETIRED)
    assert at.fired
    assert live is not None
    assert live["metadata"]["labels"] == {"team": "theirs"}


def test_inv2_where_none_has_to_be_made_none_is_freed(anew: SimulatedPlatform) -> None:
    """They stand by declaration."""
    anew.cluster.admission.clear()
    live = {
        **theirs(copy(anew)),
        "metadata": {**theirs(copy(anew))["metadata"], "labels": labels("scaffold")},
    }
    anew.cluster.create(live)
    decision = step_of(anew, "scaffold").decide()
    assert isinstance(decision, Act)
    assert decision.changes == ("record the new authority",)


# ---------------------------------------------------------------- the ledger's copy in Vault


def batches() -> tuple[Batch, Batch]:
    made = entries()
    return Batch.of(made[:2]), Batch.of(made[2:4])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path_factory.mktemp("p"), repository)
    made.up()
    return made


def test_h4_a_batch_of_the_copy_is_written_once_and_never_replaced(finished: SimulatedPlatform) -> None:
    copied, (one, other) = KvCopy(finished.world().session), batches()
    copied.write_once("ledger-90000000", one.content)
    copied.write_once("ledger-90000000", one.content)
    with pytest.raises(EvidenceError) as caught:
        copied.write_once("ledger-90000000", other.content)
    assert caught.value.code == "E_FORK"
    assert copied.read("ledger-90000000") == one.content
    assert len(finished.vault.live().secrets["bootstrap/ledger/ledger-90000000"].versions) == 1


def test_h4_a_lost_answer_of_the_copy_is_looked_after(finished: SimulatedPlatform) -> None:
    copied, (one, _) = KvCopy(finished.world().session), batches()
    copied.session.token()
    copied.session.fence()
    finished.vault.lose_next_answer = True
    copied.write_once("ledger-91000000", one.content)
    assert copied.read("ledger-91000000") == one.content


def test_h4_an_error_of_vault_is_not_taken_for_an_absent_batch(finished: SimulatedPlatform) -> None:
    class Erring:
        def read(self, path: str) -> Answer:
            return Answer(status=500, data={}, errors=("internal error",))

    erring: Any = Erring()
    with pytest.raises(WorldError) as caught:
        KvCopy(erring).read("ledger-00000000")
    assert caught.value.code == "E_VAULT_REFUSED"
    assert KvCopy(finished.world().session).read("ledger-99999999") is None
