"""Server-side apply: each field has owners, and nobody takes one away without saying so."""

import uuid

import pytest

from bootstrap.ports import Cluster, Object, Reason
from tests.contract.clusters import Neighbours
from tests.contract.objects import configmap, fresh, made, ref, refused, version, with_meta

META = ("labels", "annotations")


@pytest.fixture
def name() -> str:
    return fresh()


def test_apply_creates_and_repeats_without_a_change(cluster: Cluster, namespace: str, name: str) -> None:
    first = made(cluster.apply(configmap(namespace, name, a="1")))
    assert first["data"] == {"a": "1"}
    assert version(made(cluster.apply(configmap(namespace, name, a="1")))) == version(first)
    after = made(cluster.apply(configmap(namespace, name, a="2")))
    assert after["metadata"]["uid"] == first["metadata"]["uid"]
    assert version(after) != version(first)


def test_apply_takes_back_its_own_fields(cluster: Cluster, namespace: str, name: str) -> None:
    made(cluster.apply(configmap(namespace, name, a="1", b="2")))
    assert made(cluster.apply(configmap(namespace, name, a="1")))["data"] == {"a": "1"}


@pytest.mark.parametrize("where", META)
def test_apply_takes_back_its_own_metadata(cluster: Cluster, namespace: str, name: str, where: str) -> None:
    obj = configmap(namespace, name)
    made(cluster.apply(with_meta(obj, **{where: {"a": "1", "b": "2"}})))
    live = made(cluster.apply(with_meta(obj, **{where: {"a": "1"}})))
    assert live["metadata"][where] == {"a": "1"}
    assert "b" not in (made(cluster.apply(obj))["metadata"].get(where) or {})


def test_what_create_made_is_not_taken_back(cluster: Cluster, namespace: str, name: str) -> None:
    """Fields of a create are kept by the manager's plain writes, which an apply does not know of."""
    made(cluster.create(configmap(namespace, name, a="1", b="2")))
    assert made(cluster.apply(configmap(namespace, name, a="1")))["data"] == {"a": "1", "b": "2"}


def test_apply_after_our_own_create(cluster: Cluster, namespace: str, name: str) -> None:
    made(cluster.create(configmap(namespace, name, a="1")))
    refused(cluster.apply(configmap(namespace, name, a="2")), Reason.FIELD_CONFLICT)
    assert made(cluster.apply(configmap(namespace, name, a="2"), force=True))["data"] == {"a": "2"}


def test_apply_after_our_own_replace(cluster: Cluster, namespace: str, name: str) -> None:
    live = made(cluster.apply(configmap(namespace, name, a="1")))
    made(cluster.replace({**live, "data": {"a": "2"}}))
    refused(cluster.apply(configmap(namespace, name, a="3")), Reason.FIELD_CONFLICT)
    assert made(cluster.get(ref(live)))["data"] == {"a": "2"}


def test_apply_leaves_the_fields_of_others_alone(
    cluster: Cluster, neighbours: Neighbours, namespace: str, name: str
) -> None:
    live = made(cluster.apply(configmap(namespace, name, a="1")))
    made(neighbours.update_as("meddler", {**live, "data": {"a": "1", "theirs": "x"}}))
    assert made(cluster.apply(configmap(namespace, name, a="2")))["data"] == {"a": "2", "theirs": "x"}


