"""The two Secrets that a serving Vault mounts are ours by their content: who made them first is found (INV4, S1)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.adapters.root.derived_keys import Commitment
from bootstrap.model.catalog import Custody
from bootstrap.model.errors import EvidenceError, PreconditionError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import CLAIM_ANNOTATION, SYSTEM_NAMESPACE, labels
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import serving_secrets
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.serving_secrets import (
    announce,
    foreign,
    give_share,
    is_announced,
    make_immutable,
    marked,
    taken,
    tls_ref,
    trusted_keys,
    unseal_ref,
    unseal_refs,
)
from tests.simulator.cluster import SimulatedCluster

SHARE, OTHER = Sensitive(b"share", "share"), Sensitive(b"other", "share")


class Certificates:
    """A certificate is the name of its key."""

    def read_all(self, content: bytes | Sensitive) -> tuple[Any, ...]:
        data = content.reveal() if isinstance(content, Sensitive) else content
        if data == b"junk":
            raise EvidenceError("this is no certificate", code="E_CERTIFICATE")
        return tuple(SimpleNamespace(key=name.decode()) for name in data.split())


def no_root() -> Commitment:
    raise PreconditionError("the root is needed", code="E_ROOT_NEEDED")


class Place:
    """A cluster on which nothing stands, and the world of a run on it. ``escrowed`` opens to these shares."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster = SimulatedCluster()
        for name in ("vault", SYSTEM_NAMESPACE):
            self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.escrowed: tuple[Sensitive, ...] | None = None
        self.material = SimpleNamespace(
            commitments=lambda: Commitment(Sensitive(b"0" * 64, "commitment key")),
            unseal_key=lambda: SimpleNamespace(decrypt=lambda share: share),
        )
        found = SimpleNamespace(
            cluster=self.cluster,
            certificates=Certificates(),
            material=self.material,
            files=object(),
            intent=SimpleNamespace(
                keys={"vault-ca.crt": b"ours next"},
                platform=SimpleNamespace(vault=SimpleNamespace(namespace="vault", custody=Custody.CLUSTER)),
            ),
        )
        self.world: Any = cast(World, found)
        monkeypatch.setattr(serving_secrets, "read_escrow", lambda _: self._escrow())
        self.cluster.mutations.clear()

    def _escrow(self) -> Any:
        if self.escrowed is None:
            return None
        held = (SimpleNamespace(ciphertext=lambda share=share: share) for share in self.escrowed)
        return SimpleNamespace(shares=dict(enumerate(held)))

    def without_root(self) -> None:
        self.world.files, self.material.commitments = None, no_root

    def live(self, ref: Ref) -> Object:
        found = self.cluster.get(ref)
        assert found is not None
        return found

    def make(self, ref: Ref, data: dict[str, Sensitive] | None, **more: Any) -> Object:
        """As somebody makes it who has no root, label and all."""
        meta = {"name": ref.name, "namespace": ref.namespace, "labels": labels("vault")} | more.pop(
            "meta", {}
        )
        content = {} if data is None else {"data": data}
        made: Object = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta}
        return made | content | more

    def tls(self, authority: bytes = b"ours", **more: Any) -> Object:
        return self.make(tls_ref(self.world), {"ca.crt": Sensitive(authority), "vault-0.key": SHARE}, **more)

    def share(self, share: Sensitive = SHARE, **more: Any) -> Object:
        return self.make(unseal_ref(self.world), {"key": share}, **{"immutable": True, **more})


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def put(place: Place, secret: Object) -> str:
    """Why it is none of ours, once it is there."""
    place.cluster.create(secret)
    meta = secret["metadata"]
    return foreign(place.world, Ref("v1", "Secret", meta["name"], meta["namespace"]))


# ---------------------------------------------------------------- the share


@pytest.mark.parametrize("generation", [None, 1, 3])
def test_b4_a_share_is_named_by_its_generation(place: Place, generation: int | None) -> None:
    if generation:
        window = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, generation=generation)
        WindowStore(place.cluster).create(window)
    now = generation or 1
    assert [ref.name for ref in unseal_refs(place.world)] == [
        f"vault-unseal-{now}",
        f"vault-unseal-{now + 1}",
    ]


@pytest.mark.parametrize("counts", [True, False])
def test_b4_a_share_is_given_once_and_is_immutable_once_it_counts(place: Place, counts: bool) -> None:
    ref = unseal_ref(place.world)
    give_share(place.world, ref, SHARE, counts=counts)
    assert (place.live(ref)["data"], place.live(ref)["immutable"]) == ({"key": SHARE}, counts)
    place.without_root()
    give_share(place.world, ref, OTHER)
    assert place.live(ref)["data"] == {"key": SHARE}


