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

WHAT: Final = "what"
VERSION: Final = "version"  # the value of ``what``, and the detail that holds the number
ADOPTED: Final = "adopted"
REASON: Final = "reason"
BY: Final = "by"  # who set it: a later run may record what an interrupted one wrote
GONE: Final = "gone"  # a detail of an adopted version whose value Vault does not give out any more

Explains = Callable[[Fact], tuple[str, int] | None]


def details_of(name: str, version: int, how: str, reason: str, by: str) -> dict[str, str]:
    """What the INTENT and the ACCEPTED record of a changed value say in plain words."""
    return {WHAT: VERSION, "secret": name, VERSION: str(version), HOW: how, REASON: reason, BY: by}


def _committed(fact: Fact) -> tuple[str, int] | None:
    if fact.secret is None or fact.destination is None:
        return None
    return fact.secret.name, fact.destination.version


def accepted(fact: Fact) -> tuple[str, int] | None:
    """The secret and the version that an ACCEPTED record is about; None of any other, the INTENT of a version too."""
    details = fact.details
    if (
        fact.type is not RecordType.ACCEPTED
        or details.get(WHAT) != VERSION
        or not details.get(VERSION, "").isdecimal()
    ):
        return None
    name = fact.secret.name if fact.secret else details.get("secret", "")
    return name, int(details[VERSION])


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
    committed: dict[str, Fact] = {}
    for record in ledger.current:
        fact = record.fact
        if fact.type is RecordType.COMMIT and fact.secret:
            committed[fact.secret.name] = fact
        version = accepted(fact)
        if version is None or not fact.commitments or version[0] not in committed:
            continue
        name, number = version
        if name not in found or number > found[name].version:
            found[name] = Changed(number, same_fields(committed[name], fact))
    return found


def same_fields(before: Fact, now: Fact) -> tuple[str, ...]:
    """Fields of equal commitments: a commitment says nothing of the version, so these hold the same value."""
    return tuple(
        sorted(name for name in now.commitments if before.commitments.get(name) == now.commitments[name])
    )