@pytest.mark.parametrize("how", ["apply_as", "update_as"])
class TestConflict:
    @pytest.fixture
    def taken(self, cluster: Cluster, neighbours: Neighbours, namespace: str, name: str, how: str) -> Object:
        """Ours was {a: 1}; a neighbour made it {a: theirs}."""
        live = made(cluster.apply(configmap(namespace, name, a="1", b="ours")))
        if how == "apply_as":
            return made(neighbours.apply_as("meddler", configmap(namespace, name, a="theirs"), force=True))
        return made(neighbours.update_as("meddler", {**live, "data": {"a": "theirs", "b": "ours"}}))

    def test_it_is_refused(self, cluster: Cluster, taken: Object, how: str) -> None:
        again = configmap(taken["metadata"]["namespace"], taken["metadata"]["name"], a="1", b="ours")
        assert "meddler" in refused(cluster.apply(again), Reason.FIELD_CONFLICT).detail
        assert version(made(cluster.get(ref(taken)))) == version(taken)

    def test_force_takes_it_over(
        self, cluster: Cluster, neighbours: Neighbours, taken: Object, how: str
    ) -> None:
        home, name = taken["metadata"]["namespace"], taken["metadata"]["name"]
        again = configmap(home, name, a="1", b="ours")
        assert made(cluster.apply(again, force=True))["data"] == {"a": "1", "b": "ours"}
        assert not cluster.differs(again)
        refused(neighbours.apply_as("meddler", configmap(home, name, a="theirs")), Reason.FIELD_CONFLICT)

    def test_the_same_value_is_no_conflict(self, cluster: Cluster, taken: Object, how: str) -> None:
        same = configmap(taken["metadata"]["namespace"], taken["metadata"]["name"], a="theirs", b="ours")
        assert made(cluster.apply(same))["data"] == {"a": "theirs", "b": "ours"}

    def test_what_both_own_stays_when_one_lets_go(self, cluster: Cluster, taken: Object, how: str) -> None:
        home, name = taken["metadata"]["namespace"], taken["metadata"]["name"]
        made(cluster.apply(configmap(home, name, a="theirs", b="ours")))
        assert made(cluster.apply(configmap(home, name, b="ours")))["data"] == {"a": "theirs", "b": "ours"}

    def test_other_fields_are_free(self, cluster: Cluster, taken: Object, how: str) -> None:
        home, name = taken["metadata"]["namespace"], taken["metadata"]["name"]
        assert made(cluster.apply(configmap(home, name, b="new")))["data"] == {"a": "theirs", "b": "new"}

    def test_it_differs(self, cluster: Cluster, taken: Object, how: str) -> None:
        home, name = taken["metadata"]["namespace"], taken["metadata"]["name"]
        assert cluster.differs(configmap(home, name, a="1", b="ours"))


def test_apply_with_a_uid_never_creates(cluster: Cluster, namespace: str) -> None:
    obj = with_meta(configmap(namespace, a="1"), uid=str(uuid.uuid4()))
    refused(cluster.apply(obj), Reason.CONFLICT)
    assert cluster.get(ref(obj)) is None


def test_apply_with_another_uid(cluster: Cluster, namespace: str, name: str) -> None:
    live = made(cluster.apply(configmap(namespace, name, a="1")))
    other = with_meta(configmap(namespace, name, a="2"), uid=str(uuid.uuid4()))
    refused(cluster.apply(other, force=True), Reason.CONFLICT, Reason.INVALID)
    assert made(cluster.get(ref(live)))["data"] == {"a": "1"}


def test_apply_with_its_own_uid(cluster: Cluster, namespace: str, name: str) -> None:
    live = made(cluster.apply(configmap(namespace, name, a="1")))
    mine = with_meta(configmap(namespace, name, a="2"), uid=live["metadata"]["uid"])
    assert made(cluster.apply(mine))["data"] == {"a": "2"}


def test_apply_with_a_version_is_compare_and_swap(cluster: Cluster, namespace: str, name: str) -> None:
    first = made(cluster.apply(configmap(namespace, name, a="1")))
    second = made(cluster.apply(configmap(namespace, name, a="2")))
    for stale, reasons in ((version(first), (Reason.CONFLICT,)), (version(second), ())):
        wish = with_meta(configmap(namespace, name, a="3"), resourceVersion=stale)
        answer = cluster.apply(wish)
        if reasons:
            refused(answer, *reasons)
        else:
            assert made(answer)["data"] == {"a": "3"}


@pytest.mark.only("real", reason="the simulator knows no schema")
def test_apply_of_an_unknown_field(cluster: Cluster, namespace: str) -> None:
    refused(cluster.apply({**configmap(namespace), "nonsense": 1}), Reason.INVALID)


@pytest.mark.only("real", reason="the simulator keeps its own record of who owns what")
def test_the_manager_of_a_create_is_ours(cluster: Cluster, namespace: str) -> None:
    live = made(cluster.create(configmap(namespace, a="1")))
    assert {entry["manager"] for entry in live["metadata"]["managedFields"]} == {"bootstrap"}
