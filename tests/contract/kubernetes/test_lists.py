"""Lists are whole, each object once, and filtered as they were asked for."""

import pytest

from bootstrap.ports import Cluster
from tests.contract.objects import configmap, fresh, made, with_meta

LABELS = {"one": {"n": "1", "odd": "yes"}, "two": {"n": "2"}, "three": {"n": "3", "odd": "yes"}, "none": {}}
MARK = "port-test-list"


@pytest.fixture(scope="module")
def listed(cluster: Cluster, namespace: str) -> str:
    """The value of the label ``MARK`` that the objects of this module have, and no others."""
    mark = fresh("l")
    for name, labels in LABELS.items():
        made(cluster.create(with_meta(configmap(namespace, name), labels={MARK: mark, **labels})))
    return mark


SELECTORS = {
    "": {"one", "two", "three", "none"},
    "n=1": {"one"},
    "n==1": {"one"},
    "n=4": set(),
    "n=1,odd=yes": {"one"},
    "n=2,odd=yes": set(),
    "n!=1": {"two", "three", "none"},
    "odd": {"one", "three"},
    "!odd": {"two", "none"},
    "n in (1,3)": {"one", "three"},
    "n notin (1,3)": {"two", "none"},
    "odd,n!=3": {"one"},
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_labels(cluster: Cluster, namespace: str, listed: str, selector: str) -> None:
    asked = ",".join(part for part in (f"{MARK}={listed}", selector) if part)
    found = cluster.list("v1", "ConfigMap", namespace, asked)
    assert {o["metadata"]["name"] for o in found} == SELECTORS[selector]


def test_all_namespaces(cluster: Cluster, namespace: str, listed: str) -> None:
    found = cluster.list("v1", "ConfigMap", labels=f"{MARK}={listed}")
    assert {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in found} == {
        (namespace, n) for n in LABELS
    }


def test_another_namespace(cluster: Cluster, listed: str) -> None:
    assert cluster.list("v1", "ConfigMap", "default", f"{MARK}={listed}") == []
    assert cluster.list("v1", "ConfigMap", "no-such-namespace-here") == []


def test_items_say_what_they_are(cluster: Cluster, namespace: str, listed: str) -> None:
    found = cluster.list("v1", "ConfigMap", namespace, f"{MARK}={listed}")
    assert {(o["apiVersion"], o["kind"]) for o in found} == {("v1", "ConfigMap")}
    assert all(o["metadata"]["uid"] and o["metadata"]["resourceVersion"] for o in found)


def test_names_come_in_order(cluster: Cluster, namespace: str, listed: str) -> None:
    names = [o["metadata"]["name"] for o in cluster.list("v1", "ConfigMap", namespace, f"{MARK}={listed}")]
    assert names == sorted(names)


def test_another_kind(cluster: Cluster, namespace: str, listed: str) -> None:
    assert cluster.list("v1", "Secret", namespace, f"{MARK}={listed}") == []


@pytest.mark.parametrize("count", [2, 3, 4, 7], ids="{} objects, pages of 3".format)
def test_pages(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The simulator has no pages: there it is what the real one must look like."""
    monkeypatch.setattr("bootstrap.adapters.kubernetes.cluster.PAGE", 3)
    mark = fresh("p")
    for number in range(count):
        made(cluster.create(with_meta(configmap(namespace, f"{mark}-{number}"), labels={MARK: mark})))
    names = [o["metadata"]["name"] for o in cluster.list("v1", "ConfigMap", namespace, f"{MARK}={mark}")]
    assert names == [f"{mark}-{n}" for n in range(count)]
    assert len(cluster.list("v1", "ConfigMap", "", f"{MARK}={mark}")) == count


def test_what_a_caller_does_to_an_answer_is_its_own(cluster: Cluster, namespace: str) -> None:
    obj = configmap(namespace, a="1")
    made(cluster.create(obj))["data"]["a"] = "changed"
    obj["data"]["a"] = "changed"
    [found] = [
        o
        for o in cluster.list("v1", "ConfigMap", namespace)
        if o["metadata"]["name"] == obj["metadata"]["name"]
    ]
    assert found["data"] == {"a": "1"}
