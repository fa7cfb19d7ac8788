"""What consumers read is applied where it differs, asked for where it is late, and waited for until it is synced."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.model.catalog import Consumer, Secret, SecretClass
from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import DefinitionError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref, Refused
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.kinds.materialized import Materialized
from bootstrap.steps.secrets import consumers
from bootstrap.steps.secrets.external_secret_objects import REFRESH
from tests.simulator import vault
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.controllers import ExternalSecrets
from tests.simulator.narrator import Remembered
from tests.simulator.small_world import STEP, each, small_world
from tests.support.simulated_clock import SimulatedClock

READERS = "external-secrets.io/v1"
ZETA, OMEGA, READER = (Ref(READERS, "ExternalSecret", name, "demo") for name in ("zeta", "omega", "database"))
PUSH = Ref("external-secrets.io/v1alpha1", "PushSecret", "database", "postgres")
SOURCE = Ref("v1", "Secret", "made", "postgres")
OF_ZETA, OF_OMEGA, READ = (Ref("v1", "Secret", ref.name, "demo") for ref in (ZETA, OMEGA, READER))
CLAIM = Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault")
ALL = (ZETA, OMEGA, PUSH, READER)
TO_DO = ("materialize: apply 4 objects", tuple(f"apply {ref}" for ref in ALL))
SOURCELESS = "database waits for Secret postgres/made, which its operator makes"
UNWRITTEN = "omega waits for secret/applications/demo/omega, which nobody has written yet"
NOT_GIVEN = Secret(
    name="omega",
    secret_class=SecretClass.RUNTIME,
    owner="team",
    purpose="a test",
    where="secrets/c.yaml:1",
    path="applications/demo/omega",
    consumers=(Consumer(namespace="demo", secret="omega"),),
)


class Operator(ExternalSecrets):
    """Does not look at those that are ``unseen``."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.unseen: set[Ref] = set()

    def __call__(self, cluster: SimulatedCluster, verb: str, obj: Object) -> None:
        if ref_of(obj) not in self.unseen:
            super().__call__(cluster, verb, obj)

    def sees(self, cluster: SimulatedCluster, ref: Ref) -> None:
        self.unseen.discard(ref)
        live = cluster.get(ref)
        if live is not None:
            self(cluster, "changed", live)


