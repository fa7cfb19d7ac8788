"""Replace is compare-and-swap, on every kind that the run's state lies in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster, Object, Reason
from tests.contract.objects import bare, configmap, made, ref, refused, secret, version, with_meta

LEASE = "coordination.k8s.io/v1"


def lease(namespace: str, holder: str) -> Object:
    return bare(
        LEASE, "Lease", namespace, spec={"holderIdentity": holder, "renewTime": "2026-01-01T00:00:00.000000Z"}
    )


KINDS: dict[str, tuple[Callable[[str], Object], Callable[[Object, str], Object]]] = {
    "ConfigMap": (lambda ns: configmap(ns, a="0"), lambda live, value: {**live, "data": {"a": value}}),
    "Secret": (
        lambda ns: secret(ns, data={"a": Sensitive(b"0")}),
        lambda live, value: {**live, "data": {"a": Sensitive(value.encode())}},
    ),
    "Lease": (
        lambda ns: lease(ns, "nobody"),
        lambda live, value: {**live, "spec": {**live["spec"], "holderIdentity": value}},
    ),
}


@pytest.fixture(params=KINDS)
def swap(request: pytest.FixtureRequest, cluster: Cluster, namespace: str) -> tuple[Object, Any]:
    """An object as the server holds it, and how to change it."""
    make, change = KINDS[request.param]
    return made(cluster.create(make(namespace))), change


def test_replace_moves_the_version_and_keeps_the_uid(cluster: Cluster, swap: Any) -> None:
    first, change = swap
    second = made(cluster.replace(change(first, "1")))
    assert version(second) != version(first)
    assert second["metadata"]["uid"] == first["metadata"]["uid"]


def test_a_stale_version_is_refused(cluster: Cluster, swap: Any) -> None:
    first, change = swap
    second = made(cluster.replace(change(first, "1")))
    refused(cluster.replace(change(first, "2")), Reason.CONFLICT)
    live = made(cluster.get(ref(first)))
    assert version(live) == version(second)


def test_of_eight_at_once_one_wins(cluster: Cluster, swap: Any) -> None:
    first, change = swap
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: cluster.replace(change(first, str(n))), range(1, 9)))
    [won] = [one for one in answers if isinstance(one, dict)]
    for lost in answers:
        if lost is not won:
            refused(lost, Reason.CONFLICT)
    assert version(made(cluster.get(ref(first)))) == version(won)


def test_a_replace_by_nothing_new_moves_nothing(cluster: Cluster, swap: Any) -> None:
    first, _ = swap
    assert version(made(cluster.replace(first))) == version(first)


def test_without_a_version_it_is_not_sent(cluster: Cluster, swap: Any) -> None:
    first, change = swap
    meta = {key: value for key, value in first["metadata"].items() if key != "resourceVersion"}
    with pytest.raises(ValueError, match="resourceVersion"):
        cluster.replace({**change(first, "1"), "metadata": meta})
    assert version(made(cluster.get(ref(first)))) == version(first)


def test_another_uid_is_another_object(cluster: Cluster, swap: Any) -> None:
    first, change = swap
    other = with_meta(change(first, "1"), uid="11111111-2222-3333-4444-555555555555")
    refused(cluster.replace(other), Reason.CONFLICT)


def test_what_is_gone_cannot_be_replaced(cluster: Cluster, swap: Any) -> None:
    first, change = swap
    assert cluster.delete(ref(first), uid=first["metadata"]["uid"]) is None
    refused(cluster.replace(change(first, "1")), Reason.NOT_FOUND, Reason.CONFLICT)
    assert cluster.get(ref(first)) is None


def test_what_was_made_anew_is_not_what_was_read(cluster: Cluster, swap: Any) -> None:
    """The name is the same, the object is not: no writer of the old one gets through."""
    first, change = swap
    assert cluster.delete(ref(first), uid=first["metadata"]["uid"]) is None
    again = {key: value for key, value in first.items() if key != "metadata"}
    meta = {key: first["metadata"][key] for key in ("name", "namespace")}
    made(cluster.create({**again, "metadata": meta}))
    refused(cluster.replace(change(first, "1")), Reason.CONFLICT)


def test_a_lease_is_let_go_of_once(cluster: Cluster, namespace: str) -> None:
    live = made(cluster.create(lease(namespace, "ann")))
    let_go = {**live, "spec": {**live["spec"], "holderIdentity": ""}}
    assert not made(cluster.replace(let_go))["spec"].get("holderIdentity")
    refused(cluster.replace(let_go), Reason.CONFLICT)


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00Z", "2026-01-01 00:00:00.000000", "yesterday"])
@pytest.mark.parametrize("verb", ["create", "apply"])
def test_a_lease_wants_microseconds(cluster: Cluster, namespace: str, verb: str, time: str) -> None:
    obj = lease(namespace, "ann")
    obj["spec"]["renewTime"] = time
    refused(getattr(cluster, verb)(obj), Reason.INVALID)
    assert cluster.get(ref(obj)) is None


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
class TestImmutable:
    """What is immutable keeps its data and stays so; its labels are free."""

    @pytest.fixture
    def fixed(self, cluster: Cluster, namespace: str, kind: str) -> Object:
        make, _ = KINDS[kind]
        return made(cluster.create({**make(namespace), "immutable": True}))

    def test_data(self, cluster: Cluster, fixed: Object, kind: str) -> None:
        change = KINDS[kind][1]
        detail = refused(cluster.replace(change(fixed, "canary")), Reason.INVALID).detail
        assert "canary" not in detail
        assert made(cluster.get(ref(fixed)))["data"] == fixed["data"]

    def test_more_data(self, cluster: Cluster, fixed: Object, kind: str) -> None:
        refused(
            cluster.replace({**fixed, "data": {**fixed["data"], "b": fixed["data"]["a"]}}), Reason.INVALID
        )

    def test_no_data(self, cluster: Cluster, fixed: Object, kind: str) -> None:
        refused(cluster.replace({k: v for k, v in fixed.items() if k != "data"}), Reason.INVALID)

    def test_unset(self, cluster: Cluster, fixed: Object, kind: str) -> None:
        refused(cluster.replace({**fixed, "immutable": False}), Reason.INVALID)
        refused(cluster.replace({k: v for k, v in fixed.items() if k != "immutable"}), Reason.INVALID)

    def test_labels(self, cluster: Cluster, fixed: Object, kind: str) -> None:
        live = made(cluster.replace(with_meta(fixed, labels={"new": "label"})))
        assert live["metadata"]["labels"] == {"new": "label"}
        assert live["data"] == fixed["data"]

    def test_apply(self, cluster: Cluster, fixed: Object, kind: str) -> None:
        wish = {k: v for k, v in KINDS[kind][0](fixed["metadata"]["namespace"]).items() if k != "metadata"}
        meta = {k: fixed["metadata"][k] for k in ("name", "namespace")}
        changed = KINDS[kind][1]({**wish, "metadata": meta}, "1")
        refused(cluster.apply(changed, force=True), Reason.INVALID)

    def test_it_can_be_made_so_later(self, cluster: Cluster, namespace: str, kind: str) -> None:
        make, change = KINDS[kind]
        live = made(cluster.create(make(namespace)))
        fixed = made(cluster.replace({**live, "immutable": True}))
        refused(cluster.replace(change(fixed, "1")), Reason.INVALID)

    def test_it_can_be_deleted(self, cluster: Cluster, fixed: Object, kind: str) -> None:
        assert cluster.delete(ref(fixed), uid=fixed["metadata"]["uid"]) is None


def test_the_type_of_a_secret_never_changes(cluster: Cluster, namespace: str) -> None:
    live = made(cluster.create(secret(namespace, type="Opaque", data={})))
    refused(cluster.replace({**live, "type": "bootstrap.dev/other"}), Reason.INVALID)
