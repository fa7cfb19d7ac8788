"""Which secrets have a version in Vault: by the names in a folder where several lie in one, else one by one."""

from collections import Counter
from collections.abc import Collection, Iterable

from bootstrap.model.catalog import Secret
from bootstrap.model.names import kv_metadata
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.versions import current_version


def is_written(world: World, secret: Secret) -> bool:
    """Whether Vault has any version of it, ours or another's."""
    return current_version(world, secret.in_vault) > 0


def written(world: World, secrets: Iterable[Secret], handed_over: Collection[str] = ()) -> frozenset[str]:
    """Names of those that have a version. ``handed_over``: of these a run has read version 1.

    What is not listed has none. What is listed may be a path without a version, so it is looked at, unless it was
    handed over: such a path is gone from the list with its metadata, however many versions were deleted. Metadata
    written anew, without a version, is not noticed here; `verify`, which reads each value, notices it.
    """
    wanted = tuple(secrets)
    counted = Counter(_folder(s) for s in wanted)
    folders = [folder for folder, count in counted.items() if folder and count > 1]
    listed = dict(
        zip(folders, world.each(lambda f: _names(world, f), folders, "folders listed"), strict=True)
    )
    there = [s for s in wanted if _folder(s) not in listed or _name(s) in listed[_folder(s)]]
    unread = [s for s in there if s.name not in handed_over or _folder(s) not in listed]
    found = dict(
        zip(
            (s.name for s in unread),
            world.each(lambda s: is_written(world, s), unread, "secrets looked at in Vault"),
            strict=True,
        )
    )
    return frozenset(s.name for s in there if found.get(s.name, True))


def _names(world: World, folder: str) -> frozenset[str]:
    path = kv_metadata(folder)
    answer = world.session.call("LIST", path)
    return frozenset() if answer.status == 404 else frozenset(granted(answer, path).data["keys"])


def _folder(secret: Secret) -> str:
    return secret.in_vault.rpartition("/")[0]


def _name(secret: Secret) -> str:
    return secret.in_vault.rpartition("/")[2]
