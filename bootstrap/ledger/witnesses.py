"""What each head that was found says of the ledger that was found (``model/heads.py`` judges them together)."""

from dataclasses import dataclass

from bootstrap.ledger.chain import Ledger, Seen
from bootstrap.ledger.envelope import PublicKey, signed_by_another
from bootstrap.ledger.head import Head, chain_fits, glance_head, read_head
from bootstrap.ledger.record import CLUSTER, ROOT, SIZE, HeadName
from bootstrap.model.errors import EvidenceError
from bootstrap.model.heads import Standing, Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Against what heads are held: the longest verified chain, the ledger key, and where this run is."""

    ledger: Ledger
    key: PublicKey
    cluster: str
    environment: str = ""


def naming(head: Head) -> dict[str, str]:
    """The details by which a record names a head; from then on that head witnesses no longer."""
    return {CLUSTER: head.cluster, SIZE: str(head.size), ROOT: head.root}


def superseded(seen: Seen) -> frozenset[HeadName]:
    """Cluster, size and root of each head that a record of the chain decided about."""
    return seen.decided


def witness(place: str, data: bytes | None, known: Known) -> Witness:
    """Where ``data``, the content of a head file or None, stands; it is believed only as far as it is signed."""
    if data is None:
        return Witness(place=place, standing=Standing.NONE)
    if signed_by_another(data, known.key):
        return Witness(place=place, standing=Standing.FOREIGN_KEY, cluster=_claimed(data))
    try:
        head = read_head(data, known.key, place)
    except EvidenceError:
        return Witness(place=place, standing=Standing.FORGED)
    return Witness(place=place, standing=_standing(head, known), size=head.size, cluster=head.cluster)


def _standing(head: Head, known: Known) -> Standing:
    if (head.cluster, str(head.size), head.root) in superseded(known.ledger):
        return Standing.SUPERSEDED
    size = known.ledger.chain.size
    if head.cluster != known.cluster:
        # A run that names no environment gets all heads: without the option no head is left out.
        other = known.environment and head.environment not in ("", known.environment)
        return Standing.OTHER_ENVIRONMENT if other else Standing.OTHER_CLUSTER
    if head.size > size:
        return Standing.AHEAD
    if not chain_fits(head, known.ledger.at(head.size)):
        return Standing.FORKED
    return Standing.EQUAL if head.size == size else Standing.BEHIND


def _claimed(data: bytes) -> str:
    """The cluster that it names, for showing only."""
    try:
        return glance_head(data).cluster
    except EvidenceError:
        return ""


def extends(seen: Seen, head: Head) -> bool:
    """Whether the head of this ledger may be written over ``head``: its chain holds that one, or decided about it."""
    if (head.cluster, str(head.size), head.root) in superseded(seen):
        return True
    return holds(seen, head)


def holds(seen: Seen, head: Head) -> bool:
    return head.size <= seen.chain.size and chain_fits(head, seen.at(head.size))
