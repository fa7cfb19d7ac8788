"""Who may ask for the certificate of a pod of Vault: its own renewer, by its own login, and nothing else (S2, INV6)."""

from collections.abc import Iterator

from bootstrap.operations.verify.vault_census import Census, Holder
from bootstrap.ports import Answer
from bootstrap.steps.context.names import POD_LOGIN, renewer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.leaves import agrees
from bootstrap.steps.vault.pod_login import live_issuer, pod_role


def wider_logins(world: World, census: Census) -> Iterator[str]:
    """A live token of a renewer says nothing: it lives for a minute, and a role gave it."""
    pods = {renewer(pod): pod for pod in world.session.pods}
    for holder in census.holders:
        given = sorted(holder.policies & set(pods)) if holder.kind != "token" else ()
        for policy in given:
            if holder.name != f"auth/{POD_LOGIN}/{policy}":
                yield f"{holder} gives {policy}"
            elif not _is_as_declared(world, holder, pods[policy]):
                yield f"{holder} is not bound to {pods[policy]} as `up` binds it"
    yield from _unknown_keys(world)


def _is_as_declared(world: World, holder: Holder, pod: str) -> bool:
    return agrees(Answer(status=200, data=holder.about), pod_role(world.intent.platform.vault, pod))


def _unknown_keys(world: World) -> Iterator[str]:
    """What the API server does not show any more may be known to others."""
    live = live_issuer(world.session.call)
    if live is None:
        return
    shown = world.cluster.token_issuer()
    if more := set(live.keys) - set(shown.keys):
        yield f"login {POD_LOGIN}/ takes tokens of {len(more)} keys that the API server does not show"
    if live.name != shown.name:
        yield f"login {POD_LOGIN}/ takes tokens of {live.name or 'any issuer'}, not of the API server"


def missing_keys(world: World) -> str:
    """What keeps every renewer from logging in, in words; empty where nothing does, or it cannot be seen."""
    live = live_issuer(world.session.call)
    if live is None or set(live.keys) >= set(world.cluster.token_issuer().keys):
        return ""
    return f"login {POD_LOGIN}/ lacks a key with which the API server signs tokens: no renewer may be able to log in"
