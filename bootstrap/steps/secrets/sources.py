"""The Secrets that internal entries publish: none of them holds a key of the root, or one that opens the repository.

A controller's key for this repository lies in the cluster (Flux's ``sops-age``); published, it would give every reader
of its path the whole of ``encrypted/``.
"""

from collections.abc import Iterator

from bootstrap.model.catalog import Internal
from bootstrap.model.errors import DefinitionError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.world import World


def source(world: World, entry: Internal) -> Object | None:
    return world.cluster.get(Ref("v1", "Secret", entry.source.secret, entry.source.namespace))


def opening_sources(world: World) -> Iterator[DefinitionError]:
    """E_ROOT_SOURCE for each entry whose source is there and holds such a key; none without the root key, which opens
    what it is compared with."""
    if world.files is None:
        return
    for entry in world.intent.internals:
        if live := source(world, entry):
            ref = Ref("v1", "Secret", entry.source.secret, entry.source.namespace)
            hint = f"remove the entry {entry.name} ({entry.where})"
            try:
                world.files.keep_back(live.get("data") or {}, str(ref), hint)
            except DefinitionError as error:
                yield error
