"""Create is create-only; what the server finds invalid is never half made."""

from typing import Any

import pytest

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster, Object, Reason, Ref
from tests.contract.objects import bare, configmap, fresh, made, ref, refused, secret, version, with_meta


def test_create_is_create_only(cluster: Cluster, namespace: str) -> None:
    obj = configmap(namespace, a="1")
    first = made(cluster.create(obj))
    assert first["data"] == {"a": "1"}
    assert first["metadata"]["uid"]
    assert version(first)
    refused(cluster.create(configmap(namespace, obj["metadata"]["name"], a="2")), Reason.EXISTS)
    live = made(cluster.get(ref(obj)))
    assert live["data"] == {"a": "1"}
    assert version(live) == version(first)


def test_each_object_has_a_uid_of_its_own(cluster: Cluster, namespace: str) -> None:
    obj = configmap(namespace)
    first = made(cluster.create(obj))
    assert cluster.delete(ref(obj), uid=first["metadata"]["uid"]) is None
    assert made(cluster.create(obj))["metadata"]["uid"] != first["metadata"]["uid"]


def test_a_uid_that_the_writer_chose_is_not_taken(cluster: Cluster, namespace: str) -> None:
    wished = with_meta(configmap(namespace), uid="11111111-2222-3333-4444-555555555555")
    assert made(cluster.create(wished))["metadata"]["uid"] != wished["metadata"]["uid"]


NAMES = {
    "upper case": "Upper",
    "underscore": "not_a_name",
    "slash": "a/b",
    "leading hyphen": "-a",
    "trailing hyphen": "a-",
    "space": "a b",
    "254 characters": "a" * 254,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_must_be_one(cluster: Cluster, namespace: str, name: str) -> None:
    refused(cluster.create(configmap(namespace, name)), Reason.INVALID)


@pytest.mark.parametrize(
    "name", ["a.b", "0", "a--b", "a" * 253], ids=["dot", "digit", "hyphens", "253 characters"]
)
def test_a_name_that_is_one(cluster: Cluster, namespace: str, name: str) -> None:
    assert made(cluster.create(configmap(namespace, name)))["metadata"]["name"] == name


KEYS = {"space": "not a key", "slash": "a/b", "non-ASCII": "schl\u00fcssel", "254 characters": "k" * 254}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_bad_keys_do_not_bring_the_value_along(cluster: Cluster, namespace: str, kind: str, key: str) -> None:
    value: Any = Sensitive(b"canary-9") if kind == "Secret" else "canary-9"
    obj = bare("v1", kind, namespace, data={key: value})
    detail = refused(cluster.create(obj), Reason.INVALID).detail
    assert "Y2FuYXJ5" not in detail
    assert kind == "ConfigMap" or "canary" not in detail
    assert cluster.get(ref(obj)) is None


@pytest.mark.parametrize("verb", ["create", "apply"])
def test_nothing_is_made_in_a_missing_namespace(cluster: Cluster, verb: str) -> None:
    refused(getattr(cluster, verb)(configmap("no-such-namespace-here")), Reason.NOT_FOUND)


@pytest.mark.parametrize("verb", ["create", "apply"])
def test_a_kind_that_is_not_served(cluster: Cluster, namespace: str, verb: str) -> None:
    obj = bare("bootstrap.dev/v9", "Nothing", namespace)
    refused(getattr(cluster, verb)(obj), Reason.NOT_FOUND)
    assert cluster.get(ref(obj)) is None
    assert cluster.list("bootstrap.dev/v9", "Nothing") == []


def test_deleting_and_replacing_a_kind_that_is_not_served(cluster: Cluster, namespace: str) -> None:
    obj = with_meta(bare("bootstrap.dev/v9", "Nothing", namespace), resourceVersion="1")
    refused(cluster.replace(obj), Reason.NOT_FOUND)
    refused(cluster.delete(ref(obj), uid="x"), Reason.NOT_FOUND)


def test_what_is_not_there_is_none(cluster: Cluster, namespace: str) -> None:
    assert cluster.get(Ref("v1", "ConfigMap", fresh(), namespace)) is None
    assert cluster.get(Ref("v1", "ConfigMap", fresh(), "no-such-namespace-here")) is None
    assert cluster.get(Ref("v1", "Namespace", "no-such-namespace-here")) is None


def test_text_of_a_secret_becomes_data(cluster: Cluster, namespace: str) -> None:
    live = made(cluster.create(secret(namespace, stringData={"a": "text"}, data={"b": "Ynl0ZXM="})))
    assert live["data"] == {"a": Sensitive(b"text"), "b": Sensitive(b"bytes")}
    assert "stringData" not in live


ODD: dict[str, bytes] = {
    "empty": b"",
    "newline": b"a\n",
    "not UTF-8": b"\x00\xfe\xff",
    "64 KiB": b"x" * 65536,
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_secrets_are_bytes_both_ways(cluster: Cluster, namespace: str, value: bytes) -> None:
    obj = secret(namespace, data={"a": Sensitive(value)})
    made(cluster.create(obj))
    assert made(cluster.get(ref(obj)))["data"] == {"a": Sensitive(value)}
    [listed] = [o for o in cluster.list("v1", "Secret", namespace) if ref(o) == ref(obj)]
    assert listed["data"]["a"] == Sensitive(value)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "ServiceAccount", "Namespace"])
def test_labels_and_annotations_are_kept(cluster: Cluster, namespace: str, kind: str) -> None:
    obj: Object = bare("v1", kind, namespace, fresh("port-test"))
    if kind == "Namespace":
        del obj["metadata"]["namespace"]
    live = made(cluster.create(with_meta(obj, labels={"a": "b"}, annotations={"bootstrap.dev/x": "y: z"})))
    assert live["metadata"]["labels"]["a"] == "b"
    assert live["metadata"]["annotations"] == {"bootstrap.dev/x": "y: z"}
    cluster.delete(ref(obj), uid=live["metadata"]["uid"])
