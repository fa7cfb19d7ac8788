"""What a look has read is not asked for again while it lasts; what was changed is."""

from contextlib import suppress
from typing import Any

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.look import KEPT, SMALL, Look, SharedCluster

HERE = Ref("v1", "ConfigMap", "a", "demo")


def config_map(name: str, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "demo"},
        "data": data,
    }


class Counted:
    """A cluster of two ConfigMaps and a Secret, that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, ref: Ref) -> Object | None:
        self.asked.append(f"get {ref.name}")
        if ref.name == "large":
            return config_map("large", text="x") | {"data": {"text": Sensitive(b"x" * (SMALL + 1))}}
        return config_map(ref.name, text="x") if ref.name in ("a", "b") else None

    def list(self, api: str, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        self.asked.append(f"list {kind} {labels}".rstrip())
        return [config_map("a"), config_map("b")] if kind == "ConfigMap" else []

    def differs(self, obj: Object, live: Object) -> bool:
        assert live is not None
        return live != obj

    def delete(self, ref: Ref, *, uid: str, resource_version: str) -> None:
        self.asked.append(f"delete {ref.name} {uid} {resource_version}")

    def refresh(self) -> None:
        self.asked.append("refresh")

    def create(self, obj: Object) -> Object:
        raise ConnectionError

    def server_time(self) -> str:
        self.asked.append("time")
        return "now"


def shared() -> tuple[Look, Any, Any]:
    look, counted = Look(), Counted()
    return look, SharedCluster(counted, look), counted  # type: ignore[arg-type]  # as much of it as is asked here


def test_within_a_look_each_object_is_read_once_and_outside_of_it_always() -> None:
    look, cluster, counted = shared()
    with look.shared():
        assert cluster.get(HERE) == cluster.get(HERE)
        assert not cluster.differs(config_map("a", text="x"))
        with look.shared():
            cluster.get(HERE)
        cluster.get(HERE)
        absent = Ref("v1", "ConfigMap", "c", "demo")
        assert cluster.get(absent) is cluster.get(absent) is None
    assert counted.asked == ["get a", "get c"]
    cluster.get(HERE)
    cluster.get(HERE)
    assert counted.asked[2:] == ["get a", "get a"]


def test_a_list_of_a_namespace_answers_for_each_object_there_and_for_none() -> None:
    look, cluster, counted = shared()
    with look.shared():
        assert len(cluster.list("v1", "ConfigMap", "demo")) == 2
        assert cluster.get(HERE) is not None
        assert cluster.get(Ref("v1", "ConfigMap", "c", "demo")) is None
        cluster.list("v1", "ConfigMap", "demo")
    assert counted.asked == ["list ConfigMap"]


def test_a_list_by_labels_says_nothing_of_what_is_not_in_it() -> None:
    look, cluster, counted = shared()
    with look.shared():
        cluster.list("v1", "ConfigMap", "demo", "x=y")
        cluster.get(HERE)
        cluster.get(Ref("v1", "ConfigMap", "c", "demo"))
    assert counted.asked == ["list ConfigMap x=y", "get c"]


def test_a_change_is_looked_at_anew_even_where_its_answer_was_lost() -> None:
    look, cluster, counted = shared()
    with look.shared():
        cluster.get(HERE)
        with suppress(ConnectionError):
            cluster.create(config_map("a"))
        cluster.get(HERE)
    assert counted.asked == ["get a", "get a"]


def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    look = Look()

    def read() -> str:
        look.forget()  # the change comes while the answer is on its way
        return "before"

    with look.shared():
        look.once("it", read)
        assert look.once("it", lambda: "after") == "after"


def test_lists_of_secrets_are_kept_by_nobody_and_time_goes_on() -> None:
    look, cluster, counted = shared()
    with look.shared():
        cluster.list("v1", "Secret", "demo")
        cluster.list("v1", "Secret", "demo")
        cluster.server_time()
        cluster.server_time()
    assert counted.asked == ["list Secret", "list Secret", "time", "time"]


def test_what_differs_from_what_was_read_is_not_read_again() -> None:
    _, cluster, counted = shared()
    assert cluster.differs(config_map("a", text="x"), config_map("a", text="y"))
    assert counted.asked == []
    assert cluster.differs(config_map("c"))


def test_b5_a_delete_names_the_object_that_was_seen() -> None:
    _, cluster, counted = shared()
    cluster.delete(HERE, uid="u-1", resource_version="7")
    assert counted.asked == ["delete a u-1 7"]


def test_after_a_refresh_all_is_read_anew() -> None:
    look, cluster, counted = shared()
    with look.shared():
        cluster.get(HERE)
        cluster.refresh()
        cluster.get(HERE)
    assert counted.asked == ["get a", "refresh", "get a"]


def test_outside_of_a_look_nothing_is_kept() -> None:
    look = Look()
    look.know("it", 1)
    assert not look.knows("it")


def test_an_object_with_a_large_value_is_kept_by_nobody() -> None:
    look, cluster, counted = shared()
    with look.shared():
        for _ in range(2):
            cluster.get(Ref("v1", "Secret", "large", "demo"))
    assert counted.asked == ["get large", "get large"]


def test_of_values_only_so_much_is_kept() -> None:
    look, small, large = Look(), Sensitive(b"x" * SMALL), Sensitive(b"x" * (SMALL + 1))
    with look.shared():
        look.once("large", lambda: large, lambda v: [v])
        assert not look.knows("large")
        for number in range(KEPT + 1):
            look.once(number, lambda: small, lambda v: [v])
        assert look.knows(KEPT - 1)
        assert not look.knows(KEPT)
        look.once("no value", lambda: 1)
        assert look.knows("no value")
