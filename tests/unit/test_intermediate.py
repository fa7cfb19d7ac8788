"""The CA in Vault is one that our CA signed, which ends with its leaves, and is made anew in time (G7, S1)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.certificates import Certificate
from bootstrap.model.errors import Transient, WorldError
from bootstrap.ports import Answer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.intermediate import CHOSEN, ENDS, ISSUER, Intermediate, live_intermediate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = VaultSpec(version="1.21.1", image="vault")


class Vault:
    """``default`` is the issuer that is chosen; asked for where none is, it answers 500, as Vault does."""

    def __init__(self, default: str = "one", **issuer: Any) -> None:
        self.default = default
        self.issuer = {"certificate": "ours", "leaf_not_after_behavior": ENDS} | issuer
        self.error: WorldError | None = None
        self.mounted = True
        self.written: list[tuple[str, Any]] = []

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        if self.error:
            raise self.error
        if method == "POST":
            self.written.append((path, body))
            return Answer(status=200, data={"csr": "a request", "imported_issuers": ["two"]})
        if path == CHOSEN:
            # A mount that is not there tells of nothing that is in it.
            return Answer(status=200 if self.mounted else 404, data={"default": self.default})
        assert path == ISSUER
        if not (self.default and self.mounted):
            return Answer(status=500, data={}, errors=("no default issuer",))
        return Answer(status=200, data=self.issuer)

    def world(self, left: timedelta = timedelta(days=50), signer: bytes = b"our CA") -> World:
        """A certificate lives a hundred days."""
        until = NOW + left

        def read(pem: bytes) -> Certificate:
            assert pem in (b"ours", b"None"), "this is no certificate"
            return Certificate("s", "i", "k", "ik", "01", until - timedelta(days=100), until)

        def signed(request: bytes, names: tuple[str, ...], seconds: int) -> bytes:
            assert (request, seconds) == (b"a request", SPEC.intermediate_seconds)
            return b"signed for " + names[0].encode()

        found = SimpleNamespace(
            certificates=SimpleNamespace(read=read, is_signed_by=lambda _, ca: ca == signer),
            cluster=SimpleNamespace(server_time=lambda: NOW),
            intent=SimpleNamespace(authorities=(b"our CA",), platform=SimpleNamespace(vault=SPEC)),
            material=SimpleNamespace(authority=lambda: SimpleNamespace(sign_intermediate=signed)),
            session=SimpleNamespace(call=self.call),
        )
        return cast(World, found)


def holds(vault: Vault, world: World | None = None) -> bool:
    return Intermediate(world or vault.world()).holds(vault.call)


def test_g7_one_that_is_ours_and_new_enough_stays() -> None:
    assert holds(Vault())


@pytest.mark.parametrize(
    "vault",
    [Vault(default=""), Vault(certificate=""), Vault(certificate=None), Vault(leaf_not_after_behavior="err")],
    ids=["none is chosen", "an empty one", "no certificate", "it refuses leaves"],
)
def test_g7_one_that_makes_no_leaf_is_made_anew(vault: Vault) -> None:
    assert not holds(vault)


def test_g7_of_a_mount_that_is_not_there_there_is_none() -> None:
    vault = Vault()
    vault.mounted = False
    assert not holds(vault)
    assert live_intermediate(vault.world()) is None


def test_s1_one_that_another_ca_signed_is_made_anew() -> None:
    vault = Vault()
    assert not holds(vault, vault.world(signer=b"another"))


def test_g7_one_of_which_a_third_is_left_is_made_anew() -> None:
    vault = Vault()
    assert not holds(vault, vault.world(left=timedelta(days=33)))
    assert holds(vault, vault.world(left=timedelta(days=34)))


def test_an_outage_is_not_taken_for_a_ca_that_is_not_there() -> None:
    vault = Vault()
    vault.error = Transient("it does not answer", code="E_VAULT_AWAY")
    with pytest.raises(Transient):
        holds(vault)
    vault.error = WorldError("no right yet", code="E_VAULT_DENIED")
    assert not holds(vault)


def test_g7_the_new_one_is_chosen_and_ends_with_its_leaves() -> None:
    vault = Vault()
    Intermediate(vault.world()).write(vault.world(), vault.call)
    assert vault.written[-3][1] == {"certificate": "signed for vault-0.vault-internal"}
    assert vault.written[-2:] == [(CHOSEN, {"default": "two"}), (ISSUER, {"leaf_not_after_behavior": ENDS})]


def test_what_makes_certificates_now_is_read_where_there_is_one() -> None:
    vault = Vault()
    found = live_intermediate(vault.world())
    assert found is not None and found.until == NOW + timedelta(days=50)
    for none in (Vault(default=""), Vault(certificate=""), Vault(certificate=None)):
        assert live_intermediate(none.world()) is None
