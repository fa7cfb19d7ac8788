"""What operators make in the cluster goes through Vault to its readers; what is derived is disposable (INV5, INV7)."""

from typing import Any

import pytest

from bootstrap.model.decision import Act, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import ref_of
from tests.simulator.concurrent import At
from tests.simulator.controllers import ExternalSecrets
from tests.simulator.faults import Call
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.platform import SimulatedPlatform
from tests.support.simulated_clock import SimulatedClock

SOURCE = Ref("v1", "Secret", "orders-db-app", "database")
MAKER = Ref("external-secrets.io/v1", "ExternalSecret", "orders-db-app", "database")
PUSH = Ref("external-secrets.io/v1alpha1", "PushSecret", "orders-database", "database")
READER = Ref("external-secrets.io/v1", "ExternalSecret", "orders-database", "orders")
READ = Ref("v1", "Secret", "orders-database", "orders")
WAITS = "orders-database waits for Secret database/orders-db-app, which its operator makes"
OF_GIT = Ref("external-secrets.io/v1", "ExternalSecret", "alert-webhook", "monitoring")
DERIVED = Ref("v1", "Secret", "alert-webhook", "monitoring")


def taken(platform: SimulatedPlatform, ref: Ref) -> Object:
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])
    return found


@pytest.fixture
def sourceless(platform: SimulatedPlatform) -> SimulatedPlatform:
    """Its operator has not made it yet."""
    halfway(platform, "materialized")
    taken(platform, MAKER)
    taken(platform, SOURCE)
    return platform


def made(platform: SimulatedPlatform) -> None:
    meta = {"name": SOURCE.name, "namespace": SOURCE.namespace}
    data = {name: Sensitive(name.encode(), name) for name in ("username", "password", "host", "port")}
    platform.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})


def pending(platform: SimulatedPlatform) -> tuple[str, ...]:
    decision = step_of(platform, "materialized").decide()
    assert isinstance(decision, Satisfied)
    return decision.pending


def test_inv5_a_source_that_its_operator_has_not_made_holds_up_nothing(sourceless: SimulatedPlatform) -> None:
    step_of(sourceless, "materialized").take()
    assert pending(sourceless) == (WAITS,)
    assert sourceless.narrator.said(WAITS)
    assert sourceless.cluster.get(READER) is not None
    assert sourceless.cluster.get(DERIVED) is not None


def test_inv5_one_that_is_made_within_a_minute_is_published_in_the_same_run(
    sourceless: SimulatedPlatform,
) -> None:
    clock = SimulatedClock()
    clock.on_sleep.append(lambda: made(sourceless) if 30 < clock.seconds < 31 else None)
    step_of(sourceless, "materialized", clock=clock).take()
    assert sourceless.cluster.get(READ) is not None
    assert pending(sourceless) == ()
    assert not sourceless.narrator.said(WAITS)


class Slow(ExternalSecrets):
    """Looks at PushSecrets a while later."""

    def __call__(self, cluster: Any, verb: str, obj: Object) -> None:
        if obj["kind"] != "PushSecret":
            super().__call__(cluster, verb, obj)

    def looks(self, platform: SimulatedPlatform) -> None:
        for obj in platform.cluster.list(PUSH.api, PUSH.kind):
            super().__call__(platform.cluster, "changed", obj)


def test_inv5_a_reader_is_applied_once_there_is_something_to_read(platform: SimulatedPlatform) -> None:
    """One that finds nothing yet would not look again for long."""
    halfway(platform, "materialized")
    slow, clock, readers = Slow(platform.vault), SimulatedClock(), []
    platform.cluster.controllers[-1] = slow

    def look() -> None:
        readers.append(platform.cluster.get(READER))
        slow.looks(platform)

    clock.on_sleep.append(look)
    step_of(platform, "materialized", clock=clock).take()
    assert readers == [None]
    assert platform.cluster.get(READ) is not None


@pytest.mark.parametrize(
    ("ref", "summary"), [(READER, "materialize: apply 1 objects"), (READ, "wait until they are synced")]
)
def test_inv5_what_somebody_took_away_comes_back(platform: SimulatedPlatform, ref: Ref, summary: str) -> None:
    halfway(platform, "retired")
    taken(platform, ref)
    if ref == READER:
        taken(platform, READ)  # as its owner goes
    decision = step_of(platform, "materialized").decide()
    assert isinstance(decision, Act)
    assert decision.summary == summary
    step_of(platform, "materialized").take()
    assert platform.cluster.get(READ) is not None
    assert pending(platform) == ()


