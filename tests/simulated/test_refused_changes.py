"""What Git cannot take back by one line: refused before anything is changed, and `verify` sees what was left behind."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.engine.inspect import survey
from bootstrap.engine.runner import Runner
from bootstrap.model.catalog import InternalSource
from bootstrap.model.decision import Blocked
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.names import CLAIM_ANNOTATION, VAULT_SECRETS
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.verify.proofs.retirement import residuals
from bootstrap.operations.verify.proofs.vault import voters
from bootstrap.ports import Ref, Refused
from bootstrap.steps.authority.traces import traces
from bootstrap.steps.kinds.materialized import Materialized
from bootstrap.steps.registry import kind_class
from tests.simulator.platform import SimulatedPlatform, opened
from tests.support.program import commit_all


@pytest.fixture
def platform(tmp_path: Path) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path)
    made.up()
    return made


def changed(platform: SimulatedPlatform, path: str, *pairs: tuple[str, str]) -> None:
    """One more commit; ``pairs`` are what is replaced by what in one file."""
    file = platform.repository / path
    text = file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    commit_all(platform.repository)
    opened.cache_clear()


def refused(platform: SimulatedPlatform) -> PreconditionError:
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    with pytest.raises(PreconditionError) as caught:
        platform.up()
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("fewer", [1])
def test_g7_fewer_replicas_would_leave_voters_behind(platform: SimulatedPlatform, fewer: int) -> None:
    changed(platform, "bootstrap.yaml", ("replicas: 3", f"replicas: {fewer}"))
    error = refused(platform)
    assert (error.code, error.where) == ("E_REPLICAS_FEWER", "bootstrap.yaml:2")
    assert "has 3 replicas, replicas: 1 is declared" in error.message


def test_g7_more_replicas_are_one_line(platform: SimulatedPlatform) -> None:
    changed(platform, "bootstrap.yaml", ("replicas: 3", "replicas: 5"))
    assert platform.up().epoch == 2
    world = platform.world()
    assert (voters(world).ok, len(world.session.pods)) == (True, 5)


def test_g7_a_voter_that_nobody_declares_is_named(platform: SimulatedPlatform) -> None:
    changed(platform, "bootstrap.yaml", ("replicas: 3", "replicas: 5"))
    platform.up()
    changed(platform, "bootstrap.yaml", ("replicas: 5", "replicas: 3"))
    proof = voters(platform.world())
    assert proof.ok is False
    assert "not declared: vault-3, vault-4" in proof.evidence
    assert "remove-peer vault-3" in proof.hint


def test_b4_custody_is_not_taken_back_by_a_line(platform: SimulatedPlatform) -> None:
    changed(platform, "bootstrap.yaml", ("custody: cluster", "custody: offline"))
    assert refused(platform).code == "E_CUSTODY_CHANGE"
    assert platform.cluster.get(Ref("v1", "Secret", "vault-unseal-1", "vault")) is not None
    assert "Secret vault/vault-unseal-1" in residuals(platform.world()).evidence


def test_h1_a_path_that_was_handed_over_to_stays(platform: SimulatedPlatform) -> None:
    changed(
        platform, "secrets/orders.yaml", ("applications/orders/session-key", "applications/orders/session")
    )
    error = refused(platform)
    assert error.code == "E_PATH_MOVED"
    assert error.where.startswith("secrets/orders.yaml:")
    assert error.hint.startswith("write path: applications/orders/session-key;")
    world = platform.world()
    [step] = [s for s in survey(world.plan, world, kind_class) if s.step.id == "handover"]
    assert step.code == "E_PATH_MOVED"


def test_h1_a_new_name_hands_nothing_over_again(platform: SimulatedPlatform) -> None:
    changed(
        platform,
        "secrets/orders.yaml",
        ("  name: orders-payment-token\n", "  name: orders-pay-token\n"),
        ("applications/orders/payment-token", "applications/orders/pay-token"),
    )
    error = refused(platform)
    assert error.code == "E_NAME_CHANGED"
    assert error.where.startswith("secrets/orders.yaml:")
    assert error.hint.startswith("write name: orders-payment-token;")


def test_an_entry_that_is_removed_is_no_change_of_a_name(platform: SimulatedPlatform) -> None:
    file = platform.repository / "secrets/orders.yaml"
    documents = file.read_text().split("\n---\n")
    file.write_text("\n---\n".join(d for d in documents if "name: orders-payment-token" not in d))
    commit_all(platform.repository)
    opened.cache_clear()
    assert "orders-payment-token" not in [s.name for s in platform.world().intent.secrets]
    assert platform.up().epoch == 2


# ---------------------------------------------------------------- what belongs to the platform itself


def test_s3_preflight_itself_refuses_an_intent_that_reaches_for_the_unseal_key(
    platform: SimulatedPlatform,
) -> None:
    """The rules of `check` refuse it before; whatever brought the intent here, nothing is done with it."""
    world = platform.world()
    entry = replace(
        world.intent.internals[0], source=InternalSource(namespace="vault", secret="vault-unseal-1")
    )
    world = replace(world, intent=replace(world.intent, internals=(entry,)))
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError) as caught:
        Runner(world.plan, world, kind_class).run()
    assert (caught.value.code, platform.cluster.mutations) == ("E_NAMESPACE", [])
    assert "Vault's own" in caught.value.message


def test_s3_all_that_up_makes_for_vault_has_a_reserved_name(platform: SimulatedPlatform) -> None:
    secrets = platform.cluster.list("v1", "Secret", "vault")
    ours = [s["metadata"]["name"] for s in secrets if not s["metadata"].get("ownerReferences")]
    assert {"vault-tls", "vault-unseal-1"} <= {*ours}
    assert [name for name in ours if not name.startswith(VAULT_SECRETS)] == []


SECRET = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque"}
FORGED = {"app.kubernetes.io/managed-by": "bootstrap", "app.kubernetes.io/part-of": "bootstrap"}


@pytest.mark.parametrize("name", ["vault-tls", "vault-unseal-1"])
def test_s3_a_secret_that_was_there_before_is_not_adopted(tmp_path: Path, name: str) -> None:
    platform = SimulatedPlatform(tmp_path)
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}})
    meta = {"name": name, "namespace": "vault"}
    data = {"ca.crt": Sensitive(b"theirs"), "vault-0.crt": Sensitive(b"x"), "key": Sensitive(b"y")}
    platform.cluster.create(SECRET | {"metadata": meta, "data": data})
    with pytest.raises(PreconditionError) as caught:
        platform.up()
    assert (caught.value.code, caught.value.where) == ("E_NAME_TAKEN", f"Secret vault/{name}")
    live = platform.cluster.get(Ref("v1", "Secret", name, "vault"))
    assert live is not None
    assert live["data"] == data


@pytest.mark.parametrize("name", ["vault-tls", "vault-unseal-1"])
def test_s3_nor_one_of_another_content_under_our_label(platform: SimulatedPlatform, name: str) -> None:
    ref = Ref("v1", "Secret", name, "vault")
    live = platform.cluster.get(ref)
    assert live is not None
    platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    meta = {"name": name, "namespace": "vault", "labels": FORGED}
    platform.cluster.create(SECRET | {"metadata": meta, "data": live["data"] | {"ca.crt": Sensitive(b"x")}})
    with pytest.raises(PreconditionError) as caught:
        platform.up()
    assert (caught.value.code, caught.value.where) == ("E_NAME_TAKEN", f"Secret vault/{name}")


SHARE = {"key": Sensitive(b"0123456789abcdef" * 4)}


@pytest.mark.parametrize("name", ["vault-tls", "vault-unseal-1"])
@pytest.mark.parametrize("role", ["ours", "another mark"])
def test_s3_one_that_was_planted_before_the_first_run_is_no_trace_of_an_authority(
    tmp_path: Path, name: str, role: str
) -> None:
    """In our form, under our labels: nothing is asked, nothing is changed, and it is not taken for ours."""
    platform = SimulatedPlatform(tmp_path)
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}})
    ca = Sensitive(platform.world().intent.keys["vault-ca.crt"])
    data = SHARE if name == "vault-unseal-1" else {"ca.crt": ca, "vault-0.crt": Sensitive(b"x")}
    meta = {"name": name, "namespace": "vault", "labels": FORGED}
    if role == "another mark":
        meta["annotations"] = {CLAIM_ANNOTATION: "0" * 64}
    platform.cluster.create(SECRET | {"metadata": meta, "data": data, "immutable": True})
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError) as caught:
        platform.up()
    assert (caught.value.code, caught.value.where) == ("E_NAME_TAKEN", f"Secret vault/{name}")
    assert platform.cluster.mutations == []
    live = platform.cluster.get(Ref("v1", "Secret", name, "vault"))
    assert live is not None
    platform.cluster.delete(Ref("v1", "Secret", name, "vault"), uid=live["metadata"]["uid"])
    assert platform.up().epoch == 1


def test_s3_a_share_of_another_vault_is_not_adopted_later(platform: SimulatedPlatform) -> None:
    """Under the digest of the right one."""
    ref = Ref("v1", "Secret", "vault-unseal-1", "vault")
    live = platform.cluster.get(ref)
    assert live is not None
    platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    meta = {key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    for marks in (meta, {**meta, "annotations": {}}):
        made = platform.cluster.create(SECRET | {"metadata": marks, "data": SHARE, "immutable": True})
        assert not isinstance(made, Refused)
        with pytest.raises(PreconditionError) as caught:
            platform.up()
        assert (caught.value.code, caught.value.where) == ("E_NAME_TAKEN", str(ref))
        platform.cluster.delete(ref, uid=made["metadata"]["uid"])
    platform.cluster.create(
        SECRET | {"metadata": {**meta, "annotations": {}}, "data": live["data"], "immutable": True}
    )
    platform.up()  # the right one, as a version that wrote no digest has left it


def test_inv4_one_that_a_lost_vault_has_left_is_still_a_trace(platform: SimulatedPlatform) -> None:
    kept = {str(Ref("v1", "Secret", name, "vault")) for name in ("vault-unseal-1", "vault-tls")}
    assert kept <= {*traces(platform.world())}


def source_of(platform: SimulatedPlatform) -> Ref:
    (entry, *_) = platform.world().intent.internals
    return Ref("v1", "Secret", entry.source.secret, entry.source.namespace)


def planted_source(platform: SimulatedPlatform, value: bytes) -> Ref:
    """The source of an internal entry, with a key of the root in it."""
    ref = source_of(platform)
    if platform.cluster.get(Ref("v1", "Namespace", ref.namespace)) is None:
        platform.cluster.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ref.namespace}}
        )
    live = platform.cluster.get(ref)
    if live is not None:
        platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    (entry, *_) = platform.world().intent.internals
    data = {name: Sensitive(value) for name in entry.properties}
    platform.cluster.create(
        SECRET | {"metadata": {"name": ref.name, "namespace": ref.namespace}, "data": data}
    )
    return ref


@pytest.mark.parametrize("form", ["as it is", "base64"])
@pytest.mark.parametrize("when", ["before the first run", "later"])
def test_s1_a_source_that_holds_a_key_of_the_root_is_not_published(
    tmp_path: Path, form: str, when: str
) -> None:
    """Flux's own key for the repository, say, under whatever name it lies in the cluster."""
    platform = SimulatedPlatform(tmp_path)
    if when == "later":
        platform.up()
    root = (tmp_path / "root.key").read_bytes()
    ref = planted_source(platform, base64.b64encode(root) if form == "base64" else root)
    platform.cluster.mutations.clear()
    with pytest.raises(DefinitionError) as caught:
        platform.up()
    assert (caught.value.code, caught.value.where) == ("E_ROOT_SOURCE", str(ref))
    assert "remove the entry" in caught.value.hint
    assert platform.cluster.mutations == []
    planted_source(platform, b"a password")
    platform.up()


def test_s1_nor_one_that_came_between_the_first_look_and_its_push(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path)
    platform.up()
    planted_source(platform, (tmp_path / "root.key").read_bytes())
    step = Materialized(platform.world().plan.steps[0], platform.world())
    decision = step.decide(step.observe())
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_ROOT_SOURCE"
