"""Selectors of Kubernetes over labels, as a text: ``a=b, c!=d, e in (x, y), f, !g``."""

import re
from collections.abc import Mapping

_PART = re.compile(
    r"\s*(?:(?P<key>[\w./-]+)\s*(?P<not>!)?==?\s*(?P<value>[\w.-]*)"
    r"|(?P<set>[\w./-]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)"
    r"|(?P<absent>!)?\s*(?P<there>[\w./-]+))\s*(?:,|\Z)"
)


def selects(selector: str, marks: Mapping[str, str]) -> bool:
    """True for an empty selector, and for one that is not read here: it may fit."""
    place = 0
    while place < len(selector):
        part = _PART.match(selector, place)
        if part is None:
            return True
        if not _holds(part, marks):
            return False
        place = part.end()
    return True


def _holds(part: re.Match[str], marks: Mapping[str, str]) -> bool:
    if key := part["key"]:
        return (marks.get(key) == part["value"]) is not bool(part["not"])
    if key := part["set"]:
        values = {value.strip() for value in part["values"].split(",")}
        return (marks.get(key) in values) is (part["op"] == "in")
    return (part["there"] in marks) is not bool(part["absent"])
