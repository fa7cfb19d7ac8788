"""Which snapshots stay: the newest, and only what is proven to be one of ours is ever taken away (INV1)."""

from bootstrap.model.errors import EvidenceError
from bootstrap.operations.snapshot.shelf import Shelf, Written
from bootstrap.ports import Narrator


def prune(shelf: Shelf, keep: int, newest: Written, narrator: Narrator) -> int:
    """Deletes the oldest sound snapshots of this cluster beyond ``keep``; never ``newest``, never what is not judged
    to be whole and of this cluster. How many of them are left."""
    manifest = newest.file.manifest
    ours = [(manifest.time, newest.name)]
    for name in shelf.names():
        if name == newest.name:
            continue
        try:
            cluster, time = shelf.whose(name)
        except EvidenceError as error:
            narrator.event(
                "waiting", message=f"{name} is not judged to be one of ours, and stays: {error.code}"
            )
            continue
        if cluster == manifest.cluster and time < manifest.time:
            ours.append((time, name))
    ours.sort()
    for _, old in ours[: -max(keep, 1)]:
        shelf.delete(old)
        narrator.event("waiting", message=f"{old} is older than the newest {keep}, and was deleted")
    return min(len(ours), max(keep, 1))
