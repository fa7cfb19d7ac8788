"""``differs`` is what an apply would do, asked without asking the server to try."""

import pytest

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster, Object
from tests.contract.clusters import Neighbours
from tests.contract.objects import configmap, fresh, made, ref, secret, version, with_meta


@pytest.fixture
def applied(cluster: Cluster, namespace: str) -> Object:
    """What was applied, as it was applied."""
    obj = with_meta(configmap(namespace, fresh(), a="1", b="2"), labels={"l": "1"})
    made(cluster.apply(obj))
    return obj


def agrees(cluster: Cluster, obj: Object) -> bool:
    """The oracle is the server: True is said exactly when applying moves the version. Gives what was said."""
    live = made(cluster.get(ref(obj)))
    said = cluster.differs(obj)
    assert said == (version(made(cluster.apply(obj, force=True))) != version(live))
    assert not cluster.differs(obj)
    return said


def test_what_is_missing_differs(cluster: Cluster, namespace: str) -> None:
    assert cluster.differs(configmap(namespace, a="1"))


def test_what_was_applied_does_not(cluster: Cluster, applied: Object) -> None:
    assert not agrees(cluster, applied)


CHANGES: dict[str, dict[str, dict[str, str]]] = {
    "a value": {"data": {"a": "2", "b": "2"}},
    "a new key": {"data": {"a": "1", "b": "2", "c": "3"}},
    "a key less": {"data": {"a": "1"}},
    "no key": {"data": {}},
    "a value becomes empty": {"data": {"a": "", "b": "2"}},
    "a new label": {"labels": {"l": "1", "m": "1"}},
    "another label": {"labels": {"l": "2"}},
    "no label": {"labels": {}},
    "an annotation": {"annotations": {"a": "1"}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(cluster: Cluster, applied: Object, change: str) -> None:
    [(where, value)] = CHANGES[change].items()
    changed = {**applied, "data": value} if where == "data" else with_meta(applied, **{where: value})
    assert agrees(cluster, changed)


def test_what_others_added_does_not_differ(cluster: Cluster, neighbours: Neighbours, applied: Object) -> None:
    live = made(cluster.get(ref(applied)))
    made(neighbours.update_as("meddler", {**live, "data": {**live["data"], "theirs": "x"}}))
    assert not agrees(cluster, applied)


@pytest.mark.parametrize(
    "data", [{"a": "x", "b": "2"}, {"b": "2"}, {}], ids=["changed", "removed", "emptied"]
)
def test_what_others_did_to_ours_differs(
    cluster: Cluster, neighbours: Neighbours, applied: Object, data: dict[str, str]
) -> None:
    live = made(cluster.get(ref(applied)))
    made(neighbours.update_as("meddler", {**live, "data": data}))
    assert agrees(cluster, applied)


def test_what_others_made_differs_until_it_is_ours(
    cluster: Cluster, neighbours: Neighbours, namespace: str
) -> None:
    obj = configmap(namespace, a="1")
    made(neighbours.apply_as("meddler", obj))
    assert agrees(cluster, obj)


def test_what_we_created_is_ours(cluster: Cluster, namespace: str) -> None:
    obj = configmap(namespace, a="1")
    made(cluster.create(obj))
    assert not cluster.differs(obj)


def test_it_changes_nothing(cluster: Cluster, applied: Object) -> None:
    before = version(made(cluster.get(ref(applied))))
    assert cluster.differs({**applied, "data": {"a": "9"}})
    assert version(made(cluster.get(ref(applied)))) == before


@pytest.mark.parametrize("value", [b"1", b"", b"\x00\xff", b"a\n"], ids=["text", "empty", "bytes", "newline"])
def test_secrets(cluster: Cluster, namespace: str, value: bytes) -> None:
    obj = secret(namespace, data={"a": Sensitive(value)})
    made(cluster.apply(obj))
    assert not agrees(cluster, obj)
    assert agrees(cluster, {**obj, "data": {"a": Sensitive(value + b"x")}})


def test_text_and_data_of_a_secret_are_one(cluster: Cluster, namespace: str) -> None:
    obj = secret(namespace, stringData={"a": "1"})
    made(cluster.apply(obj))
    assert not cluster.differs(obj)
    assert not cluster.differs({**secret(namespace, obj["metadata"]["name"]), "data": {"a": "MQ=="}})
