"""What every ``Cluster`` does, simulated or real: the same tests are run on both, so a simulator cannot drift.

A test module imports these and gives two fixtures: ``port`` (a Cluster) and ``home`` (a namespace of the
test's own there).
"""

from typing import Any

import pytest

from bootstrap.ports import Cluster, Object, Reason, Ref, Refused


def config_map(home: str, name: str, **data: str) -> Object:
    metadata: dict[str, Any] = {"name": name, "namespace": home, "labels": {"test": name}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def ref(home: str, name: str) -> Ref:
    return Ref("v1", "ConfigMap", name, home)


def made(answer: Object | Refused | None) -> Object:
    assert isinstance(answer, dict), answer
    return answer


def refused(answer: object) -> Reason:
    assert isinstance(answer, Refused), answer
    return answer.reason


def test_create_is_create_only(port: Cluster, home: str) -> None:
    first = made(port.create(config_map(home, "create", a="1")))
    assert first["metadata"]["uid"]
    assert first["metadata"]["resourceVersion"]
    assert refused(port.create(config_map(home, "create", a="2"))) is Reason.EXISTS
    assert made(port.get(ref(home, "create")))["data"] == {"a": "1"}


def test_what_is_not_there_is_none(port: Cluster, home: str) -> None:
    assert port.get(ref(home, "absent")) is None
    assert port.get(Ref("example.test/v1", "Nothing", "absent", home)) is None
    assert port.list("example.test/v1", "Nothing") == []


def test_nothing_is_created_in_a_missing_namespace(port: Cluster, home: str) -> None:
    assert refused(port.create(config_map(f"{home}-missing", "x"))) is Reason.NOT_FOUND


def test_replace_is_compare_and_swap(port: Cluster, home: str) -> None:
    first = made(port.create(config_map(home, "swap", a="1")))
    second = made(port.replace({**first, "data": {"a": "2"}}))
    assert second["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert refused(port.replace({**first, "data": {"a": "3"}})) is Reason.CONFLICT
    assert made(port.get(ref(home, "swap")))["data"] == {"a": "2"}


def test_a_replace_of_nothing_is_not_found(port: Cluster, home: str) -> None:
    gone = made(port.create(config_map(home, "gone")))
    assert port.delete(ref(home, "gone"), uid=gone["metadata"]["uid"]) is None
    assert refused(port.replace({**gone, "data": {"a": "1"}})) in (Reason.NOT_FOUND, Reason.CONFLICT)


def test_delete_wants_the_right_uid_and_version(port: Cluster, home: str) -> None:
    live = made(port.create(config_map(home, "delete", a="1")))
    uid, version = live["metadata"]["uid"], live["metadata"]["resourceVersion"]
    assert refused(port.delete(ref(home, "delete"), uid="another")) is Reason.CONFLICT
    made(port.replace({**live, "data": {"a": "2"}}))
    assert refused(port.delete(ref(home, "delete"), uid=uid, resource_version=version)) is Reason.CONFLICT
    assert port.delete(ref(home, "delete"), uid=uid) is None
    assert port.get(ref(home, "delete")) is None
    assert refused(port.delete(ref(home, "delete"), uid=uid)) is Reason.NOT_FOUND


def test_a_new_object_has_a_new_uid(port: Cluster, home: str) -> None:
    first = made(port.create(config_map(home, "again")))
    port.delete(ref(home, "again"), uid=first["metadata"]["uid"])
    assert made(port.create(config_map(home, "again")))["metadata"]["uid"] != first["metadata"]["uid"]


def test_a_finalizer_keeps_an_object_terminating(port: Cluster, home: str) -> None:
    wanted = config_map(home, "final")
    wanted["metadata"]["finalizers"] = ["example.test/hold"]
    live = made(port.create(wanted))
    answer = made(port.delete(ref(home, "final"), uid=live["metadata"]["uid"]))
    assert answer["metadata"]["deletionTimestamp"]
    assert refused(port.create(config_map(home, "final"))) is Reason.TERMINATING
    held = made(port.get(ref(home, "final")))
    held["metadata"].pop("finalizers")
    made(port.replace(held))
    assert port.get(ref(home, "final")) is None


def test_an_immutable_object_keeps_its_data(port: Cluster, home: str) -> None:
    live = made(port.create({**config_map(home, "fixed", a="1"), "immutable": True}))
    assert refused(port.replace({**live, "data": {"a": "2"}})) is Reason.INVALID
    assert refused(port.replace({**live, "immutable": False})) is Reason.INVALID
    labelled = {**live, "metadata": {**live["metadata"], "labels": {"new": "label"}}}
    assert made(port.replace(labelled))["metadata"]["labels"] == {"new": "label"}


def test_a_list_is_filtered_by_labels_and_namespace(port: Cluster, home: str) -> None:
    made(port.create(config_map(home, "one")))
    made(port.create(config_map(home, "two")))
    found = port.list("v1", "ConfigMap", home, "test=one")
    assert [obj["metadata"]["name"] for obj in found] == ["one"]
    assert found[0]["kind"] == "ConfigMap"
    assert found[0]["apiVersion"] == "v1"
    everywhere = port.list("v1", "ConfigMap", labels="test=two")
    assert (home, "two") in [(o["metadata"]["namespace"], o["metadata"]["name"]) for o in everywhere]


def test_apply_creates_changes_and_takes_back_its_fields(port: Cluster, home: str) -> None:
    made(port.apply(config_map(home, "apply", a="1", b="2")))
    after = made(port.apply(config_map(home, "apply", a="3")))
    assert after["data"] == {"a": "3"}
    again = made(port.apply(config_map(home, "apply", a="3")))
    assert again["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


def test_apply_leaves_the_fields_of_others_alone(port: Cluster, home: str) -> None:
    live = made(port.apply(config_map(home, "share", a="1")))
    made(port.replace({**live, "data": {"a": "1", "theirs": "x"}}))
    made(port.apply(config_map(home, "share", a="2")))
    assert made(port.get(ref(home, "share")))["data"] == {"a": "2", "theirs": "x"}


def test_differs_says_whether_applying_would_change_anything(port: Cluster, home: str) -> None:
    wanted = config_map(home, "differs", a="1")
    assert port.differs(wanted)
    made(port.apply(wanted))
    assert not port.differs(wanted)
    assert port.differs(config_map(home, "differs", a="2"))


def test_the_cluster_has_an_identity(port: Cluster) -> None:
    assert port.uid() == made(port.get(Ref("v1", "Namespace", "kube-system")))["metadata"]["uid"]
    assert port.version().startswith("v1.")
    assert port.whoami()


@pytest.mark.parametrize("kind", ["Lease"])
def test_a_lease_is_swapped_like_anything_else(port: Cluster, home: str, kind: str) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "lease", "namespace": home},
        "spec": {"holderIdentity": "ann", "renewTime": "2026-01-01T00:00:00.000000Z"},
    }
    live = made(port.create(lease))
    let_go = {**live, "spec": {**live["spec"], "holderIdentity": ""}}
    assert not made(port.replace(let_go))["spec"].get("holderIdentity")
    assert refused(port.replace(let_go)) is Reason.CONFLICT
