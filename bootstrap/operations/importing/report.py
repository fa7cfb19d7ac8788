"""What an import did, in lines for a person and as one document: each encrypted file is accounted for."""

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.operations.importing.candidates import Findings, Left

_SHOWN = 3  # places that a line names


def lines(findings: Findings) -> Iterator[str]:
    """One line for each reason, however many files have it; then what is left to write; then the sum."""
    for why, places in _grouped(findings.left).items():
        if len(places) == 1:
            yield f"not taken: {places[0]}: {why}"
        else:
            more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
            yield f"not taken: {why}: {len(places)} ({', '.join(places[:_SHOWN])}{more})"
    yield from (f"note: {each}" for each in findings.shown)
    for what, names in _wanting(findings).items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"still to be written, and named by `bootstrap check`: {what} of {', '.join(names[:_SHOWN])}{more}"
    yield closing(findings)


def closing(findings: Findings) -> str:
    """One line: N encrypted files, M taken, K not, by reason."""
    count = len(findings.found)
    entries = "1 entry" if count == 1 else f"{count} entries"
    if not findings.encrypted:
        return f"{entries}, {len(findings.there)} taken before" if findings.there else entries
    taken, there, left = _files(findings)
    known = f", {there} taken before" if there else ""
    reasons = "; ".join(f"{number} {why}" for why, number in left.items())
    why = f" ({reasons})" if reasons else ""
    total = f"{len(findings.encrypted)} encrypted file{'s' * (len(findings.encrypted) != 1)}"
    return f"{total}, {taken} taken{known}, {sum(left.values())} not{why}; {entries}"


def _files(findings: Findings) -> tuple[int, int, Mapping[str, int]]:
    """How many files were taken now and before, and of the others how many for each reason."""
    taken = {entry.origin for entry in findings.found} & set(findings.encrypted)
    there = set(findings.there) & set(findings.encrypted) - taken
    reasons: dict[str, str] = {}
    for left in findings.left:
        if left.file and left.file not in taken | there:
            reasons.setdefault(left.file, left.why)
    for file in findings.encrypted:
        if file not in taken | there:
            reasons.setdefault(file, "nothing in it to take")
    counts: dict[str, int] = {}
    for why in reasons.values():
        counts[_short(why)] = counts.get(_short(why), 0) + 1
    return len(taken), len(there), counts


def _short(why: str) -> str:
    """A reason without the names of one file."""
    return why.split(":")[0].split(" ")[0] if why.startswith("E_") else why.split(":")[0]


def _grouped(left: list[Left]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in left:
        found.setdefault(each.why, []).append(each.where)
    return found


def _wanting(findings: Findings) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in findings.found:
        lacking = [name for name, text in (("owner", entry.owner), ("purpose", entry.purpose)) if not text]
        lacking += [] if entry.consumers else ["consumers"]
        if lacking:
            found.setdefault(", ".join(lacking), []).append(entry.name)
    return found


def document(findings: Findings, files: list[str]) -> dict[str, Any]:
    """The same for a program; no value of a secret is in it."""
    taken, there, left = _files(findings)
    return {
        "encryptedFiles": len(findings.encrypted),
        "taken": taken,
        "takenBefore": there,
        "notTaken": sum(left.values()),
        "reasons": dict(left),
        "left": [{"where": each.where, "why": each.why} for each in findings.left],
        "notes": findings.shown,
        "entries": [
            {
                "name": entry.name,
                "from": entry.origin,
                "path": entry.path,
                "class": "bootstrap" if entry.scaffold else "runtime",
                "consumers": [{"namespace": c.namespace, "secret": c.secret} for c in entry.consumers],
            }
            for entry in findings.found
        ],
        "files": files,
    }
