"""Putting one attempt's replica there: TLS with the attempt's name, the ``init`` shape, one pod that answers."""

from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.model.init_window import Window
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.applied import applied, applied_in_any_order
from bootstrap.steps.context.names import RESTRICTED, labels, namespace
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.objects import base_objects, certificate_names, stateful_set

LEAF_DAYS = 365


@dataclass(frozen=True, slots=True)
class Attempt:
    """``tls`` is the certificates' Secret, ``server_name`` the name that only they carry; ``still`` says whether the
    attempt is the one under way. ``alone``: in the ``restore`` shape."""

    tls: str
    server_name: str
    still: Callable[[], bool]
    alone: bool = False


def attempt_tls_name(window: Window) -> str:
    return f"vault-tls-init-{window.attempt}"


def install_first_replica(world: World, window: Window) -> None:
    put_there(world, Attempt(attempt_tls_name(window), window.server_name, lambda: is_now(world, window)))


def put_there(world: World, attempt: Attempt) -> None:
    """Create-only for the certificate, apply for the rest; waits until the pod answers. Nothing happens to the
    StatefulSet once another attempt is under way: an earlier one's certificate must not be served again."""
    spec = world.intent.platform.vault
    home = Ref("v1", "Namespace", spec.namespace)
    if world.cluster.get(home) is None:
        expect(world.cluster.create(namespace(spec.namespace, RESTRICTED)), home)
    tls = Ref("v1", "Secret", attempt.tls, spec.namespace)
    if world.cluster.get(tls) is None:
        names = (*certificate_names(spec, "vault-0"), attempt.server_name)
        expect(world.cluster.create(tls_secret(world, tls, {"vault-0": names})), tls)
    shape = stateful_set(spec, replicas=1, tls_secret=tls.name, spool=attempt.alone)
    applied_in_any_order(world, base_objects(spec, (), alone=attempt.alone), attempt.still)
    if applied(world, shape, attempt.still):
        _end_earlier(world, attempt.tls)
        world.wait("Vault's first replica answers", lambda: world.session.seal_status("vault-0"), seconds=180)


def first_replica_answers(world: World, window: Window) -> bool:
    """Whether the pod of this attempt does; one that mounts another certificate is of a Vault before it."""
    pod = world.cluster.get(_pod_ref(world))
    return (pod is None or _mounts(pod, attempt_tls_name(window))) and world.session.seal_status(
        "vault-0"
    ) is not None


def _end_earlier(world: World, tls: str) -> None:
    """A pod keeps its template until it ends: one of a Vault before this attempt, whose store is gone, is ended."""
    ref = _pod_ref(world)
    pod = world.cluster.get(ref)
    if pod is not None and not _mounts(pod, tls):
        expect(world.cluster.delete(ref, uid=pod["metadata"]["uid"]), ref)
        world.wait("the pod of the lost Vault has ended", lambda: _is_another(world, pod["metadata"]["uid"]))


def _is_another(world: World, uid: str) -> bool:
    pod = world.cluster.get(_pod_ref(world))
    return pod is None or pod["metadata"]["uid"] != uid


def _pod_ref(world: World) -> Ref:
    return Ref("v1", "Pod", "vault-0", world.intent.platform.vault.namespace)


def _mounts(pod: Object, tls: str) -> bool:
    return [v["secret"]["secretName"] for v in pod["spec"].get("volumes", ()) if v["name"] == "tls"] == [tls]


def is_now(world: World, window: Window) -> bool:
    """Whether the window is still this one: a process that slept must not undo a later attempt."""
    return WindowStore(world.cluster).read() == window


def tls_secret(world: World, ref: Ref, pods: dict[str, tuple[str, ...]]) -> Object:
    """One leaf a pod, issued in memory: ``POD.crt`` and ``POD.key``, when it ends in seconds since 1970, and the CA
    beside them."""
    authority = world.material.authority()
    data = {"ca.crt": Sensitive(authority.certificate, "ca.crt")}
    for pod, names in pods.items():
        leaf = authority.issue(names, ("127.0.0.1",), LEAF_DAYS)
        data[f"{pod}.crt"] = Sensitive(leaf.certificate, f"{pod}.crt")
        data[f"{pod}.key"] = leaf.key
        ends = world.certificates.read(leaf.certificate).until
        data[f"{pod}.until"] = Sensitive(f"{ends.timestamp():.0f}\n".encode(), f"{pod}.until")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": labels("vault-tls")},
        "data": data,
    }
