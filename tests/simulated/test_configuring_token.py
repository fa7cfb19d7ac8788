"""One change's token: of one policy, made by a root token that is gone at once, and gone with the change (S2, B5)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.ledger.head import VAULT_CLUSTER
from bootstrap.ledger.record import Audit, RecordType
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.ports import Answer
from bootstrap.steps.context.names import CONFIGURE_POLICY
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.configuring import NAMED, announcement, configuring, end, ending, powerful
from bootstrap.steps.vault.init_window import REF
from bootstrap.steps.vault.policies import CONFIGURE
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.standing import proven
from tests.simulator.vault import Store

pytestmark = pytest.mark.usefixtures("same_each_time")

TXN = "t" * 32


@pytest.fixture
def store(platform: SimulatedPlatform) -> Store:
    return proven(platform)


def alive(store: Store) -> list[tuple[str, ...]]:
    return [token.policies for token in store.tokens.values()]


def test_b5_while_it_lasts_one_token_of_one_policy_lives(platform: SimulatedPlatform, store: Store) -> None:
    with configuring(platform.world(), TXN) as call:
        assert alive(store) == [(CONFIGURE_POLICY,)]
        assert store.plain[f"sys/policies/acl/{CONFIGURE_POLICY}"] == {"policy": CONFIGURE}
        call("PUT", "sys/policies/acl/one", {"policy": CONFIGURE})
    assert alive(store) == []
    assert store.plain["sys/policies/acl/one"] == {"policy": CONFIGURE}


def test_b5_a_change_that_fails_gives_its_token_back_too(platform: SimulatedPlatform, store: Store) -> None:
    with pytest.raises(ZeroDivisionError), configuring(platform.world(), TXN):
        raise ZeroDivisionError
    assert alive(store) == []


@pytest.mark.parametrize(
    "path", [f"PUT sys/policies/acl/{CONFIGURE_POLICY}", "POST auth/token/create-orphan"]
)
def test_b5_a_token_that_cannot_be_made_leaves_no_root_token(
    platform: SimulatedPlatform, store: Store, path: str
) -> None:
    platform.vault.denied.add(path)
    with pytest.raises(WorldError), configuring(platform.world(), TXN):
        raise AssertionError
    assert alive(store) == []


@pytest.mark.parametrize("at", [1, 2])
def test_b5_a_run_that_slept_makes_no_token_and_uses_none(
    platform: SimulatedPlatform, store: Store, at: int
) -> None:
    world, asked, made = platform.world(), list[int](), list[Any]()
    platform.vault.watchers.append(lambda _, line: made.append(line.path))

    def guard() -> None:
        asked.append(1)
        if len(asked) == at:
            raise WorldError("another run has it", code="E_HELD")

    world.session.guard = guard
    with pytest.raises(WorldError, match="another run"), configuring(world, TXN):
        raise AssertionError
    assert alive(store) == []
    assert bool(made) is (at == 2)


class Session:
    """Of ``end``: which tokens live, and which of them do not end."""

    def __init__(self, undying: tuple[str, ...] = ()) -> None:
        self.live = {"one": ("root",), "two": (CONFIGURE_POLICY, "default"), "three": ("reader-orders",)}
        self.undying = undying

    def accessors(self) -> dict[str, tuple[str, ...]]:
        return dict(self.live)

    def call(self, method: str, path: str, body: dict[str, str]) -> Answer:
        assert (method, path) == ("POST", "auth/token/revoke-accessor")
        if body["accessor"] not in self.undying:
            del self.live[body["accessor"]]
        return Answer(204, {})


def ended(session: Session) -> None:
    end(cast(World, SimpleNamespace(session=session)))


def test_b5_at_the_end_no_token_with_power_lives() -> None:
    session = Session()
    assert powerful(session.accessors()) == ("one", "two")
    ended(session)
    assert list(session.live) == ["three"]
    with pytest.raises(EvidenceError) as stopped:
        ended(Session(undying=("two",)))
    assert (stopped.value.code, stopped.value.where) == ("E_ROOT_ALIVE", "Vault accessor two")


@pytest.mark.usefixtures("store")
def test_b6_its_records_name_the_change_and_the_vault(platform: SimulatedPlatform) -> None:
    world = platform.world()
    told = announcement(world, TXN, (f"change {n}" for n in range(NAMED)))
    assert (told.type, told.audit) == (RecordType.CONFIGURING, Audit(txn=TXN))
    assert told.details["changes"].split("; ") == [f"change {n}" for n in range(NAMED)]
    more = announcement(world, TXN, (f"change {n}" for n in range(NAMED + 2)))
    assert more.details["changes"].split("; ")[NAMED:] == ["and 2 more"]
    over = ending(world, TXN, "by its end", barrierTerm="2")
    assert over.type is RecordType.CONFIGURED
    assert (over.details["ended"], over.details["barrierTerm"]) == ("by its end", "2")
    assert told.details[VAULT_CLUSTER] == over.details[VAULT_CLUSTER] == "a-cluster"
    delete(platform, REF)
    assert VAULT_CLUSTER not in announcement(platform.world(), TXN, ("one",)).details
