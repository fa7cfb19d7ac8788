"""Which snapshots stay: the newest, and only what is proven to be one of ours is ever taken away (INV1)."""

from bootstrap.model.errors import DefinitionError, EvidenceError, WorldError
from bootstrap.operations.snapshot.shelf import Shelf, Written
from bootstrap.ports import Narrator


def prune(shelf: Shelf, keep: int, newest: Written, narrator: Narrator) -> int:
    """Deletes the oldest sound snapshots of this cluster beyond ``keep``; never ``newest``, never what is not judged
    to be whole and of this cluster. How many of them are left: one that cannot be read or deleted stops nothing."""
    manifest = newest.file.manifest
    ours = [(manifest.time, newest.name)]
    for name in shelf.names():
        if name == newest.name:
            continue
        try:
            cluster, time = shelf.whose(name)
        except (EvidenceError, DefinitionError, WorldError) as error:
            narrator.event(
                "waiting", message=f"{name} is not judged to be one of ours, and stays: {error.code}"
            )
            continue
        if cluster == manifest.cluster and time < manifest.time:
            ours.append((time, name))
    ours.sort()
    over = ours[: -max(keep, 1)]
    return len(ours) - sum(_deleted(shelf, name, keep, narrator) for _, name in over)


def _deleted(shelf: Shelf, name: str, keep: int, narrator: Narrator) -> bool:
    """A bucket may hold its objects for a time: then it stays, and is counted."""
    try:
        shelf.delete(name)
    except (DefinitionError, WorldError) as error:
        narrator.event("waiting", message=f"{name} cannot be deleted, and stays: {error.code}")
        return False
    narrator.event("waiting", message=f"{name} is older than the newest {keep}, and was deleted")
    return True