class Place:
    """A cluster with the operator, and a Vault in which Git's value is. ``applied`` are requests, answered or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster = SimulatedCluster()
        self.secrets: dict[str, vault.Secret] = {}
        store: Any = SimpleNamespace(live=lambda: self)
        self.operator = Operator(store)
        for name in ("demo", "postgres", "vault"):
            self.make(Ref("v1", "Namespace", name))
        definition = Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "of-external-secrets")
        self.make(definition, spec={"group": "external-secrets.io"})
        self.cluster.controllers.append(self.operator)
        self.write("zeta")
        self.world = small_world(self.cluster, SimpleNamespace(flight=SimpleNamespace(each=each)))
        intent = self.world.intent
        self.world.intent = replace(intent, secrets=(*intent.secrets, NOT_GIVEN))
        assert isinstance(self.world.clock, SimulatedClock)
        self.clock = self.world.clock
        self.applied: list[Ref] = []
        self._applies = self.cluster.apply
        monkeypatch.setattr(self.cluster, "apply", self._apply)
        monkeypatch.setattr(consumers, "is_written", lambda _, secret: secret.path in self.secrets)

    def _apply(self, obj: Object, **more: Any) -> Any:
        self.applied.append(ref_of(obj))
        return self._applies(obj, **more)

    def write(self, name: str) -> None:
        value = {"password": Sensitive(b"a value", name)}
        self.secrets[f"applications/demo/{name}"] = vault.Secret(versions=[value])

    def make(self, ref: Ref, **more: Any) -> Object:
        meta = {"name": ref.name, "namespace": ref.namespace} | more.pop("metadata", {})
        made = self.cluster.create({"apiVersion": ref.api, "kind": ref.kind, "metadata": meta, **more})
        assert not isinstance(made, Refused), made
        return made

    def make_source(self) -> None:
        self.make(SOURCE, data={"user": Sensitive(b"somebody", "user")})

    def take(self, ref: Ref) -> None:
        self.cluster.delete(ref, uid=self.need(ref)["metadata"]["uid"])

    def need(self, ref: Ref) -> Object:
        found = self.cluster.get(ref)
        assert found is not None, ref
        return found

    def at(self, seconds: float, done: Any) -> None:
        """``done`` is called once, so many seconds from the beginning."""
        waiting = [done]
        self.clock.on_sleep.append(
            lambda: waiting.pop()() if waiting and self.clock.seconds >= seconds else None
        )

    @property
    def step(self) -> Materialized:
        return Materialized(STEP, self.world)

    def decision(self) -> tuple[str, tuple[str, ...]]:
        """Summary and changes, or note and what is pending."""
        decision = self.step.decide(self.step.observe())
        if isinstance(decision, Act):
            return decision.summary, decision.changes
        assert isinstance(decision, Satisfied)
        return decision.note, decision.pending

    def said(self, kind: str) -> list[str]:
        narrator = self.world.narrator
        assert isinstance(narrator, Remembered)
        return [message for what, _, message in narrator.events if what == kind]

    def act(self) -> None:
        self.step.act(self.step.observe())

    def stopped(self) -> WorldError:
        with pytest.raises(WorldError) as caught:
            self.act()
        return caught.value


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """Nothing is applied yet; all values are there."""
    made = Place(monkeypatch)
    made.write("omega")
    made.make_source()
    made.cluster.mutations.clear()
    return made


@pytest.fixture
def served(place: Place) -> Place:
    """Everything is applied and synced."""
    place.act()
    place.applied.clear()
    place.cluster.mutations.clear()
    return place


@pytest.fixture
def valueless(monkeypatch: pytest.MonkeyPatch) -> Place:
    """Nothing is applied yet; one secret is not written, and one source is not made."""
    return Place(monkeypatch)


# ---------------------------------------------------------------- what is applied


def test_inv5_all_that_reads_and_publishes_is_made_once(place: Place) -> None:
    assert place.decision() == TO_DO
    place.act()
    made = (ZETA, OF_ZETA, OMEGA, OF_OMEGA, PUSH, READER, READ)
    assert place.cluster.mutations == [("created", ref) for ref in made]
    assert place.need(READ)["data"]["username"].reveal() == b"somebody"
    assert place.decision() == ("4 synced", ())
    assert place.clock.slept == []


def test_g5_only_what_differs_is_applied(served: Place) -> None:
    served.take(READER)
    served.take(READ)
    assert served.decision() == ("materialize: apply 1 objects", (f"apply {READER}",))
    served.act()
    assert served.applied == [READER]
    assert served.decision() == ("4 synced", ())


@pytest.mark.parametrize(("late", "derived"), [(ZETA, OF_ZETA), (READER, READ)])
def test_inv5_what_is_late_is_asked_for_and_is_as_declared_afterwards(
    late: Ref, derived: Ref, served: Place
) -> None:
    served.take(derived)
    assert served.decision() == ("wait until they are synced", (f"wait for {late}",))
    served.act()
    assert served.need(derived)["data"]
    assert set(served.applied) == {late}
    assert served.need(late)["spec"]["refreshInterval"] == REFRESH
    assert served.decision() == ("4 synced", ())


def test_inv5_a_secret_that_is_there_is_late_while_its_object_is_not_ready(served: Place) -> None:
    live = served.need(ZETA)
    not_ready = {"conditions": [{"type": "Ready", "status": "False", "message": "no connection"}]}
    served.cluster.set_status(live, live["status"] | not_ready)
    assert served.decision() == ("wait until they are synced", (f"wait for {ZETA}",))


def test_inv5_what_was_synced_with_a_vault_that_is_gone_is_asked_for_again(served: Place) -> None:
    served.cluster.now = served.cluster.now.replace(year=2027)
    served.make(CLAIM)
    assert served.decision() == ("wait until they are synced", tuple(f"wait for {ref}" for ref in ALL))
    served.act()
    assert served.decision() == ("4 synced", ())


# ---------------------------------------------------------------- what has no value


def test_inv5_what_has_no_value_is_applied_and_holds_up_nothing(valueless: Place) -> None:
    assert valueless.decision() == TO_DO
    valueless.act()
    assert all(valueless.need(ref) for ref in (*ALL, OF_ZETA))
    assert valueless.decision() == ("1 synced", (SOURCELESS, UNWRITTEN))
    assert valueless.said("pending") == [SOURCELESS, UNWRITTEN]
    assert 59 < valueless.clock.seconds < 62


def test_inv5_a_source_that_is_made_within_a_minute_is_published_in_the_same_run(valueless: Place) -> None:
    valueless.at(30, valueless.make_source)
    valueless.act()
    assert valueless.need(READ)["data"]
    assert valueless.decision() == ("3 synced", (UNWRITTEN,))


def test_inv5_a_value_that_is_written_during_the_run_counts(valueless: Place) -> None:
    def written() -> None:
        valueless.write("omega")
        valueless.operator.sees(valueless.cluster, OMEGA)

    valueless.at(30, written)
    valueless.act()
    assert valueless.decision() == ("2 synced", (SOURCELESS,))


def test_inv5_a_reader_is_applied_once_there_is_something_to_read(place: Place) -> None:
    """One that finds nothing yet would not look again for long."""
    place.operator.unseen.add(PUSH)
    before: list[Any] = []

    def looks() -> None:
        before.append(place.cluster.get(READER))
        place.operator.sees(place.cluster, PUSH)

    place.at(10, looks)
    place.act()
    assert before == [None]
    assert place.need(READ)["data"]


# ---------------------------------------------------------------- a source that holds a key of the root


def kept_back(*_: Any) -> None:
    raise DefinitionError("it holds a key of the root", code="E_ROOT_SOURCE", where=str(SOURCE))


def test_s1_a_source_that_holds_a_key_of_the_root_stops_it(place: Place) -> None:
    files: Any = SimpleNamespace(keep_back=kept_back)
    place.world.files = files
    decision = place.step.decide(place.step.observe())
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_ROOT_SOURCE"


def test_s1_one_that_comes_meanwhile_is_not_published(valueless: Place) -> None:
    files: Any = SimpleNamespace(keep_back=kept_back)
    valueless.world.files = files
    valueless.at(30, valueless.make_source)
    with pytest.raises(DefinitionError) as caught:
        valueless.act()
    assert (caught.value.code, valueless.cluster.get(PUSH)) == ("E_ROOT_SOURCE", None)


# ---------------------------------------------------------------- until all are synced


@pytest.mark.parametrize("late", ALL)
def test_what_is_not_synced_in_two_minutes_is_named_with_the_command_that_shows_why(
    late: Ref, place: Place
) -> None:
    place.operator.unseen.add(late)
    error = place.stopped()
    assert (error.code, error.where) == ("E_TIMEOUT", str(late))
    assert error.message == f"{late} is synced: not within 120 s: no status yet"
    assert error.hint == f"`kubectl --namespace {late.namespace} describe {late.kind.lower()} {late.name}`"


def test_each_that_comes_gives_those_that_are_late_two_minutes_more(place: Place) -> None:
    intent = place.world.intent
    more = tuple(Consumer(namespace="demo", secret=f"zeta-{n}") for n in range(3))
    first = replace(intent.secrets[0], consumers=more)
    place.world.intent = replace(intent, secrets=(first, *intent.secrets[1:]))
    refs = [Ref(READERS, "ExternalSecret", each.secret, "demo") for each in more]
    place.operator.unseen.update(refs)
    place.at(100, lambda: place.operator.sees(place.cluster, refs[2]))
    place.at(200, lambda: place.operator.sees(place.cluster, refs[0]))
    error = place.stopped()
    assert error.message.startswith(f"{refs[1]} is synced: not within 120 s")
    assert 320 < place.clock.seconds < 322
    assert place.said("waiting") == [
        f"{refs[0]} is synced, and 2 more",
        f"{refs[0]} is synced, and 1 more",
        f"{refs[1]} is synced",
    ]


def test_another_error_while_it_is_waited_for_is_told_as_it_is(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.operator.unseen.add(ZETA)

    cluster = place.cluster
    reads = {"get": cluster.get, "list": cluster.list}

    def refuses_once(*_: Any) -> None:
        for name, read in reads.items():
            monkeypatch.setattr(cluster, name, read)
        raise WorldError("the API server refuses", code="E_REFUSED")

    def away() -> None:
        for name in reads:
            monkeypatch.setattr(cluster, name, refuses_once)

    place.at(10, away)
    error = place.stopped()
    assert (error.message, error.where) == ("the API server refuses", "")


# ---------------------------------------------------------------- a derived Secret of another type


def in_its_place(place: Place, kind: str, *owners: str) -> str:
    """The UID of what stands where a derived Secret belongs."""
    those = [{"kind": owner, "name": "zeta", "uid": "u", "apiVersion": READERS} for owner in owners]
    made = place.make(OF_ZETA, type=kind, data={}, metadata={"ownerReferences": those})
    return str(made["metadata"]["uid"])


def test_inv5_one_of_another_type_makes_room(place: Place) -> None:
    before = in_its_place(place, "kubernetes.io/tls", "ExternalSecret")
    place.act()
    live = place.need(OF_ZETA)
    assert (live["type"], live["metadata"]["uid"] != before) == ("Opaque", True)


@pytest.mark.parametrize(
    ("kind", "owners"),
    [("Opaque", ("ExternalSecret",)), ("kubernetes.io/tls", ()), ("kubernetes.io/tls", ("Certificate",))],
)
def test_inv5_one_of_the_same_type_or_of_another_owner_stays(
    kind: str, owners: tuple[str, ...], place: Place
) -> None:
    before = in_its_place(place, kind, *owners)
    assert place.stopped().code == "E_TIMEOUT"  # the operator does not write over it
    assert place.need(OF_ZETA)["metadata"]["uid"] == before


def test_inv5_another_that_takes_its_place_meanwhile_stays(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_its_place(place, "kubernetes.io/tls", "ExternalSecret")
    deletes, others = place.cluster.delete, list[str]()

    def late(ref: Ref, **which: Any) -> Any:
        deletes(ref, uid=place.need(ref)["metadata"]["uid"])
        others.append(in_its_place(place, "kubernetes.io/tls"))
        return deletes(ref, **which)

    monkeypatch.setattr(place.cluster, "delete", late)
    place.stopped()
    assert place.need(OF_ZETA)["metadata"]["uid"] == others[0]
