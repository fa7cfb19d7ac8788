"""A CA that the commit no longer trusts while Vault still stands on it: everybody would be refused (G7)."""

from collections.abc import Iterator
from contextlib import suppress

from bootstrap.model import layout
from bootstrap.model.errors import PreconditionError, Transient, WorldError
from bootstrap.ports import Object
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.intermediate import SHOWN
from bootstrap.steps.vault.serving_secrets import is_trusted, tls_ref, trusted_keys


def in_use(world: World) -> PreconditionError | None:
    """E_CA_IN_USE. Of an older commit too, which does not know the CA that followed. Vault is asked for nothing
    that needs a login, and only where the pods trust a CA that the commit lacks."""
    live = world.cluster.get(tls_ref(world))
    ours = {ca.key for ca in world.certificates.read_all(world.intent.keys["vault-ca.crt"])}
    if live is None or trusted_keys(world, live) <= ours:
        return None
    users = [*_served(world), *_started(world, live)] or [*_made(world)]
    if not users:
        return None
    return PreconditionError(
        f"this commit does not trust a CA on which Vault stands: {', '.join(users)}",
        code="E_CA_IN_USE",
        where=layout.CA_CERTIFICATE,
        hint="use the newest commit; where that is this one, the CA goes too early: `git log -p keys/vault-ca.crt` "
        "shows it, put it back behind the first one, commit, `bootstrap up`",
    )


def _served(world: World) -> Iterator[str]:
    for pod in world.session.pods:
        try:
            world.session.vault.certificate(pod)
        except WorldError as error:
            if error.code == "E_VAULT_TLS":
                yield f"{pod} serves a certificate of it"


def _started(world: World, live: Object) -> Iterator[str]:
    for pod in world.session.pods:
        first = live["data"].get(f"{pod}.crt")
        if first is not None and not is_trusted(world, first):
            yield f"{pod} starts with a certificate of it"


def _made(world: World) -> Iterator[str]:
    """The CA in Vault, by a path that is open to all. Where Vault is sealed or away, it makes nothing."""
    with suppress(Transient):
        answer = world.session.vault.call("GET", SHOWN, pod=world.session.active(), token=None)
        if answer.ok and not is_trusted(world, str(answer.data["certificate"]).encode()):
            yield "the CA in Vault is signed by it"
