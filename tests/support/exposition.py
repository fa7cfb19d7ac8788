"""Prometheus' text format 0.0.4, read strictly: as its grammar says, and nothing that a collector would forgive."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(rf"# HELP ({NAME}) (\S.*)")
TYPE = re.compile(rf"# TYPE ({NAME}) gauge")
VALUE = r'"(?:[^"\\\n]|\\[\\"n])*"'
LABEL = re.compile(rf"([a-zA-Z_][a-zA-Z0-9_]*)=({VALUE})")
SAMPLE = re.compile(
    rf"({NAME})(?:\{{({LABEL.pattern}(?:,{LABEL.pattern})*)\}})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)"
)
Series = tuple[str, tuple[tuple[str, str], ...]]


def parsed(text: str) -> dict[Series, float]:
    """Name and labels of each sample, to its value."""
    assert not text or text.endswith("\n"), "the last line has no end"
    lines, found = text.splitlines(), dict[Series, float]()
    while lines:
        (name, _), of = _whole(HELP, lines.pop(0)), _whole(TYPE, lines.pop(0))
        assert of == (name,), f"{of} is not {name}"
        begun = len(found)
        while lines and not lines[0].startswith("#"):
            own, labels, *_, value = _whole(SAMPLE, lines.pop(0))
            assert own == name, f"{own} below {name}"
            series = (own, tuple((key, _unescaped(held)) for key, held in LABEL.findall(labels or "")))
            assert series not in found, f"{series} is there twice"
            found[series] = float(value)
        assert len(found) > begun, f"{name} has no sample"
    return found


def _whole(pattern: re.Pattern[str], line: str) -> tuple[str, ...]:
    match = pattern.fullmatch(line)
    assert match, f"no line of the format: {line!r}"
    return match.groups()


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], quoted[1:-1])
