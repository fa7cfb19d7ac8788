"""A secret's fields, on the way from the commit into the cluster or into Vault; never further (B1)."""

from bootstrap.intent.values import secret_values, source_bytes, vault_string
from bootstrap.model.catalog import Secret
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.world import World


def source_values(world: World, secret: Secret) -> dict[str, Sensitive]:
    """Field to the source's own bytes. PreconditionError E_ROOT_NEEDED without a root key."""
    if world.files is None:
        raise root_needed()
    assert secret.source is not None
    return secret_values(secret, world.files.open(secret.source.file))


def vault_values(world: World, secret: Secret) -> dict[str, Sensitive]:
    """Field to the string that Vault holds: text as it is, base64 where the source says so."""
    return {f: vault_string(secret, f, v) for f, v in source_values(world, secret).items()}


def copy_values(world: World, secret: Secret) -> dict[str, Sensitive]:
    """What its bootstrap copy holds: the source's bytes; in a restore those that Vault held last, where the snapshot
    has them, since the value in Git may be dead."""
    saved = world.restore.saved.get(secret.name) if world.restore else None
    if saved is None:
        return source_values(world, secret)
    return {name: source_bytes(secret, name, value) for name, value in saved.items()}


def root_needed() -> PreconditionError:
    return PreconditionError(
        "this needs the root key",
        code="E_ROOT_NEEDED",
        hint="give it with --root file:PATH, fd:N or cmd:COMMAND",
    )
