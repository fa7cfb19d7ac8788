"""The key is proven from outside the cluster before anything rests on it: escrow, proof, VERIFIED (B4, INV4)."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pysequoia import Cert, encrypt

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.model.decision import Act, Satisfied
from bootstrap.model.errors import BootstrapError, EvidenceError, Transient, UnknownOutcome, WorldError
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, SealStatus
from bootstrap.steps.vault.escrow import Escrow, escrow_bytes, prove_escrow, read_escrow
from bootstrap.steps.vault.init_window import Slots, WindowStore
from tests.simulator.concurrent import At
from tests.simulator.faults import Killed
from tests.simulator.halfway import halfway, step_of
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.rekeying import in_escrow, in_slots, rekey, window
from tests.simulator.standing import proven
from tests.simulator.vault import Line, Store


class Unasked:
    """No rekey is under way."""

    def begin(self, cluster: str) -> None:
        raise AssertionError

    def prove_following(self, cluster: str) -> dict[str, str]:
        raise AssertionError


def phase(platform: SimulatedPlatform) -> WindowPhase:
    window = WindowStore(platform.cluster).read()
    assert window is not None
    return window.phase


def file(platform: SimulatedPlatform) -> Path:
    return platform.records / platform.cluster.uid() / ESCROW


def test_b4_the_escrow_is_outside_before_the_proof_and_the_proof_before_verified(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "vault-key")
    seen: list[tuple[bool, WindowPhase]] = []
    step = step_of(platform, "vault-key")

    class Proof(Unasked):
        def prove(self, cluster: str) -> dict[str, str]:
            seen.append((file(platform).is_file(), phase(platform)))
            return {"vaultClusterId": "proven"}

    step.world.proof = Proof()
    step.take()
    assert seen == [(True, WindowPhase.KEYS)]
    window = WindowStore(platform.cluster).read()
    assert window is not None
    assert (window.phase, window.cluster_id) == (WindowPhase.VERIFIED, "proven")


def test_b4_a_proof_that_fails_leaves_the_key_unproven(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-key")
    step = step_of(platform, "vault-key")

    class Proof(Unasked):
        def prove(self, cluster: str) -> dict[str, str]:
            raise EvidenceError("it does not open", code="E_ESCROW")

    step.world.proof = Proof()
    with pytest.raises(EvidenceError):
        step.take()
    assert phase(platform) is WindowPhase.KEYS


def test_b4_only_an_attempt_that_has_its_keys_is_proven(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-key")
    store = WindowStore(platform.cluster)
    window = store.read()
    assert window is not None
    assert store.swap(window, window.voiding())
    with pytest.raises(WorldError) as caught:
        step_of(platform, "vault-key").take()
    assert (caught.value.code, phase(platform)) == ("E_WINDOW", WindowPhase.VOIDING)
    assert not file(platform).exists()


def test_b4_without_the_share_there_is_nothing_to_prove(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-key")
    window = WindowStore(platform.cluster).read()
    assert window is not None
    Slots(platform.cluster, window.volume).remove(Slots.SHARE)
    with pytest.raises(WorldError) as caught:
        step_of(platform, "vault-key").take()
    assert (caught.value.code, phase(platform)) == ("E_SLOT", WindowPhase.KEYS)


def test_b4_a_window_that_moved_meanwhile_is_not_called_verified(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-key")
    store = WindowStore(platform.cluster)

    def move() -> None:
        window = store.read()
        assert window is not None
        assert store.swap(window, window.voiding())

    at = At(lambda c: c.name == "replace" and c.args[0].get("data", {}).get("phase") == "VERIFIED", move)
    step_of(platform, "vault-key", **at.ports(platform)).take()
    assert (at.fired, phase(platform)) == (True, WindowPhase.VOIDING)


def test_b4_without_a_window_there_is_nothing_to_prove(platform: SimulatedPlatform) -> None:
    step = step_of(platform, "vault-key")
    with pytest.raises(WorldError) as caught:
        step.take()
    assert caught.value.code == "E_WINDOW"


def test_b4_a_rekey_that_ended_before_it_counted_is_given_up_and_the_old_share_kept(
    platform: SimulatedPlatform,
) -> None:
    """Killed once Vault made the new share; what was kept of it goes."""
    platform.up()
    share = platform.vault.live().share

    def killed(_: Store, line: Line) -> None:
        if line.path == "sys/rekey/verify":
            raise Killed("before it counts")

    platform.vault.watchers.append(killed)
    with pytest.raises(Killed):
        rekey(platform)
    platform.vault.watchers.remove(killed)
    assert (set(in_slots(platform)), set(in_escrow(platform)), window(platform).target) == ({1, 2}, {1, 2}, 2)
    step = step_of(platform, "vault-key")
    decision = step.decide()
    assert isinstance(decision, Act)
    assert decision.summary == "end an interrupted rekey"
    step.take()
    assert (in_slots(platform), in_escrow(platform)) == ({1: share}, {1: share})
    assert (window(platform).generation, window(platform).target) == (1, 0)
    assert isinstance(step.decide(), Satisfied)


def spoilt(platform: SimulatedPlatform, **parts: Any) -> None:
    """The file says something else in one part."""
    escrow = read_escrow(platform.world())
    assert escrow is not None
    kept = {name: getattr(escrow, name) for name in ("cluster", "volume", "fingerprint", "share")}
    file(platform).write_bytes(Escrow(**(kept | parts)).to_bytes())


def test_inv4_an_escrow_of_another_cluster_proves_nothing(platform: SimulatedPlatform) -> None:
    proven(platform)
    world = platform.world()
    assert prove_escrow(world, world.cluster.uid())["method"] == "rekey, cancelled"
    spoilt(platform, cluster="another")
    with pytest.raises(EvidenceError, match="no escrow of this cluster"):
        prove_escrow(world, world.cluster.uid())
    file(platform).unlink()
    world.files = None  # nor can it be made again from the slot
    with pytest.raises(EvidenceError, match="no escrow of this cluster"):
        prove_escrow(world, world.cluster.uid())


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"share": "%"}', b'{"share": 1}'])
def test_b4_a_damaged_escrow_is_evidence_that_is_broken(platform: SimulatedPlatform, data: bytes) -> None:
    with pytest.raises(EvidenceError) as caught:
        Escrow.from_bytes(data, "records/x/escrow.json")
    assert (caught.value.code, caught.value.where) == ("E_ESCROW", "records/x/escrow.json")


def of_another_key(platform: SimulatedPlatform) -> Sensitive:
    """A share that opens with the root, and opens no Vault."""
    key = Cert.from_bytes(platform.world().material.unseal_key().certificate)
    return Sensitive(bytes(encrypt(b"00" * 32, recipients=[key], armor=False)), "share ciphertext")


def test_b4_a_share_that_does_not_open_this_vault_is_no_proof(platform: SimulatedPlatform) -> None:
    """Of a Vault that is open: 1.21 answers 500, so nobody can say that it does not, and the attempt is cancelled."""
    proven(platform)
    spoilt(platform, share=of_another_key(platform))
    world = platform.world()
    with pytest.raises(UnknownOutcome):
        prove_escrow(world, world.cluster.uid())
    assert platform.vault.live().rekey.nonce == "", "the attempt is cancelled"


class Answers:
    """A Vault of which one method answers otherwise."""

    def __init__(self, vault: Any, **methods: Callable[..., Any]) -> None:
        self._vault = vault
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


def still_sealed(*_: Any) -> SealStatus:
    return SealStatus(initialized=True, sealed=True, version="1.21.1")


def refused(*_: Any) -> SealStatus:
    raise WorldError("Vault answered 403", code="E_VAULT_DENIED")


@pytest.mark.parametrize(("unseal", "code"), [(still_sealed, "E_ESCROW"), (refused, "E_VAULT_DENIED")])
def test_b4_a_vault_that_is_not_opened_is_no_proof_and_says_why(
    platform: SimulatedPlatform, unseal: Callable[..., SealStatus], code: str
) -> None:
    halfway(platform, "vault-key")
    step = step_of(platform, "vault-key")
    world = platform.world(vault=Answers(platform.vault, unseal=unseal))

    class Proof(Unasked):
        def prove(self, cluster: str) -> dict[str, str]:
            return prove_escrow(world, cluster)

    step.world.proof = Proof()
    with pytest.raises(BootstrapError) as caught:
        step.take()
    assert (caught.value.code, phase(platform)) == (code, WindowPhase.KEYS)


@pytest.mark.parametrize(
    "given",
    [Answer(status=200, data={"complete": False}), Answer(status=400, data={"complete": True})],
    ids=["not complete", "refused"],
)
def test_b4_a_rekey_that_takes_the_share_and_does_not_complete_is_no_proof(
    platform: SimulatedPlatform, given: Answer
) -> None:
    proven(platform)

    def call(method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        answer = platform.vault.call(method, path, *args, **kwargs)
        return given if path == "sys/rekey/update" else answer

    world = platform.world(vault=Answers(platform.vault, call=call))
    with pytest.raises(EvidenceError) as caught:
        prove_escrow(world, world.cluster.uid())
    assert (caught.value.code, platform.vault.live().rekey.nonce) == ("E_ESCROW", "")


def test_b4_a_vault_that_is_silent_after_the_proof_is_asked_again(platform: SimulatedPlatform) -> None:
    proven(platform)
    silent: list[str] = []

    def call(method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        if method == "DELETE":
            silent.append(path)
        return platform.vault.call(method, path, *args, **kwargs)

    def seal_status(pod: str) -> SealStatus | None:
        return None if silent and silent.pop() else platform.vault.seal_status(pod)

    world = platform.world(vault=Answers(platform.vault, call=call, seal_status=seal_status))
    assert prove_escrow(world, world.cluster.uid())["vaultClusterId"] == platform.vault.live().cluster_id


def test_b4_another_s_rekey_is_left_alone_and_a_killed_proof_s_is_ended(platform: SimulatedPlatform) -> None:
    proven(platform)
    rekey, world = platform.vault.live().rekey, platform.world()
    rekey.nonce, rekey.key = "theirs", base64.b64encode(PgpKey(generate("theirs")).certificate).decode()
    with pytest.raises(Transient) as caught:
        prove_escrow(world, world.cluster.uid())
    assert (caught.value.code, rekey.nonce) == ("E_REKEY", "theirs")
    own = world.material.unseal_key().certificate
    rekey.nonce, rekey.key = "of a proof that was killed", base64.b64encode(own).decode()
    assert prove_escrow(world, world.cluster.uid())["vaultClusterId"]
    assert rekey.nonce == ""


def test_b4_of_slots_alone_an_escrow_is_made_once_the_key_is_proven_and_with_the_root(
    platform: SimulatedPlatform,
) -> None:
    """A run that was killed left the records on a machine that is gone."""
    halfway(platform, "vault-key")
    window = WindowStore(platform.cluster).read()
    assert window is not None
    assert Slots(platform.cluster, window.volume).both()
    assert read_escrow(platform.world()) is None
    step_of(platform, "vault-key").take()
    kept = file(platform).read_bytes()
    file(platform).unlink()
    world = platform.world()
    assert escrow_bytes(world) == kept
    world.files = None
    assert escrow_bytes(world) is None
    world = platform.world()
    Slots(platform.cluster, window.volume).remove(Slots.SHARE)
    assert escrow_bytes(world) is None


def test_b4_the_escrow_of_the_commit_serves_where_the_folder_is_gone(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-serve")
    kept = file(platform).read_bytes()
    file(platform).unlink()
    platform.escrows[platform.cluster.uid()] = kept
    world = platform.world()
    world.files = None
    assert escrow_bytes(world) == kept
    platform.escrows = {"another-cluster": kept}
    world = platform.world()
    world.files = None
    assert escrow_bytes(world) is None
