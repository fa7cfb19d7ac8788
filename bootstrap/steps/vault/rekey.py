"""Another unseal share for a Vault that is there, with no moment without a proven way to open it (B4, S5).

Vault makes the new share and goes on with the old one until the new one is given back to it. Before that, the new
share's ciphertext lies in its slot and in the escrow outside the cluster, a fresh process has read it there, and the
unsealers have it. Whatever was interrupted: one of two shares opens Vault, both are kept, and a proof says which one it
is. The unseal key, to which shares are encrypted, stays: a generation is a share.
"""

import base64
import hmac
from dataclasses import dataclass, replace
from typing import Final

from bootstrap.model.catalog import Custody
from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.init_window import Window
from bootstrap.model.layout import ESCROW
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Object, Ref, UnsealKey
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import (
    Escrow,
    end_forgotten,
    is_under_way,
    read_escrow,
    share_digest,
)
from bootstrap.steps.vault.init_window import Slots, WindowStore, share_part, slot_ref
from bootstrap.steps.vault.serving_secrets import give_share, make_immutable, unseal_ref

TRIES: Final = 3  # rekeys that a restart of Vault ended before they counted
READ: Final = 300.0  # seconds within which the kubelet shows a new Secret to running pods


@dataclass(frozen=True, slots=True)
class NewShare:
    """``nonce`` gives the share back to Vault, which makes it the one that counts."""

    ciphertext: Sensitive
    opened: Sensitive
    nonce: str


def rekeyed_to(world: World, target: int) -> None:
    """Returns once the share of generation ``target`` is proven to open Vault, and the window says so.

    WorldError E_REKEY where Vault restarts again and again, or another's rekey is under way.
    """
    windows = WindowStore(world.cluster)
    for _ in range(2 * TRIES):  # each may be ended by the look at one that was interrupted
        window = _window(windows)
        if window.generation >= target:
            return
        if not window.target:
            windows.swap(window, window.rekeying())
        elif _following(world, window) is not None:
            settle(world)
        else:
            _attempt(world, window)
            settle(world)
    window = _window(windows)
    if window.generation < target:
        raise WorldError(
            f"{TRIES} rekeys ended before they counted: Vault restarted meanwhile",
            code="E_REKEY",
            where="sys/rekey",
            hint="`bootstrap status` shows Vault's nodes; the same command tries again",
        )


def settle(world: World) -> None:
    """An interrupted rekey ends: forward where Vault takes the new share, back where it takes the old one.

    An attempt of ours is ended first, so what the proof sees stays so: no late request can make the other share count.
    """
    windows = WindowStore(world.cluster)
    window = _window(windows)
    following = _following(world, window)
    if following is None:
        return
    _end_own(world)
    _keep(world, window, following)
    opens = int(world.proof.prove(world.cluster.uid())["generation"])
    world.session.guard()
    if opens == window.generation + 1:
        make_immutable(world, unseal_ref(world, 1))
        _write(world, replace(_escrow(world), share=following, generation=opens, following=None))
        windows.swap(window, window.rekeyed())
        world.narrator.event("rekeyed", message=f"the share of generation {opens} opens Vault")
    else:
        _give_up(world, window)


def give_up_target(world: World) -> None:
    """Of a rekey that nothing is left of: the window says that none is under way."""
    windows = WindowStore(world.cluster)
    window = _window(windows)
    if window.target > window.generation:
        windows.swap(window, window.settled())


def _attempt(world: World, window: Window) -> None:
    """One rekey, up to the request that makes it count; what its answer was, ``settle`` sees."""
    if world.intent.platform.vault.custody is Custody.CLUSTER:
        _forgotten(world, unseal_ref(world, 1))
    key = world.material.unseal_key()
    new = _asked(world, window, key)
    _keep(world, window, new.ciphertext)
    _prove(world, new)
    if world.intent.platform.vault.custody is Custody.CLUSTER:
        ref = unseal_ref(world, 1)
        give_share(world, ref, new.opened, counts=False)
        world.wait(f"the unsealers read {ref}", lambda: all(_readers(world, ref.name)), seconds=READ, pause=2)
    world.session.guard()
    try:
        _ask(world, "PUT", "verify", {"key": new.opened, "nonce": new.nonce})
    except UnknownOutcome:
        return  # the proof tells


def _asked(world: World, window: Window, key: UnsealKey) -> NewShare:
    """Vault's new share, which does not count yet."""
    escrow = _escrow(world)
    old = key.decrypt(escrow.shares[window.generation].ciphertext())
    begun = _begun(world, key)
    answer = _ask(world, "PUT", "update", {"key": old, "nonce": begun})
    if not (answer.ok and answer.data.get("complete")):
        raise EvidenceError(
            "the escrow's share does not open this Vault",
            code="E_ESCROW",
            hint="compare records/ with the commit that belongs to this cluster",
        )
    (text,) = answer.data["keys_base64"]
    ciphertext: Sensitive = text.from_base64()
    sealed = Sensitive(ciphertext.ciphertext(), "share ciphertext")
    return NewShare(sealed, key.decrypt(sealed.ciphertext()), str(answer.data["verification_nonce"]))


