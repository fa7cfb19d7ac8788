"""Changing a value that Vault owns: what comes next follows from what is seen, nothing is remembered (INV3, H4).

INTENT on record -> written by compare-and-set -> read back -> ACCEPTED on record
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueState:
    """What was just seen of one secret in Vault.

    ``current`` is the number of its newest version, 0 for none; ``readable``: its value can be read; ``explained``: a
    record names it; ``announced``: versions lie there that an INTENT of an interrupted ``set`` announced and that no
    record names; ``equal``: the newest holds what is to be written.
    """

    current: int
    readable: bool = True
    explained: bool = True
    announced: bool = False
    equal: bool = False


class ValueStep(StrEnum):
    RECORD = "record the version that an interrupted change wrote"
    WRITE = "announce and write the next version"
    DONE = "Vault holds this value already"
    LOST = "the newest version cannot be read"
    UNEXPLAINED = "the newest version has no record"


def next_value_step(state: ValueState) -> ValueStep:
    """The only rule book of a changed value. What is not explained is never written over: a person looks first."""
    if state.announced:
        return ValueStep.RECORD
    if not state.current or not state.readable:
        return ValueStep.LOST
    if not state.explained:
        return ValueStep.UNEXPLAINED
    return ValueStep.DONE if state.equal else ValueStep.WRITE
