"""Versions of a secret in Vault: what there is, what is held, and which of them a record explains (INV3, INV4)."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.names import KV_MOUNT
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World

Explains = Callable[[Fact], tuple[str, int] | None]


def _committed(fact: Fact) -> tuple[str, int] | None:
    if fact.secret is None or fact.destination is None:
        return None
    return fact.secret.name, fact.destination.version


def _accepted(fact: Fact) -> tuple[str, int] | None:
    """A person wrote it, or took over what another had written: ``details`` name the secret and the version."""
    details = fact.details
    if details.get("what") != "version" or not details.get("version", "").isdecimal():
        return None
    name = fact.secret.name if fact.secret else details.get("secret", "")
    return name, int(details["version"])


# Record type to what it says about a version; a type that comes later gets its line here.
EXPLAINING: Mapping[RecordType, Explains] = {
    RecordType.COMMIT: _committed,
    RecordType.ACCEPTED: _accepted,
}


@dataclass(frozen=True, slots=True)
class Held:
    """One version as Vault gives it out. ``values`` holds text fields only, ``since`` is None where unknown."""

    version: int
    values: Mapping[str, Sensitive]
    since: datetime | None


def explained(ledger: Ledger) -> dict[str, set[int]]:
    """Secret to the versions that signed records speak of."""
    found: dict[str, set[int]] = defaultdict(set)
    for record in ledger.records:
        rule = EXPLAINING.get(record.fact.type)
        if rule is not None and (version := rule(record.fact)) is not None:
            found[version[0]].add(version[1])
    return found


def current_version(world: World, path: str) -> int:
    """0 where nothing was ever written."""
    answer = world.session.read(f"{KV_MOUNT}/metadata/{path}")
    return int(answer.data.get("current_version") or 0) if answer.ok else 0


def held(world: World, path: str, version: int = 0) -> Held | None:
    """The current version, or the one that is named; None where it is not there, deleted or destroyed."""
    query = f"?version={version}" if version else ""
    answer = world.session.read(f"{KV_MOUNT}/data/{path}{query}")
    if answer.status == 404:
        return None
    data = granted(answer, f"{KV_MOUNT}/{path}").data
    about = data.get("metadata") or {}
    values = {name: v for name, v in (data.get("data") or {}).items() if isinstance(v, Sensitive)}
    return Held(int(about.get("version") or 0), values, _when(about.get("created_time")))


def _when(text: object) -> datetime | None:
    """Vault writes nanoseconds, which Python does not read: to the second is enough."""
    try:
        return datetime.fromisoformat(str(text)[:19]).replace(tzinfo=UTC)
    except ValueError:
        return None
