"""Findings as text, JSON, SARIF 2.1.0 (OASIS) or JUnit XML."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from bootstrap.cli import compose
from bootstrap.cli.commands.check_options import Report
from bootstrap.intent.findings import Finding, Level, errors
from bootstrap.model.outside import one_line

SHOWN = 3  # files that are named where many have the same fault
_PLACE = re.compile(r"(?P<file>.*?)(?::(?P<line>[1-9]\d*))?(?::(?P<column>[1-9]\d*))?", re.DOTALL)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(findings: Sequence[Finding], report: Report, location: str) -> str:
    """The whole of stdout. ``location`` is the repository as it was given."""
    makers = {Report.TEXT: _text, Report.JSON: _json, Report.SARIF: _sarif, Report.JUNIT: _junit}
    return makers[report](findings, location)


def _text(findings: Sequence[Finding], _: str) -> str:
    wrong = len(errors(findings))
    lines = [one_line(f"{finding.level}: {finding}") + "\n" for finding in _without_repeats(findings)]
    fewer = f" ({_number(len(lines), 'line')})" if len(lines) < len(findings) else ""
    return "".join(lines) + f"{_number(wrong, 'error')}, {_number(len(findings) - wrong, 'warning')}{fewer}\n"


def _without_repeats(findings: Sequence[Finding]) -> list[Finding]:
    """For a reader: files with the same fault that are many in their nature are one line, which counts them."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        same = (finding.id, finding.message) if finding.id in _TOGETHER else (finding.id, len(groups))
        groups.setdefault(same, []).append(finding)
    return [each[0] if len(each) == 1 else _counted(each) for each in groups.values()]


def _counted(same: Sequence[Finding]) -> Finding:
    more = f" and {len(same) - SHOWN} more" if len(same) > SHOWN else ""
    names = ", ".join(finding.where for finding in same[:SHOWN]) + more
    where, between = _TOGETHER[same[0].id]
    message = f"{len(same)} {between} {same[0].message} ({names})"
    return replace(same[0], where=where, message=message)


_TOGETHER = {  # to the place that the line names, and what stands between the number and the message
    "E_NO_IDENTITY": ("encrypted", "files are"),
    "E_RECIPIENT_EXTRA": ("encrypted", "files:"),
    "E_PLACEHOLDER": ("secrets", "entries:"),
    "W_KEEP_REASON": ("secrets", "entries:"),
    "W_REPO_DIRTY": ("", "files are"),
    "W_RECIPIENT": ("encrypted", "files:"),
}


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _json(findings: Sequence[Finding], _: str) -> str:
    wrong = len(errors(findings))
    listed = [{name: str(getattr(f, name)) for name in _NAMES} for f in findings]
    return _dumped({"errors": wrong, "warnings": len(findings) - wrong, "findings": listed})


_NAMES = ("level", "id", "where", "message", "hint", "expected", "found")


def _dumped(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _sarif(findings: Sequence[Finding], _: str) -> str:
    rules = sorted({finding.id for finding in findings})
    driver = {
        "name": "bootstrap",
        "version": compose.version(),
        "rules": [{"id": rule} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules.index(finding.id)) for finding in findings],
    }
    return _dumped({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    file, line, column = place(finding)
    physical: dict[str, Any] = {"artifactLocation": {"uri": file.replace(" ", "%20")}}
    if line:
        physical["region"] = {"startLine": line} | ({"startColumn": column} if column else {})
    return {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": "error" if finding.level is Level.ERROR else "warning",
        "message": {"text": _sentence(finding)},
        "locations": [{"physicalLocation": physical}] if file else [],
    }


def place(finding: Finding) -> tuple[str, int, int]:
    """File, line and column of a finding; 0 where it names none."""
    found = _PLACE.fullmatch(finding.where)
    assert found is not None  # everything in it is optional
    return found["file"], int(found["line"] or 0), int(found["column"] or 0)


def _sentence(finding: Finding) -> str:
    kinds = f" (expected {finding.expected}, found {finding.found})" if finding.found else ""
    return finding.message + kinds + (f". Hint: {finding.hint}" if finding.hint else "")


def _junit(findings: Sequence[Finding], location: str) -> str:
    """One case a finding; a warning is a case that passed and says something. Without any, one that passed."""
    wrong = len(errors(findings))
    cases = [_case(finding) for finding in findings] or [
        '    <testcase classname="bootstrap.check" name="commit"/>\n'
    ]
    name = quoteattr(_xml(f"bootstrap check {location}"))
    head = f'<testsuite name={name} tests="{len(cases)}" failures="{wrong}" errors="0" skipped="0">'
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  ' + head + "\n" + "".join(cases) + _END


_END = "  </testsuite>\n</testsuites>\n"


def _case(finding: Finding) -> str:
    file, line, _ = place(finding)
    names = f"classname={quoteattr(finding.id)} name={quoteattr(_xml(finding.where or 'repository'))}"
    names += f" file={quoteattr(_xml(file))}" + (f' line="{line}"' if line else "")
    text = escape(_xml(_sentence(finding)))
    if finding.level is Level.ERROR:
        inner = f"<failure type={quoteattr(finding.id)} message={quoteattr(_xml(finding.message))}>{text}</failure>"
    else:
        inner = f"<system-out>{text}</system-out>"
    return f"    <testcase {names}>{inner}</testcase>\n"


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
