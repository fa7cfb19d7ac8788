"""Label selectors, as the API server reads them."""

import re

from bootstrap.ports import Object

PART = re.compile(
    r"\s*(?:(!)\s*([^\s,!=()]+)|([^\s,!=()]+)\s*(?:(==|=|!=)\s*([^\s,]*)|(in|notin)\s*\(([^)]*)\))?)\s*(?:,|$)"
)


def selected(obj: Object, labels: str) -> bool:
    """Whether ``obj`` has what ``labels`` asks: ``a=1``, ``a!=1``, ``a``, ``!a``, ``a in (1,2)``, joined by commas."""
    found = obj["metadata"].get("labels") or {}
    at = 0
    while at < len(labels):
        part = PART.match(labels, at)
        assert part, f"not a label selector: {labels!r}"
        if not _holds(found, part):
            return False
        at = part.end()
    return True


def _holds(found: dict[str, str], part: re.Match[str]) -> bool:
    absent, name, key, sign, value, among, values = part.groups()
    if absent:
        return name not in found
    if sign:
        return (found.get(key) == value) is (sign != "!=")
    if among:
        return (found.get(key) in [v.strip() for v in values.split(",")]) is (among == "in")
    return key in found
