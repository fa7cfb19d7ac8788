"""Paths below Vault's mount, and what lies at those that no entry of the catalog names."""

from collections.abc import Container, Iterable, Iterator
from typing import Final

from bootstrap.model.errors import WorldError
from bootstrap.model.names import KV_MOUNT, kv, kv_data
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.world import World

_OURS: Final = "bootstrap"  # the ledger's copy
_AT_ONCE: Final = 512


def below(world: World, folder: str = "") -> Iterator[str]:
    """Every path in ``folder``, at any depth."""
    listed = f"{KV_MOUNT}/metadata/{folder}".rstrip("/")
    answer = world.session.call("LIST", listed)
    if answer.status not in (200, 404):
        raise WorldError(f"the list of {folder}/: Vault answered {answer.status}", code="E_VAULT_REFUSED")
    for name in answer.data.get("keys") or ():
        path = f"{folder}/{name}".strip("/")
        if name.endswith("/"):
            yield from below(world, path)
        else:
            yield path


def other_paths(world: World, known: Container[str]) -> Iterator[tuple[str, Iterable[Sensitive]]]:
    """What lies there now, as it is shown and with its marks; of the ledger's own copy nothing."""
    paths = [p for p in below(world) if p not in known and p.partition("/")[0] != _OURS]
    for start in range(0, len(paths), _AT_ONCE):
        part = paths[start : start + _AT_ONCE]
        for path, found in zip(
            part, world.each(lambda p: _held(world, p), part, "other paths read"), strict=True
        ):
            yield kv(path), found


def _held(world: World, path: str) -> list[Sensitive]:
    data = world.session.read(kv_data(path)).data
    marks = (data.get("metadata") or {}).get("custom_metadata") or {}
    found = [Sensitive(f"{key}\n{value}".encode(), path) for key, value in marks.items()]
    return [*found, *_texts(data.get("data") or {}, path)]


def _texts(value: object, path: str) -> Iterator[Sensitive]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield Sensitive(str(key).encode(), path)
            yield from _texts(each, path)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, path)
    elif isinstance(value, Sensitive):
        yield value
