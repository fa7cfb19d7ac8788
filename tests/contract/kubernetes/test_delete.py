"""Deletes carry a UID; finalizers and namespaces end in their own time."""

import uuid
from collections.abc import Iterator

import pytest

from bootstrap.ports import Cluster, Object, Reason, Ref
from tests.contract.objects import bare, configmap, fresh, made, ref, refused, until, version, with_meta


def test_delete_wants_the_right_uid(cluster: Cluster, namespace: str) -> None:
    obj = made(cluster.create(configmap(namespace)))
    refused(cluster.delete(ref(obj), uid=str(uuid.uuid4())), Reason.CONFLICT)
    assert cluster.get(ref(obj)) is not None
    assert cluster.delete(ref(obj), uid=obj["metadata"]["uid"]) is None
    assert cluster.get(ref(obj)) is None


def test_delete_wants_the_right_version_when_it_is_given(cluster: Cluster, namespace: str) -> None:
    first = made(cluster.create(configmap(namespace, a="1")))
    uid = first["metadata"]["uid"]
    refused(cluster.delete(ref(first), uid=uid, resource_version="1"), Reason.CONFLICT)
    second = made(cluster.replace({**first, "data": {"a": "2"}}))
    refused(cluster.delete(ref(first), uid=uid, resource_version=version(first)), Reason.CONFLICT)
    assert cluster.delete(ref(first), uid=uid, resource_version=version(second)) is None


def test_what_is_gone_is_not_found(cluster: Cluster, namespace: str) -> None:
    obj = made(cluster.create(configmap(namespace)))
    uid = obj["metadata"]["uid"]
    assert cluster.delete(ref(obj), uid=uid) is None
    refused(cluster.delete(ref(obj), uid=uid), Reason.NOT_FOUND)
    refused(cluster.delete(Ref("v1", "ConfigMap", fresh(), namespace), uid=uid), Reason.NOT_FOUND)


def test_without_a_uid_it_is_not_sent(cluster: Cluster, namespace: str) -> None:
    obj = made(cluster.create(configmap(namespace)))
    with pytest.raises(ValueError, match="UID"):
        cluster.delete(ref(obj), uid="")
    assert cluster.get(ref(obj)) is not None


KINDS = {
    "ServiceAccount": "v1",
    "Secret": "v1",
    "Lease": "coordination.k8s.io/v1",
    "Role": "rbac.authorization.k8s.io/v1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_some_kinds_answer_with_the_deleted_object_and_are_gone_all_the_same(
    cluster: Cluster, namespace: str, kind: str
) -> None:
    live = made(cluster.create(bare(KINDS[kind], kind, namespace)))
    assert cluster.delete(ref(live), uid=live["metadata"]["uid"]) is None
    assert cluster.get(ref(live)) is None


class TestFinalizer:
    """An object that somebody holds is terminating: there, writable, and never again what it was."""

    @pytest.fixture
    def held(self, cluster: Cluster, namespace: str) -> Object:
        live = made(cluster.create(with_meta(configmap(namespace, a="1"), finalizers=["bootstrap.dev/test"])))
        left = made(cluster.delete(ref(live), uid=live["metadata"]["uid"]))
        assert left["metadata"]["deletionTimestamp"]
        return left

    @pytest.fixture(autouse=True)
    def let_go(self, cluster: Cluster, held: Object) -> Iterator[None]:
        yield
        live = cluster.get(ref(held))
        if live is not None:
            cluster.replace(with_meta(live, finalizers=[]))

    def test_it_is_still_read(self, cluster: Cluster, held: Object) -> None:
        live = made(cluster.get(ref(held)))
        assert live["metadata"]["deletionTimestamp"] == held["metadata"]["deletionTimestamp"]
        assert live["data"] == {"a": "1"}
        assert ref(held) in [ref(o) for o in cluster.list("v1", "ConfigMap", held["metadata"]["namespace"])]

    def test_its_name_is_not_free(self, cluster: Cluster, held: Object) -> None:
        again = configmap(held["metadata"]["namespace"], held["metadata"]["name"])
        refused(cluster.create(again), Reason.TERMINATING)

    def test_its_data_is_writable(self, cluster: Cluster, held: Object) -> None:
        assert made(cluster.replace({**held, "data": {"a": "2"}}))["data"] == {"a": "2"}
        assert made(cluster.get(ref(held)))["metadata"]["deletionTimestamp"]

    def test_it_gets_no_more_finalizers(self, cluster: Cluster, held: Object) -> None:
        more = ["bootstrap.dev/test", "bootstrap.dev/more"]
        refused(cluster.replace(with_meta(held, finalizers=more)), Reason.INVALID)

    def test_it_can_be_deleted_again(self, cluster: Cluster, held: Object) -> None:
        again = made(cluster.delete(ref(held), uid=held["metadata"]["uid"]))
        assert again["metadata"]["deletionTimestamp"] == held["metadata"]["deletionTimestamp"]

    def test_deleted_again_under_another_uid(self, cluster: Cluster, held: Object) -> None:
        refused(cluster.delete(ref(held), uid=str(uuid.uuid4())), Reason.CONFLICT)

    def test_without_its_finalizer_it_goes(self, cluster: Cluster, held: Object) -> None:
        made(cluster.replace(with_meta(held, finalizers=[])))
        assert cluster.get(ref(held)) is None
        made(cluster.create(configmap(held["metadata"]["namespace"], held["metadata"]["name"])))

    def test_apply_does_not_bring_it_back(self, cluster: Cluster, held: Object) -> None:
        wish = configmap(held["metadata"]["namespace"], held["metadata"]["name"], b="1")
        made(cluster.apply(wish))
        assert made(cluster.get(ref(held)))["metadata"]["deletionTimestamp"]


