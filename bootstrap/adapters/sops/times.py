"""Dates without quotes, as go-yaml v3 reads them (``resolve.go``) and SOPS hashes them (``time.MarshalText``)."""

import re
from datetime import datetime

_DAY = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-9]{1,2})(?:[.,](?P<part>[0-9]{1,9}))?"
_ZONE = r"(?P<zone>Z|(?P<sign>[-+])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))"
_FORMATS = tuple(map(re.compile, (rf"{_DAY}[Tt]{_CLOCK}{_ZONE}", rf"{_DAY} {_CLOCK}", _DAY)))


def go_time(text: str) -> str | None:
    """RFC 3339 with as much of a second as there is; None for what Go takes as text."""
    if text[4:5] != "-":
        return None
    found = next((match for each in _FORMATS if (match := each.fullmatch(text))), None)
    if found is None:
        return None
    part = {name: int(value) for name, value in found.groupdict().items() if value and value.isdecimal()}
    try:
        day = datetime(part["year"], part["month"], part["day"])  # the zone stays text
        moment = day.replace(
            hour=part.get("hour", 0), minute=part.get("minute", 0), second=part.get("second", 0)
        )
    except ValueError:
        return None
    shown = found.groupdict()
    if part.get("hours", 0) > 24 or part.get("minutes", 0) > 60:
        return None
    fraction = (shown.get("part") or "").rstrip("0")
    zone = "Z"
    if part.get("hours") or part.get("minutes"):
        zone = f"{shown['sign']}{part['hours']:02}:{part['minutes']:02}"
    return f"{moment.isoformat()}{'.' if fraction else ''}{fraction}{zone}"
