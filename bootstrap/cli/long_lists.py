"""Lists that a person reads, when there are too many: `-o json` has each."""

from collections.abc import Iterator, Sequence
from typing import Final

MANY: Final = 40  # lines, of one list
SHOWN: Final = 10


def lines(items: Sequence[str]) -> Iterator[str]:
    """Each; of too many the first ones and how many more there are."""
    if len(items) <= MANY:
        yield from (f"  - {item}" for item in items)
        return
    yield from (f"  - {item}" for item in items[:SHOWN])
    yield f"  - and {len(items) - SHOWN:,} more (-o json names each)"


def sentences(items: Sequence[str]) -> Iterator[str]:
    """Of `NAME: SENTENCE` each; of too many those of one sentence together, so that none hides another."""
    if len(items) <= MANY:
        yield from lines(items)
        return
    names: dict[str, list[str]] = {}
    for item in items:
        name, colon, sentence = item.partition(": ")
        names.setdefault(f"{colon}{sentence}", []).append(name)
    shown = [f"{_some(each)}{sentence}" for sentence, each in names.items()]
    yield from (f"  - {item}" for item in shown)


def _some(names: Sequence[str]) -> str:
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3:,} more (-o json names each)"