def test_b4_a_share_that_counts_is_made_immutable(place: Place) -> None:
    ref = unseal_ref(place.world)
    make_immutable(place.world, ref)
    assert place.cluster.mutations == []
    give_share(place.world, ref, SHARE, counts=False)
    for _ in range(2):
        make_immutable(place.world, ref)
        assert (place.live(ref)["data"], place.live(ref)["immutable"]) == ({"key": SHARE}, True)


# ---------------------------------------------------------------- the CA in Vault


def test_g7_the_renewers_are_told_of_a_ca_in_vault(place: Place) -> None:
    announce(place.world, "k1")
    assert place.cluster.mutations == []
    assert not is_announced(place.world, "k1")
    place.cluster.create(marked(place.world, place.tls()))
    for key, another in (("k1", "k2"), ("k2", "k1")):
        assert not is_announced(place.world, key)
        announce(place.world, key)
        assert is_announced(place.world, key) and not is_announced(place.world, another)
        assert foreign(place.world, tls_ref(place.world)) == "", "what is announced is part of what is marked"


# ---------------------------------------------------------------- whose it is


def test_inv4_what_is_not_there_and_what_is_marked_is_ours(place: Place) -> None:
    assert foreign(place.world, tls_ref(place.world)) == ""
    assert list(taken(place.world)) == []
    for secret in (place.tls(), place.share()):
        assert put(place, marked(place.world, secret)) == ""
    assert list(taken(place.world)) == []


def test_marks_of_others_stay(place: Place) -> None:
    meta = marked(place.world, place.tls(meta={"annotations": {"theirs": "stays"}}))["metadata"]
    assert meta["annotations"].pop(CLAIM_ANNOTATION)
    assert meta["annotations"] == {"theirs": "stays"}


def test_inv4_whose_label_is_another_is_another_s(place: Place) -> None:
    for secret in (place.tls(meta={"labels": {}}), place.share(meta={"labels": {}})):
        assert put(place, marked(place.world, secret)) == "its owner is another"
    place.world.intent.platform.vault.custody = Custody.OFFLINE
    (only,) = taken(place.world)
    assert (only.code, only.where) == ("E_NAME_TAKEN", str(tls_ref(place.world)))
    place.world.intent.platform.vault.custody = Custody.CLUSTER
    assert [each.where for each in taken(place.world)] == [
        str(tls_ref(place.world)),
        str(unseal_ref(place.world)),
    ]


@pytest.mark.parametrize("authority", [b"theirs", b"junk", b""])
def test_s1_certificates_of_another_ca_are_another_s(place: Place, authority: bytes) -> None:
    secret = marked(place.world, place.tls(authority))
    place.without_root()
    assert put(place, secret) == "its CA is not keys/vault-ca.crt"


def test_s1_one_ca_of_two_is_enough_and_no_data_is_none(place: Place) -> None:
    assert put(place, marked(place.world, place.tls(b"theirs next"))) == ""
    assert trusted_keys(place.world, place.tls(b"theirs next")) == {"theirs", "next"}
    assert trusted_keys(place.world, {"data": {}}) == frozenset()


def test_inv4_what_is_not_one_immutable_share_is_another_s(place: Place) -> None:
    for secret in (
        place.share(immutable=False),
        place.make(unseal_ref(place.world), {"key": SHARE, "more": OTHER}, immutable=True),
        place.make(unseal_ref(place.world), None, immutable=True),
    ):
        assert put(place, secret) == "it is not one immutable share"
        ref = unseal_ref(place.world)
        place.cluster.delete(ref, uid=place.live(ref)["metadata"]["uid"])


def forged(place: Place, secret: Object) -> Object:
    """With the mark of another content."""
    other = marked(place.world, secret | {"data": secret["data"] | {"key": OTHER}})
    return other | {"data": secret["data"]}


def test_s1_what_was_not_made_with_this_root_is_another_s_without_an_escrow(place: Place) -> None:
    for secret in (place.tls(), forged(place, place.share())):
        assert put(place, secret) == "what is in it was not made with this root key"
    assert [each.code for each in taken(place.world)] == ["E_NAME_TAKEN"] * 2
    place.without_root()
    assert list(taken(place.world)) == [], "without the root nothing is changed, and nothing is compared"


def test_inv4_of_an_earlier_version_a_share_is_known_by_the_escrow(place: Place) -> None:
    place.escrowed = (OTHER, SHARE)
    assert put(place, place.share()) == ""
    place.escrowed = (OTHER,)
    assert foreign(place.world, unseal_ref(place.world)) == "it is not the share of this Vault"
    assert put(place, place.tls()) == "", "it is known by its CA: what is missing in it is issued anew"
