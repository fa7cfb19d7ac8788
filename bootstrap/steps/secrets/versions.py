"""Versions of a secret in Vault: what there is, and what is held (INV3, INV4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.names import KV_MOUNT
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World


@dataclass(frozen=True, slots=True)
class Held:
    """One version as Vault gives it out. ``since`` is None where unknown, ``read`` the request id in Vault's audit log.

    ``values`` holds text fields only, ``others`` names the rest.
    """

    version: int
    values: Mapping[str, Sensitive]
    since: datetime | None
    others: tuple[str, ...] = ()
    read: str = ""


def counted(world: World, path: str) -> int:
    """As ``current_version``, for a look that reads the value too: then its number is known by that."""
    found = held(world, path)
    return found.version if found is not None else current_version(world, path)


def current_version(world: World, path: str) -> int:
    """0 where nothing was ever written."""
    answer = world.session.read(f"{KV_MOUNT}/metadata/{path}")
    return int(answer.data.get("current_version") or 0) if answer.ok else 0


def written_at(world: World, path: str) -> datetime | None:
    """When the current version was; None where there is none."""
    about = world.session.read(f"{KV_MOUNT}/metadata/{path}")
    versions = about.data.get("versions") or {} if about.ok else {}
    return moment((versions.get(str(about.data.get("current_version"))) or {}).get("created_time"))


def held(world: World, path: str, version: int = 0) -> Held | None:
    """The current version, or the one that is named; None where it is not there, deleted or destroyed."""
    query = f"?version={version}" if version else ""
    return held_in(world.session.read(f"{KV_MOUNT}/data/{path}{query}"), path)


def held_in(answer: Answer, path: str) -> Held | None:
    """What Vault answered for ``path``, to any identity; None as of ``held``."""
    if answer.status == 404:
        return None
    data = granted(answer, f"{KV_MOUNT}/{path}").data
    about, fields = data.get("metadata") or {}, data.get("data") or {}
    values = {name: v for name, v in sorted(fields.items()) if isinstance(v, Sensitive)}
    return Held(
        int(about.get("version") or 0),
        values,
        moment(about.get("created_time")),
        others=tuple(sorted(fields.keys() - values.keys())),
        read=answer.request_id,
    )


def moment(text: object) -> datetime | None:
    """A time of Vault's; None for what is none. It writes nanoseconds, which Python does not read: to the second is
    enough."""
    try:
        return datetime.fromisoformat(str(text)[:19]).replace(tzinfo=UTC)
    except ValueError:
        return None