class TestNamespace:
    """A namespace ends after what is in it, and takes nothing new meanwhile."""

    @pytest.fixture
    def ending(self, cluster: Cluster) -> tuple[Object, Object]:
        """A namespace being deleted, and the object that keeps it."""
        space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fresh("port-test")}}
        live = made(cluster.create(space))
        name = live["metadata"]["name"]
        made(cluster.create(configmap(name, "goes")))
        kept = made(cluster.create(with_meta(configmap(name, "stays"), finalizers=["bootstrap.dev/test"])))
        assert made(cluster.delete(ref(live), uid=live["metadata"]["uid"]))["metadata"]["deletionTimestamp"]
        return live, kept

    @pytest.fixture(autouse=True)
    def let_go(self, cluster: Cluster, ending: tuple[Object, Object]) -> Iterator[None]:
        yield
        live = cluster.get(ref(ending[1]))
        if live is not None:
            cluster.replace(with_meta(live, finalizers=[]))

    @pytest.mark.parametrize("verb", ["create", "apply"])
    def test_it_takes_nothing_new(self, cluster: Cluster, ending: tuple[Object, Object], verb: str) -> None:
        refused(getattr(cluster, verb)(configmap(ending[0]["metadata"]["name"])), Reason.TERMINATING)

    def test_its_name_is_not_free(self, cluster: Cluster, ending: tuple[Object, Object]) -> None:
        again: Object = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": ending[0]["metadata"]["name"]},
        }
        refused(cluster.create(again), Reason.TERMINATING)

    def test_it_ends_after_what_is_in_it(self, cluster: Cluster, ending: tuple[Object, Object]) -> None:
        space, kept = ending
        until(lambda: cluster.get(Ref("v1", "ConfigMap", "goes", space["metadata"]["name"])) is None, 30)
        until(lambda: made(cluster.get(ref(kept)))["metadata"].get("deletionTimestamp"), 30)
        assert made(cluster.get(ref(space)))["metadata"]["deletionTimestamp"]
        made(cluster.replace(with_meta(made(cluster.get(ref(kept))), finalizers=[])))
        assert cluster.get(ref(kept)) is None
        until(lambda: cluster.get(ref(space)) is None, 30)


def test_an_empty_namespace_goes_and_its_name_is_free(cluster: Cluster) -> None:
    space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fresh("port-test")}}
    live = made(cluster.create(space))
    refused(cluster.delete(ref(space), uid=str(uuid.uuid4())), Reason.CONFLICT)
    cluster.delete(ref(space), uid=live["metadata"]["uid"])
    until(lambda: cluster.get(ref(space)) is None, 30)
    again = made(cluster.create(space))
    assert again["metadata"]["uid"] != live["metadata"]["uid"]
    cluster.delete(ref(space), uid=again["metadata"]["uid"])
