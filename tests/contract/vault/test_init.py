"""``sys/init``: what is refused before anything happens, and what bricks a store."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.adapters.vault.client import PodVault
from bootstrap.model.errors import Transient, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Vault
from tests.contract.objects import until
from tests.contract.vault.running import Running, failed
from tests.contract.vault.simulated import simulated_vault
from tests.contract.vault.sites import ATTEMPT, PODS, loopback, vault_binary

POD = PODS[0]
GOOD = PgpKey(generate("good"))
SIGNS_ONLY = "without a subkey"
BAD: dict[str, bytes] = {
    "empty": b"",
    "garbage": b"this is no key",
    "armored": GOOD.armored_certificate,
    "cut short": GOOD.certificate[:40],
    SIGNS_ONLY: b"",  # filled below
}


def sign_only() -> bytes:
    """The certificate without what follows its user id's signature: nothing there can be encrypted to."""
    from pysequoia.packet import PacketPile, Tag

    kept = []
    for packet in PacketPile.from_bytes(GOOD.certificate):
        if packet.tag == Tag.PublicSubkey:
            break
        kept.append(bytes(packet))
    return b"".join(kept)


BAD[SIGNS_ONLY] = sign_only()


class TestBlank:
    """A store that nobody has initialised, and that no bad request changes."""

    @pytest.fixture(autouse=True)
    def still_blank(self, blank: Vault) -> Iterator[None]:
        until(lambda: blank.seal_status(POD), 60)
        yield
        status = blank.seal_status(POD)
        assert status is not None
        assert (status.initialized, status.sealed, status.leader, status.cluster_id) == (
            False,
            True,
            False,
            "",
        )

    def test_its_status(self, blank: Vault) -> None:
        status = blank.seal_status(POD)
        assert status is not None
        assert status.version == "1.21.1"
        assert blank.active(PODS) is None

    @pytest.mark.parametrize("key", [key for key in BAD if key != SIGNS_ONLY])
    def test_a_bad_share_key(self, blank: Vault, key: str) -> None:
        """Every answer but a clean one is unknown: the adapter does not read tea leaves."""
        failed(
            UnknownOutcome,
            "E_UNKNOWN_OUTCOME",
            lambda: blank.initialise(POD, ATTEMPT, share_key=BAD[key], root_key=GOOD.certificate),
        )

    def test_both_keys_bad(self, blank: Vault) -> None:
        failed(
            UnknownOutcome,
            "E_UNKNOWN_OUTCOME",
            lambda: blank.initialise(POD, ATTEMPT, share_key=BAD["garbage"], root_key=BAD["garbage"]),
        )

    @pytest.mark.parametrize("name", ["init-2-0badcafe.vault-internal", "vault-7.vault-internal"])
    def test_another_attempts_certificate(self, blank: Vault, name: str) -> None:
        failed(
            WorldError,
            "E_VAULT_TLS",
            lambda: blank.initialise(POD, name, share_key=GOOD.certificate, root_key=GOOD.certificate),
        )

    @pytest.mark.parametrize("share", [b"00" * 32, b"canary"], ids=["a share", "garbage"])
    def test_there_is_nothing_to_unseal(self, blank: Vault, share: bytes) -> None:
        failed(WorldError, "E_VAULT_UNSEAL", lambda: blank.unseal(POD, Sensitive(share)))

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_it_takes_no_calls(self, blank: Vault, method: str) -> None:
        call: Any = lambda: blank.call(method, "secret/data/x", {}, pod=POD, token=Sensitive(b"hvs.canary"))  # noqa: E731
        failed(Transient, "E_VAULT_SEALED", call)


def bricked(vault: Vault, key: str) -> None:
    """Initialised, and nobody has the share: this is why both keys are tried before they are sent."""
    until(lambda: vault.seal_status(POD), 60)
    failed(
        UnknownOutcome,
        "E_UNKNOWN_OUTCOME",
        lambda: vault.initialise(POD, ATTEMPT, share_key=GOOD.certificate, root_key=BAD[key]),
    )
    status = vault.seal_status(POD)
    assert status is not None
    assert (status.initialized, status.sealed) == (True, True)


def test_a_root_key_that_is_none_bricks_the_store(blank: Vault) -> None:
    """The last case on this store."""
    bricked(blank, "garbage")


@pytest.fixture
def another(side: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """A blank store for one case."""
    if side == "simulator":
        yield simulated_vault(POD)
        return
    with loopback(vault_binary(), tmp_path_factory.mktemp("another"), (POD,)) as site:
        yield PodVault(site.dialer, ca_pem=site.ca.pem)


def test_a_root_key_without_a_subkey_bricks_the_store(side: str, whole: bool, another: Vault) -> None:
    if side == "real" and not whole:
        pytest.skip("a server of its own: with --whole")
    bricked(another, SIGNS_ONLY)


def test_a_share_key_without_a_subkey_spoils_the_store(another: Vault) -> None:
    """Refused, and not initialised; but raft was begun, and no init succeeds on that volume any more."""
    until(lambda: another.seal_status(POD), 60)
    for key in (BAD[SIGNS_ONLY], GOOD.certificate):
        failed(
            UnknownOutcome,
            "E_UNKNOWN_OUTCOME",
            partial(another.initialise, POD, ATTEMPT, share_key=key, root_key=GOOD.certificate),
        )
        status = another.seal_status(POD)
        assert status is not None
        assert (status.initialized, status.sealed) == (False, True)


@pytest.mark.parametrize("key", ["good", *BAD])
def test_a_second_init_tells_nothing(vault: Running, key: str) -> None:
    """The same answer as when the first one was lost, whatever is sent."""
    sent = BAD.get(key, GOOD.certificate)
    error = failed(
        UnknownOutcome,
        "E_UNKNOWN_OUTCOME",
        lambda: vault.port.initialise(vault.active(), ATTEMPT, share_key=sent, root_key=sent),
    )
    if key == "good":
        assert "already initialized" in error.message
    assert vault.port.active(PODS)
