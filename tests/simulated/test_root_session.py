"""The initial root token, out of its slot: there, still taken by Vault, and kept in memory once it was opened (B5)."""

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.steps.vault.init_window import REF, Slots
from bootstrap.steps.vault.root_session import RootSession
from tests.simulator.concurrent import At, path_of
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.rekeying import window
from tests.simulator.standing import proven, sealed_to_root
from tests.simulator.vault import Store, Token

pytestmark = pytest.mark.usefixtures("same_each_time")

TOKEN = "hvs.root"


@pytest.fixture
def store(platform: SimulatedPlatform) -> Store:
    store = proven(platform)
    store.tokens[TOKEN] = Token("accessor", ("root",))
    slots(platform).write(Slots.ROOT, sealed_to_root(platform, TOKEN))
    return store


def slots(platform: SimulatedPlatform) -> Slots:
    return Slots(platform.cluster, window(platform).volume)


def test_b5_a_token_that_is_there_and_taken_is_read_with(platform: SimulatedPlatform, store: Store) -> None:
    root = RootSession(platform.world())
    assert (root.present(), root.usable()) == (True, True)
    assert root.reading("GET", "auth/token/lookup-self").data["policies"] == ["root"]
    slots(platform).remove(Slots.ROOT)
    assert root.token().reveal() == TOKEN.encode(), "what was opened is not opened once more"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("gone", ["slot", "window"])
def test_b5_without_its_slot_or_the_window_that_names_it_there_is_none(
    platform: SimulatedPlatform, gone: str
) -> None:
    if gone == "slot":
        slots(platform).remove(Slots.ROOT)
    else:
        delete(platform, REF)
    root = RootSession(platform.world())
    assert (root.present(), root.usable()) == (False, False)
    with pytest.raises(WorldError) as stopped:
        root.token()
    assert stopped.value.code == "E_ROOT_TOKEN"


def test_b5_one_that_was_revoked_is_there_and_not_taken(platform: SimulatedPlatform, store: Store) -> None:
    store.tokens.clear()
    world = platform.world()
    root = RootSession(world)
    assert (root.present(), root.usable()) == (True, False)
    assert root.reading == world.session.call, "as the run, from then on"


@pytest.mark.usefixtures("store")
def test_b5_what_vault_does_not_say_is_no_revocation(platform: SimulatedPlatform) -> None:
    def away() -> None:
        raise WorldError("Vault does not answer", code="E_VAULT_AWAY")

    at = At(lambda call: path_of(call) == "auth/token/lookup-self", away)
    with pytest.raises(WorldError, match="does not answer"):
        RootSession(platform.world(vault=at.ports(platform)["vault"])).usable()
