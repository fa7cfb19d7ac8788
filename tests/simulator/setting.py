"""`bootstrap set` on a simulated platform, and what it leaves there."""

from typing import Any

from bootstrap.ledger.record import Fact
from bootstrap.ledger.versions import accepted
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.change.request import Adoption, NewValue, find_secret
from bootstrap.operations.change.runner import Change, Done
from bootstrap.operations.records import write_records
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Ref
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform

NAME, PATH, FIELD = "orders-payment-token", "applications/orders/payment-token", "token"
CONSUMER = Ref("v1", "Secret", "orders-payment-token", "orders")
NEW = b"a-new-token-0815"
BY_HAND = b"written-by-hand-4711"


def change(
    platform: SimulatedPlatform,
    value: bytes = NEW,
    *,
    name: str = NAME,
    field: str = "",
    reason: str = "it leaked",
    adopt: int = 0,
    **ports: Any,
) -> Done:
    """The whole command but for its words."""
    world = platform.world(**ports)
    try:
        secret = find_secret(world.intent, name)
        request: NewValue | Adoption
        if adopt:
            request = Adoption(secret=secret, version=adopt, reason=reason)
        else:
            request = NewValue(secret=secret, field=field, value=Sensitive(value, "value"), reason=reason)
        done = Change(world, request).run()
        write_records(world)
        return done
    finally:
        world.session.close()


def versions(platform: SimulatedPlatform, path: str = PATH) -> list[dict[str, bytes]]:
    found = platform.vault.live().secrets[path].versions
    return [{key: value.reveal() for key, value in each.items()} for each in found]


def changes(platform: SimulatedPlatform) -> list[Fact]:
    """The ACCEPTED records of versions."""
    return [r.fact for r in platform.world().ledger.read().records if accepted(r.fact)]


def write_by_hand(platform: SimulatedPlatform, cas: int = 1) -> None:
    body = {"options": {"cas": cas}, "data": {FIELD: BY_HAND.decode()}}
    SimulatedHand(platform).vault("POST", f"secret/data/{PATH}", body)


def unsound(platform: SimulatedPlatform) -> list[str]:
    """Proofs that do not hold, and what one more `up` finds to do: nothing, of a platform that is finished."""
    found = [f"{p.id}: {p.evidence}" for p in prove(platform.world(), deep=True) if p.ok is not True]
    before = versions(platform)
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    if platform.up().epoch:
        found.append("`up` had something to do")
    found += [f"changed: {each}" for each in (*platform.cluster.mutations, *platform.vault.mutations)]
    return found + (["`up` wrote a version"] if versions(platform) != before else [])
