"""One line of the journal: plain, value-free, ordered by (epoch, seq) and never by its time."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from bootstrap.model.errors import EvidenceError
from bootstrap.model.outside import json_value


class Event(StrEnum):
    INTENDED = "intended"
    DONE = "done"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """``epoch`` counts runs from 1, ``seq`` the lines of one run from 1; ``time`` is UTC, RFC 3339."""

    epoch: int
    seq: int
    time: str
    step: str
    event: Event
    plan: str  # the plan's digest
    run: str  # the run's id
    message: str = ""

    def line(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_line(line: str, where: str) -> Entry:
    """Raises EvidenceError E_JOURNAL where the text is not an entry of ours."""
    try:
        raw = json_value(line)
        return Entry(**{**raw, "event": Event(raw["event"])})
    except (ValueError, TypeError, KeyError) as error:
        raise EvidenceError(
            f"a journal line cannot be read: {type(error).__name__}",
            code="E_JOURNAL",
            where=where,
            hint="kubectl -n bootstrap-system get configmap -l bootstrap.dev/record=journal -o yaml",
        ) from None


def last_intended(entries: Iterable[Entry]) -> Entry | None:
    """The newest intention that was not seen done since; None when nothing is open."""
    opened: Entry | None = None
    for entry in sorted(entries, key=lambda e: (e.epoch, e.seq)):
        if entry.event is Event.INTENDED:
            opened = entry
        elif entry.event is Event.DONE and opened is not None and entry.step == opened.step:
            opened = None
    return opened
