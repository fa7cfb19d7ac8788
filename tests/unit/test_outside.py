"""What came from outside is shown and never obeyed (S3): text, findings, errors, ledgers, narration."""

import io
import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.cli import terminal
from bootstrap.cli.commands.check_options import Report
from bootstrap.cli.commands.check_render import render
from bootstrap.cli.exits import caught
from bootstrap.cli.narrators import PlainNarrator
from bootstrap.intent.findings import Finding
from bootstrap.intent.yaml_source import load_documents
from bootstrap.ledger.bundle import show_bundle
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.ledger.text import lines
from bootstrap.model.errors import DefinitionError
from bootstrap.model.outside import UNSEEN, decimal, first_unseen, json_value, one_line, whole
from tests.support.ledger_facts import bundle_of, entries, fact

CLEAR = "\x1b[2J\x1b[Hverified: 10 records"
CLIPBOARD = "\x1b]52;c;cm0gLXJmIH4=\x07"
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u3164\uffa0"  # drawn as nothing
ATTACKS = (
    CLEAR,
    CLIPBOARD,
    "\x9b2J",  # CSI as one character of C1
    "\x90q\x9c",
    "a\nverified: 10 records",
    "a\rverified",
    "a\u2028verified",
    "a\u2029b",
    "\u202eadmin\u202c",
    "\u2066x\u2069",
    "\u200b\u200d\ufeff\u00ad",
    "\U000e0041",
    "\x00\x07\x08\x0b\x0c\x7f\x85",
    "\udc9b",
)


def obeyed(text: str) -> list[str]:
    return [c for c in text if c != "\n" and unicodedata.category(c) in UNSEEN]


@pytest.mark.parametrize("attack", ATTACKS)
def test_s3_a_line_stays_one_line_and_obeys_nothing(attack: str) -> None:
    shown = one_line(f"before {attack} after")
    assert obeyed(shown) == []
    assert "\n" not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_s3_a_document_of_json_means_the_same(text: str) -> None:
    made = whole(json.dumps({text: [text]}, ensure_ascii=False, indent=2))
    assert obeyed(made) == []
    assert json.loads(made) == {text: [text]}


@settings(deadline=None)
@given(st.text())
def test_plain_text_is_left_as_it_is(text: str) -> None:
    seen = "".join(c for c in text if unicodedata.category(c) not in UNSEEN and c not in FILLERS)
    assert one_line(seen) == seen


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a != "\udc9b"])  # no UTF-8 holds that one
def test_s3_a_foreign_ledger_forges_no_line(attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    facts = (Fact(type=RecordType.CLAIMED, details={"x": attack}), fact(RecordType.INTENT, attack))
    report = show_bundle(bundle_of(tuple(e.envelope for e in entries(facts))))
    terminal.out(*lines(report))
    shown = capsys.readouterr().out
    assert obeyed(shown) == []
    assert [line for line in shown.splitlines() if line.startswith("verified")] == []
    terminal.document(json.dumps(report.document(), ensure_ascii=False))
    document = capsys.readouterr().out
    assert obeyed(document) == []
    assert json.loads(document)["notes"][0]["details"] == {"x": attack}


@pytest.mark.parametrize("attack", ATTACKS)
def test_s3_an_error_forges_no_line(attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise DefinitionError(
            f"redirected to {attack}", code="E_X", where=f"host {attack}", hint=f"see {attack}"
        )

    caught(fails)
    first, *more = capsys.readouterr().err.rstrip("\n").split("\n")
    assert obeyed("\n".join((first, *more))) == []
    assert first.startswith("error: ")
    assert all(line.startswith("  ") for line in more)


@pytest.mark.parametrize("report", [Report.TEXT, Report.JSON, Report.SARIF, Report.JUNIT])
@pytest.mark.parametrize("attack", ATTACKS)
def test_s3_a_finding_forges_no_line(attack: str, report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    found = Finding(id="E_X", where=f"encrypted/{attack}", message=attack, hint=attack)
    terminal.document(render([found], report, attack))
    shown = capsys.readouterr().out
    assert obeyed(shown) == []
    plain = render([replace(found, where="encrypted/x", message="m", hint="h")], report, "x")
    if report is not Report.JUNIT:  # there a line break is within an element
        assert shown.count("\n") == plain.count("\n")


@pytest.mark.parametrize("attack", ATTACKS)
def test_s3_narration_forges_no_line(attack: str) -> None:
    stream = io.StringIO()
    PlainNarrator(None, stream).event("pending", message=attack)
    assert obeyed(stream.getvalue()) == []
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200b", "\u200d", "\u00ad", "\u2028", "\U000e0041"]
)
@pytest.mark.parametrize("written", ["raw", "escaped", "in a comment"])
def test_s3_no_catalog_holds_what_is_not_seen(character: str, written: str) -> None:
    escaped = f"\\U{ord(character):08X}"
    text = {
        "raw": f"a: b\nowner: te{character}am\n",
        "escaped": f'a: b\nowner: "te{escaped}am"\n',
        "in a comment": f"a: b\n# te{character}am\nc: d\n",
    }[written]
    with pytest.raises(DefinitionError) as refused:
        load_documents("secrets/a.yaml", text.encode())
    assert refused.value.code == "E_TEXT"
    assert refused.value.where.startswith("secrets/a.yaml:2:")
    assert f"{ord(character):04X}" in refused.value.message
    if written != "escaped" and character != "\u2028":  # which ends a line of YAML
        assert load_documents("x.sops.yaml", text.encode(), written_by_us=False)


def test_letters_of_every_script_are_seen() -> None:
    text = "owner: Grüße, 東京, Ελλάδα, العربية, 😀\u00a0€\n"
    assert load_documents("a.yaml", text.encode())


@pytest.mark.parametrize("filler", "\u034f\u115f\u1160\u17b4\u180b\u3164\uffa0")
def test_s3_what_is_drawn_as_nothing_is_shown(filler: str) -> None:
    assert one_line(f"a{filler}b") == f"a\\u{ord(filler):04x}b"
    with pytest.raises(DefinitionError) as refused:
        load_documents("a.yaml", f"owner: a{filler}b\n".encode())
    assert refused.value.code == "E_TEXT"
    assert one_line("\u2764\ufe0f") == "\u2764\ufe0f"


def test_line_ends_and_tabs_are_shown_by_their_short_names() -> None:
    assert one_line("a\nb\tc\rd") == r"a\nb\tc\rd"


def test_s3_a_tab_and_a_line_break_are_seen_and_what_follows_them_is_looked_at() -> None:
    assert first_unseen("a\n\tb\n") == -1
    assert first_unseen("a\n\tb\u200bc") == 4


# ---------------------------------------------------------------- numbers and JSON


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1_0", "²", "\u0661", "9" * 19, "9" * 5000, "1.0", "0x1"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert decimal(text) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_what_is_one_is_read(text: str, number: int) -> None:
    assert decimal(text) == number


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"\xff", b"", b"{", "[" * 100_000]
)
def test_json_that_cannot_be_read_is_one_kind_of_error(data: bytes | str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        json_value(data)
