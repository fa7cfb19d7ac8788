"""In a restored Vault that nothing reaches yet: no token lives but ours, and what lets the run in is as Git says (B5).

A snapshot brings every token back that lived when it was taken, revoked ones too. What a restore sends leaves them
out where the layout is known; the census here counts on nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.names import PKI_MOUNT, POD_LOGIN
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.generate_root import generated_root
from bootstrap.steps.vault.intermediate import Intermediate
from bootstrap.steps.vault.leaves import AUDITING, RUN_IDENTITY, Leaf
from bootstrap.steps.vault.login_kinds import CONFIGURED, OTHERS, ROOMS, kinds
from bootstrap.steps.vault.pod_login import IssuerKeys
from bootstrap.steps.vault.root_session import Call

ROUNDS: Final = 3  # a token ends its children with it, and others may be listed late
BATCH: Final = ("batch", "default-batch")


@dataclass(frozen=True, slots=True)
class Settled:
    """``repaired`` are leaves of the configuration that were written, ``batch`` roles and logins whose tokens no census
    shows."""

    repaired: tuple[str, ...]
    batch: tuple[str, ...]


def settled(world: World, txn: str) -> Settled:
    """EvidenceError E_TOKENS_ALIVE, E_ROOT_ALIVE; the errors of ``generated_root``."""
    world.session.guard()
    world.session.close()  # a look of this run may have logged in, and its token goes with the others
    token = generated_root(world, txn)
    call = _calling(world, token, txn)
    try:
        _end_tokens(call)
        repaired = tuple(_repaired(world, call))
        batch = tuple(_batch_roles(call))
    finally:
        with suppress(WorldError):  # what stays is seen below, or by the next census
            call("POST", "auth/token/revoke-self", {})
    if _lives(call):
        raise EvidenceError(
            "the root token still works after its revocation",
            code="E_ROOT_ALIVE",
            where="auth/token/revoke-self",
            hint="`bootstrap up --restore FILE` revokes it again; nothing but a port-forward reaches this Vault",
        )
    return Settled(repaired, batch)


def _end_tokens(call: Call) -> None:
    own = str(granted(call("GET", "auth/token/lookup-self"), "auth/token/lookup-self").data["accessor"])
    for _ in range(ROUNDS):
        for accessor in _others(call, own):
            call("POST", "auth/token/revoke-accessor", {"accessor": accessor})
    if left := _others(call, own):
        raise EvidenceError(
            f"{len(left)} tokens of the snapshot live on after their revocation",
            code="E_TOKENS_ALIVE",
            where=f"Vault accessor {left[0]}",
            hint="`bootstrap up --restore FILE` ends them again; nothing but a port-forward reaches this Vault",
        )


def _others(call: Call, own: str) -> tuple[str, ...]:
    path = "auth/token/accessors"
    return tuple(str(a) for a in granted(call("LIST", path), path).data.get("keys", ()) if a != own)


def _repaired(world: World, call: Call) -> Iterator[str]:
    for leaf in (*AUDITING, *RUN_IDENTITY, *_pods(world, call), *_authority(world, call)):
        if not leaf.holds(call):
            leaf.write(world, call)
            yield leaf.change


def _pods(world: World, call: Call) -> Iterator[Leaf]:
    """The snapshot knows Vault's pods by the keys of the cluster that it is of: once the door is open, tokens that were
    signed there would get certificates here, and those of this cluster's pods none."""
    if f"{POD_LOGIN}/" in granted(call("GET", "sys/auth"), "sys/auth").data:
        yield IssuerKeys(world)


def _authority(world: World, call: Call) -> Iterator[Leaf]:
    """The CA in Vault may be one that a CA signed which the commit trusts no more. Once the door is open, what the
    renewers get of it would lock everybody out, this run too."""
    if f"{PKI_MOUNT}/" in granted(call("GET", "sys/mounts"), "sys/mounts").data:
        yield Intermediate(world)


def _batch_roles(call: Call) -> Iterator[str]:
    """They are not stored, so nothing ends them before their time but the loss of their policies. A login as a whole
    may give them too: by its mount's tuning, or by one setting for all."""
    mounts = granted(call("GET", "sys/auth"), "sys/auth").data
    for mount, kind in sorted(kinds(mounts).items()):
        if ((mounts[f"{mount}/"] or {}).get("config") or {}).get("token_type") in BATCH:
            yield f"auth/{mount}"
        folders = [f"auth/{mount}/{room}" for room in ROOMS.get(kind, OTHERS)]
        for path in (*_listed(call, folders), *([f"auth/{mount}/config"] if kind in CONFIGURED else ())):
            found = call("GET", path)
            if found.ok and found.data.get("token_type") in BATCH:
                yield path


def _listed(call: Call, folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        found = call("LIST", folder)
        yield from (f"{folder}/{name}" for name in found.data.get("keys", ()) if found.ok)


def _lives(call: Call) -> bool:
    try:
        return call("GET", "auth/token/lookup-self").ok
    except WorldError as error:
        if error.code != "E_VAULT_DENIED":
            raise
        return False


def _calling(world: World, token: Sensitive, txn: str) -> Call:
    session = world.session

    def call(method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        return session.vault.call(method, path, body, pod=session.active(), token=token, txn=txn)

    return call