@pytest.mark.parametrize("late", [READER, OF_GIT])
def test_what_is_not_synced_in_time_stops_the_run_whoever_writes_it(
    platform: SimulatedPlatform, late: Ref
) -> None:
    class Blind(ExternalSecrets):
        def __call__(self, cluster: Any, verb: str, obj: Object) -> None:
            if ref_of(obj) != late:
                super().__call__(cluster, verb, obj)

    halfway(platform, "materialized")
    platform.cluster.controllers[-1] = Blind(platform.vault)
    with pytest.raises(WorldError) as caught:
        step_of(platform, "materialized").take()
    assert (caught.value.code, caught.value.where) == ("E_TIMEOUT", str(late))
    assert caught.value.message == f"{late} is synced: not within 120 s: no status yet"


def test_several_that_are_late_are_counted(platform: SimulatedPlatform) -> None:
    halfway(platform, "materialized")
    taken(platform, MAKER)
    taken(platform, SOURCE)
    platform.cluster.controllers.pop()  # the operator sleeps
    with pytest.raises(WorldError) as caught:
        step_of(platform, "materialized").take()
    assert caught.value.message.startswith(f"{OF_GIT} is synced, and 6 more: not within 120 s")


def test_another_error_while_it_is_waited_for_is_told_as_it_is(platform: SimulatedPlatform) -> None:
    halfway(platform, "materialized")
    taken(platform, MAKER)
    taken(platform, SOURCE)
    platform.cluster.controllers.pop()
    clock = SimulatedClock()

    def refused() -> None:
        raise WorldError("the API server refuses", code="E_REFUSED")

    at = At(lambda call: call.name == "list" and clock.seconds > 70, refused)
    with pytest.raises(WorldError) as caught:
        step_of(platform, "materialized", clock=clock, **at.ports(platform)).take()
    assert (at.fired, caught.value.message, caught.value.where) == (True, "the API server refuses", "")


# ---------------------------------------------------------------- a derived Secret of another type


def put_in_place(platform: SimulatedPlatform, kind: str, owner: str = "ExternalSecret") -> Object:
    """Where the derived Secret belongs, before it is made."""
    halfway(platform, "materialized")
    owners = [{"kind": owner, "name": "alert-webhook", "uid": "u", "apiVersion": OF_GIT.api}] if owner else []
    made = platform.cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": kind,
            "metadata": {"name": DERIVED.name, "namespace": DERIVED.namespace, "ownerReferences": owners},
            "data": {},
        }
    )
    assert "metadata" in made  # type: ignore[operator]
    found = platform.cluster.get(DERIVED)
    assert found is not None
    return found


def deletes(call: Call) -> bool:
    return call.name == "delete" and call.args[0] == DERIVED


def test_inv5_one_of_another_type_makes_room(platform: SimulatedPlatform) -> None:
    put_in_place(platform, "kubernetes.io/tls")
    step_of(platform, "materialized").take()
    live = platform.cluster.get(DERIVED)
    assert live is not None
    assert live["type"] == "Opaque"
    assert live["data"]


@pytest.mark.parametrize(
    ("kind", "owner"),
    [("Opaque", "ExternalSecret"), ("kubernetes.io/tls", ""), ("kubernetes.io/tls", "Certificate")],
)
def test_inv5_one_of_the_same_type_or_of_another_owner_stays(
    platform: SimulatedPlatform, kind: str, owner: str
) -> None:
    before = put_in_place(platform, kind, owner)
    deleted = At(deletes, lambda: None)
    step: HalfwayStep = step_of(platform, "materialized", **deleted.ports(platform))
    try:
        step.take()
    except WorldError as error:  # where the operator may not write it
        assert error.code == "E_TIMEOUT"
    assert not deleted.fired
    live = platform.cluster.get(DERIVED)
    assert live is not None
    assert live["metadata"]["uid"] == before["metadata"]["uid"]


def test_inv5_another_that_takes_its_place_meanwhile_stays(platform: SimulatedPlatform) -> None:
    before = put_in_place(platform, "kubernetes.io/tls")

    def replaced() -> None:
        taken(platform, DERIVED)
        meta = {"name": DERIVED.name, "namespace": DERIVED.namespace}
        platform.cluster.create({**before, "metadata": meta})

    at = At(deletes, replaced)
    with pytest.raises(WorldError):
        step_of(platform, "materialized", **at.ports(platform)).take()
    live = platform.cluster.get(DERIVED)
    assert at.fired
    assert live is not None
    assert live["type"] == "kubernetes.io/tls"
