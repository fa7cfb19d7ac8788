"""What goes for good goes group by group, by UIDs that were written down, and what is awaited is awaited (B5)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.ports import Object, Reason, Ref, Refused
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.voiding import voided


class Cluster:
    """``kept`` are UIDs that are not removed, whatever is answered; ``looks`` is how many more a removal takes."""

    def __init__(self, *objects: Object, looks: int = 0) -> None:
        self.objects = list(objects)
        self.kept: set[str] = set()
        self.looks = looks
        self.done: list[str] = []
        self.refusal: Refused | None = None

    def of(self, kind: str) -> tuple[Object, ...]:
        return tuple(each for each in self.objects if each["kind"] == kind)

    def delete(self, ref: Ref, *, uid: str) -> Refused | None:
        self.done.append(f"delete {ref.name} {uid}")
        if self.refusal is None and uid not in self.kept:
            self.objects = [each for each in self.objects if each["metadata"]["uid"] != uid]
        return self.refusal

    def wait(self, what: str, check: Any, seconds: float = 0) -> Any:
        for _ in range(5):
            if found := check():
                self.done.append(what)
                return found
            self.looks -= 1
            if self.looks == 0:
                self.objects = [each for each in self.objects if each["metadata"]["uid"] not in self.kept]
        raise WorldError(f"{what}: not in time", code="E_TIMEOUT")


def made(kind: str, name: str, uid: str, **spec: str) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "uid": uid}, "spec": spec}


def run(cluster: Cluster, written: set[str]) -> frozenset[str]:
    world = cast(World, SimpleNamespace(cluster=cluster, wait=cluster.wait))
    groups = {f"the {kind}s": lambda k=kind: cluster.of(k) for kind in ("Pod", "PersistentVolume")}
    return voided(
        world,
        groups,
        frozenset(written),
        lambda obj: cluster.done.append(f"before {obj['metadata']['name']}"),
    )


def both() -> Cluster:
    return Cluster(made("Pod", "one", "1"), made("Pod", "two", "2"), made("PersistentVolume", "volume", "3"))


def test_b5_each_group_is_gone_before_the_next_one_goes() -> None:
    cluster = both()
    assert run(cluster, {"1", "2", "3"}) == frozenset()
    assert cluster.done == [
        *("before one", "delete one 1", "before two", "delete two 2", "the Pods are gone"),
        *("before volume", "delete volume 3", "the PersistentVolumes are gone"),
    ]
    assert cluster.objects == []


@pytest.mark.parametrize(
    ("written", "fresh", "left"), [({"1"}, {"2"}, 3), ({"1", "2"}, {"3"}, 1), (set[str](), {"1", "2"}, 3)]
)
def test_b5_from_the_first_group_on_that_holds_more_than_was_written_down_nothing_goes(
    written: set[str], fresh: set[str], left: int
) -> None:
    cluster = both()
    assert run(cluster, written) == fresh
    assert len(cluster.objects) == left


def test_b5_what_stays_stops_it_and_nothing_further_goes() -> None:
    cluster = both()
    cluster.kept = {"2"}
    with pytest.raises(WorldError) as stopped:
        run(cluster, {"1", "2", "3"})
    assert stopped.value.code == "E_TIMEOUT"
    assert [each["metadata"]["uid"] for each in cluster.objects] == ["2", "3"]


@pytest.mark.parametrize(("policy", "deleted"), [("Retain", True), ("Delete", False), ("", True)])
def test_b5_a_volume_that_its_class_removes_is_awaited(policy: str, deleted: bool) -> None:
    spec = {"persistentVolumeReclaimPolicy": policy} if policy else {}
    cluster = Cluster(made("PersistentVolume", "volume", "3", **spec), looks=2)
    cluster.kept = {"3"}
    assert run(cluster, {"3"}) == frozenset()
    assert ("delete volume 3" in cluster.done) is deleted
    pod = Cluster(made("Pod", "one", "1", persistentVolumeReclaimPolicy="Delete"))
    run(pod, {"1"})
    assert "delete one 1" in pod.done


def test_b5_a_removal_that_is_forbidden_is_said() -> None:
    cluster = both()
    cluster.refusal = Refused(Reason.FORBIDDEN, "no")
    with pytest.raises(Exception, match="not allowed") as stopped:
        run(cluster, {"1", "2", "3"})
    assert getattr(stopped.value, "code", "") == "E_RBAC"