def _begun(world: World, key: UnsealKey) -> str:
    """The nonce of a rekey that is ours; one that a killed run left is ended, another's is waited for."""
    body = {
        "secret_shares": 1,
        "secret_threshold": 1,
        "pgp_keys": [base64.b64encode(key.certificate).decode()],
        "backup": False,
        "require_verification": True,
    }

    def begin() -> str:
        answer = _ask(world, "PUT", "init", body)
        if answer.ok:
            return str(answer.data["nonce"])
        end_forgotten(world.session.vault, world.session.active(), key.fingerprint)
        return ""

    return world.wait("no other rekey is under way", begin, seconds=60)


def _ask(world: World, method: str, what: str, body: dict[str, object]) -> Answer:
    session = world.session
    return session.vault.call(method, f"sys/rekey/{what}", body, pod=session.active(), token=None)


def _prove(world: World, new: NewShare) -> None:
    """EvidenceError E_ESCROW unless a fresh process reads this very share in the escrow outside the cluster."""
    uid = world.cluster.uid()
    found = str(world.proof.prove_following(uid).get("commitment", ""))
    if not hmac.compare_digest(found.encode(), share_digest(world, uid, new.opened).encode()):
        raise EvidenceError(
            "the escrow does not hold the share that Vault made: nothing was changed",
            code="E_ESCROW",
            where=world.records.folder,
            hint="the same command makes another one",
        )


def _forgotten(world: World, ref: Ref) -> None:
    """No unsealer has the share of an earlier rekey, which did not come to count, under the name of the next one."""
    world.wait(
        f"no unsealer reads an earlier {ref}",
        lambda: not any(_readers(world, ref.name)),
        seconds=READ,
        pause=2,
    )


def _readers(world: World, name: str) -> tuple[bool, ...]:
    """Of each node, whether its unsealer has the key of that name: it logs the names of its keys when they change."""
    namespace = world.intent.platform.vault.namespace
    logs = (world.cluster.logs(namespace, pod, "unsealer") for pod in world.session.pods)
    last = ([line for line in log.splitlines() if line.startswith("keys:")][-1:] for log in logs)
    return tuple(bool(lines) and name in lines[0].split() for lines in last)


def _keep(world: World, window: Window, following: Sensitive) -> None:
    """Both shares in the slots and outside the cluster."""
    Slots(world.cluster, window.volume).write(share_part(window.generation + 1), following)
    escrow = _escrow(world)
    if escrow.generation == window.generation:
        _write(world, replace(escrow, following=following))


def _give_up(world: World, window: Window) -> None:
    """The new share never counted: what was kept of it goes, the slot last, since it tells that something is left."""
    ref = unseal_ref(world, 1)
    live = world.cluster.get(ref)
    if live is not None:
        expect(world.cluster.delete(ref, uid=live["metadata"]["uid"]), ref)
    _write(world, replace(_escrow(world), following=None))
    Slots(world.cluster, window.volume).remove(share_part(window.generation + 1))
    world.narrator.event("rekey", message="the new share did not come to count: the old one opens Vault")


def _following(world: World, window: Window) -> Sensitive | None:
    """The share of the next generation, where one was kept: in its slot, or in the escrow."""
    kept = Slots(world.cluster, window.volume).read(share_part(window.generation + 1))
    if kept is not None:
        return kept
    escrow = read_escrow(world)
    return escrow.shares.get(window.generation + 1) if escrow else None


def _escrow(world: World) -> Escrow:
    escrow = read_escrow(world)
    if escrow is None:
        raise EvidenceError(
            "no escrow of this cluster's unseal share",
            code="E_ESCROW",
            where=world.records.folder,
            hint="give --records with the folder that `up` wrote, or the commit that holds records/",
        )
    return escrow


def _end_own(world: World) -> None:
    """Vault keeps an attempt in the memory of its active node alone: where every node is sealed, there is none."""
    vault, key, pods = world.session.vault, world.material.unseal_key(), world.session.pods

    def ended() -> bool:
        pod = vault.active(pods)
        if pod is None:
            return all((s := vault.seal_status(p)) is not None and s.sealed for p in pods)
        end_forgotten(vault, pod, key.fingerprint)
        return not is_under_way(vault, pod, key.fingerprint)

    world.wait("the rekey that was begun has ended", ended, seconds=120)


def _write(world: World, escrow: Escrow) -> None:
    world.records.write(world.cluster.uid(), ESCROW, escrow.to_bytes())


def _window(windows: WindowStore) -> Window:
    window = windows.read()
    if window is None:
        raise WorldError("the init window is gone", code="E_WINDOW", hint="bootstrap up")
    return window


def old_shares(world: World) -> tuple[Object, ...]:
    """What is left of the generation before: the unsealers' Secret, then the slot."""
    window = WindowStore(world.cluster).read()
    if window is None or window.generation == 1:
        return ()
    refs = (unseal_ref(world, -1), slot_ref(window.volume, share_part(window.generation - 1)))
    found = (world.cluster.get(ref) for ref in refs)
    return tuple(live for live in found if live is not None)


def remove_old_shares(world: World) -> None:
    """By their UIDs."""
    for live in old_shares(world):
        ref = Ref("v1", "Secret", live["metadata"]["name"], live["metadata"]["namespace"])
        expect(world.cluster.delete(ref, uid=live["metadata"]["uid"]), ref)


def mark_ended(world: World) -> None:
    """No rekey is under way any more: the share of its goal is the only one."""
    windows = WindowStore(world.cluster)
    window = _window(windows)
    if window.target == window.generation:
        windows.swap(window, window.settled())
