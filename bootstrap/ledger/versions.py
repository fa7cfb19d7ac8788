"""Which versions of a secret in Vault a record explains, and what such a record says (INV3, H4).

Version 1 is explained by the COMMIT of its handover. A later one is a person's decision, an ACCEPTED record: written by
``bootstrap set`` behind an INTENT for the same place and value, or written by another and adopted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Fact, Record, RecordType
from bootstrap.ledger.rules import HOW
from bootstrap.ledger.rules import SET as SET
from bootstrap.model.outside import decimal

WHAT: Final = "what"
VERSION: Final = "version"  # the value of ``what``, and the detail that holds the number
ADOPTED: Final = "adopted"
REASON: Final = "reason"
BY: Final = "by"  # who set it: a later run may record what an interrupted one wrote
SAME: Final = "asHandedOver"  # fields whose value is that of a handover on another cluster, blank-separated
GONE: Final = "gone"  # a detail of an adopted version whose value Vault does not give out any more

Explains = Callable[[Fact], tuple[str, int] | None]


def details_of(name: str, version: int, how: str, reason: str, by: str) -> dict[str, str]:
    """What the INTENT and the ACCEPTED record of a changed value say in plain words."""
    return {WHAT: VERSION, "secret": name, VERSION: str(version), HOW: how, REASON: reason, BY: by}


def _committed(fact: Fact) -> tuple[str, int]:
    assert fact.secret is not None
    assert fact.destination is not None
    return fact.secret.name, fact.destination.version


def accepted(fact: Fact) -> tuple[str, int] | None:
    """The secret and the version that an ACCEPTED record is about; None of any other, the INTENT of a version too."""
    details = fact.details
    if (
        fact.type is not RecordType.ACCEPTED
        or details.get(WHAT) != VERSION
        or (version := decimal(details.get(VERSION, ""))) is None
    ):
        return None
    name = fact.secret.name if fact.secret else details.get("secret", "")
    return name, version


# Record type to what it says about a version; a type that comes later gets its line here.
EXPLAINING: Mapping[RecordType, Explains] = {
    RecordType.COMMIT: _committed,
    RecordType.ACCEPTED: accepted,
}


def explained(ledger: Ledger) -> dict[str, set[int]]:
    """Secret to the versions that signed records speak of."""
    found: dict[str, set[int]] = defaultdict(set)
    for record in ledger.current:
        rule = EXPLAINING.get(record.fact.type)
        if rule is not None and (version := rule(record.fact)) is not None:
            found[version[0]].add(version[1])
    return found


def committed(ledger: Ledger) -> dict[tuple[str, int], Record]:
    """Secret and version to the last record that commits to its value."""
    found: dict[tuple[str, int], Record] = {}
    for record in ledger.current:
        fact = record.fact
        speaks = fact.type is RecordType.COMMIT or accepted(fact) is not None
        if speaks and fact.commitments and fact.destination is not None and fact.secret is not None:
            found[fact.secret.name, fact.destination.version] = record
    return found


def announced(ledger: Ledger) -> Iterator[Record]:
    """The INTENT records of changed values: of versions behind the one that was handed over."""
    for record in ledger.current:
        if record.fact.type is RecordType.INTENT and not record.fact.of_handover:
            yield record


@dataclass(frozen=True, slots=True)
class Changed:
    """A secret whose newest recorded version is not the one handed over; ``kept`` are fields of the same value."""

    version: int
    kept: tuple[str, ...]


def changed(ledger: Ledger) -> dict[str, Changed]:
    """Secret to what a record says of its newest version that has a commitment; none for one that is as handed over."""
    found: dict[str, Changed] = {}
    committed: dict[str, Record] = {}
    for record in ledger.current:
        fact = record.fact
        if fact.type is RecordType.COMMIT and fact.secret:
            committed[fact.secret.name] = record
        version = accepted(fact)
        if version is None or not fact.commitments or version[0] not in committed:
            continue
        name, number = version
        if name not in found or number > found[name].version:
            found[name] = Changed(number, same_fields(committed[name], record))
    return found


def same_fields(before: Record, now: Record) -> tuple[str, ...]:
    """Fields of equal commitments: a commitment says nothing of the version, so these hold the same value. It says its
    cluster, so behind a restore the later record names the fields itself."""
    if before.run.cluster != now.run.cluster:
        return tuple(sorted(now.fact.details.get(SAME, "").split()))
    known = before.fact.commitments
    return tuple(sorted(n for n, made in now.fact.commitments.items() if known.get(n) == made))
