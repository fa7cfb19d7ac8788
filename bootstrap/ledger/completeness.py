"""Whether a verified ledger is all of it: held to signed heads that are known from elsewhere (H4).

A ledger proves by itself that nothing in it was changed. That nothing was cut off behind, and that it is the ledger of
the cluster that is meant, only a head from elsewhere and the cluster's UID can say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bootstrap.ledger.chain import Seen
from bootstrap.ledger.countersigning import public_key
from bootstrap.ledger.head import Head
from bootstrap.ledger.witnesses import extends, holds
from bootstrap.model.errors import EvidenceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """``heads``: by their place, those that are known; each must be held, but for those of other clusters where the
    heads are ``all_known`` ones. ``cluster``: the UID that the ledger must have, empty for any."""

    heads: Mapping[str, Head]
    all_known: bool = True
    cluster: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """``places`` of the heads that the ledger holds; up to record ``size`` it is whole. ``others`` are clusters of
    other heads that are known in the same place."""

    places: tuple[str, ...] = ()
    size: int = 0
    others: tuple[str, ...] = ()


def measured(ledger: Seen, head: Head, measure: Measure) -> Completeness:
    """EvidenceError E_CLUSTER for the ledger of another cluster, E_PREFIX for one that is cut off, E_FORK for another
    history, E_HEAD for another escrow, E_COUNTERSIGN for one that gives up what Vault signed and holds none of it.
    ``head`` is the ledger's own."""
    if measure.cluster not in ("", head.cluster):
        raise _other(head, f"{measure.cluster} is meant", "take the bundle of that cluster")
    held: dict[str, int] = {}
    given_up: dict[str, Head] = {}
    others = set()
    for place, known in sorted(measure.heads.items()):
        if extends(ledger, known) and not holds(ledger, known):
            given_up[place] = known
            continue  # a record of this ledger gave that head up
        if known.cluster == head.cluster or holds(ledger, known):
            _hold(ledger, head, known, place)
            held[place] = known.size
        elif measure.all_known:
            others.add(known.cluster)
        else:
            raise _other(head, f"{place} is of {known.cluster}", "give a head of that cluster")
    if not held:
        _refuse_forgotten(ledger, head, given_up)
    if others and not held and not measure.cluster:
        hint = f"if that cluster is meant: --cluster {head.cluster}; and commit its head below records/"
        raise _other(head, f"the heads that are known are of {', '.join(sorted(others))}", hint)
    return Completeness(
        places=tuple(held),
        size=max(held.values(), default=0),
        others=() if measure.cluster else tuple(sorted(others)),
    )


def _hold(ledger: Seen, head: Head, known: Head, place: str) -> None:
    size = ledger.chain.size
    if not holds(ledger, known):
        if known.size > size:
            raise EvidenceError(
                f"the ledger is cut off: {place} names {known.size} records, here are {size}",
                code="E_PREFIX",
                where="records",
                hint="export it anew: bootstrap ledger export",
            )
        raise EvidenceError(
            f"another history than the one that {place} names: its {known.size} records are not among these",
            code="E_FORK",
            where="records",
            hint="one of the two is not this cluster's ledger: bootstrap verify tells which the cluster has",
        )
    same = (known.size, known.cluster) == (size, head.cluster)
    if same and known.escrow_sha256 and known.escrow_sha256 != head.escrow_sha256:
        raise EvidenceError(
            f"another escrow than the one that {place} names",
            code="E_HEAD",
            where="escrow",
            hint="export it anew: bootstrap ledger export",
        )


def _refuse_forgotten(ledger: Seen, head: Head, given_up: Mapping[str, Head]) -> None:
    """That Vault's signatures do not count any more is a decision that the ledger key alone signs. A history that
    gives them up and does not hold them is believed once its own head is known from elsewhere."""
    for place, known in given_up.items():
        key = known.countersigner and public_key(known.countersigner).key_id
        if known.cluster == head.cluster and key and key not in ledger.meaning.countersigning.keys:
            raise EvidenceError(
                f"Vault countersigned the history that {place} names, and this one gives it up and holds none of it: "
                "the ledger key alone signs that",
                code="E_COUNTERSIGN",
                where="records",
                hint="if that Vault is lost, commit the records/ that `up` wrote since; their head is then held",
            )


def _other(head: Head, why: str, hint: str) -> EvidenceError:
    message = f"this is the ledger of cluster {head.cluster}, and {why}"
    return EvidenceError(message, code="E_CLUSTER", where="head", hint=hint)
