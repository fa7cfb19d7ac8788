"""A drill's report: no byte of it is free, and its page shows texts as texts (H4, S3)."""

import random
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest
from securesystemslib.dsse import Envelope

from bootstrap.cli.commands.drill import _lines
from bootstrap.ledger import canonical
from bootstrap.ledger.envelope import peek, seal
from bootstrap.model.errors import EvidenceError
from bootstrap.operations.drill.page import page
from bootstrap.operations.drill.report import Report, read_report, signed
from tests.support.drill_reports import differing, report
from tests.support.ledger_facts import Key, bundle_of, signed_by_both

KEY = Key()
DATA = signed(report(), KEY)


def read(data: bytes, key: Key = KEY) -> object:
    return read_report(data, key.public, "report")


def test_what_was_signed_is_read() -> None:
    assert read(DATA) == report()
    assert report().differing == ()
    assert report().equal


def test_what_differs_is_in_words() -> None:
    found = read_report(signed(differing(), KEY), KEY.public, "report")
    assert not found.equal
    assert found.differing == ("webhook version 2 differs in url", "gone version 1 is not given out by Vault")


def test_h4_every_changed_byte_is_found() -> None:
    draw = random.Random(1)
    for at in range(len(DATA)):
        for new in {DATA[at] ^ 1, draw.randrange(256)} - {DATA[at]}:
            with pytest.raises(EvidenceError):
                read(DATA[:at] + bytes([new]) + DATA[at + 1 :])


@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"\n", b" " + DATA, DATA + DATA])
def test_h4_what_is_cut_or_goes_on_is_found(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        read(data)


def test_h4_another_key_is_refused_and_named() -> None:
    with pytest.raises(EvidenceError) as stopped:
        read(DATA, Key(2))
    assert stopped.value.code == "E_SIG"
    assert Key(2).key_id[:16] in stopped.value.hint


def test_h4_another_statement_of_the_same_key_is_no_report() -> None:
    fewer = {name: value for name, value in report().content.items() if name != "rpo"}
    statements = [
        peek(signed_by_both()[0].envelope, "record"),
        b"{}",
        b'"text"',
        canonical.dumps({**canonical.loads(peek(DATA, "x"), "x", code="E"), "more": 1}),
        canonical.dumps({**canonical.loads(peek(DATA, "x"), "x", code="E"), "predicate": fewer}),
        canonical.dumps({**canonical.loads(peek(DATA, "x"), "x", code="E"), "predicateType": "other"}),
        canonical.dumps({**canonical.loads(peek(DATA, "x"), "x", code="E"), "subject": []}),
    ]
    for payload in statements:
        with pytest.raises(EvidenceError) as stopped:
            read(seal(payload, KEY))
        assert (stopped.value.code, bool(stopped.value.hint)) == ("E_DRILL_REPORT", True)


def test_h4_a_bundle_is_no_report() -> None:
    with pytest.raises(EvidenceError):
        read(bundle_of(tuple(each.envelope for each in signed_by_both())))


def test_its_subject_is_the_snapshot() -> None:
    statement = canonical.loads(peek(DATA, "report"), "report", code="E")
    assert statement["subject"] == [{"name": "snapshot:one.snapshot", "digest": {"sha256": "a" * 64}}]
    envelope = Envelope.from_dict(canonical.loads(DATA, "report", code="E"))
    assert envelope.payload_type == "application/vnd.in-toto+json"


# ---------------------------------------------------------------- the page


class Page(HTMLParser):
    """Elements that are open, each attribute, and what is wrong."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_takes_nothing_from_elsewhere() -> None:
    text = page(report(), DATA, KEY.key_id)
    found = Page(text)
    assert {"script", "link", "img", "iframe", "object", "form", "base"}.isdisjoint(found.elements)
    assert {"src", "href", "style", "onload", "srcset"}.isdisjoint(name for name, _ in found.attributes)
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_says_what_the_report_says() -> None:
    text = Page(page(report(), DATA, KEY.key_id)).text
    for words in (
        "61.5 s",
        "1 d",
        "1 h 1 min later",
        "late",
        "old version 1",
        "7 compared",
        canonical.sha256(DATA),
    ):
        assert words in text
    assert "Everything came back" in text
    bad = Page(page(differing(), DATA, KEY.key_id)).text
    assert "Something differs." in bad
    assert "webhook version 2 differs in url" in bad


def test_s3_a_text_from_outside_stays_a_text() -> None:
    nasty = "<script>alert(1)</script>\"'&"
    proofs = [{**report().content["proofs"][0], "evidence": nasty}]
    text = page(report(who=nasty, platform=nasty, environment=nasty, proofs=proofs), DATA, KEY.key_id)
    assert "script" not in Page(text).elements
    assert Page(text).text.count("<script>alert(1)</script>") >= 3


def test_a_report_without_anything_to_show_has_a_page() -> None:
    nothing = {**report().content["rpo"], "newestHead": None, "notInIt": [], "ageSeconds": 0}
    assert "No signed head is known" in Page(page(report(rpo=nothing, proofs=[]), DATA, KEY.key_id)).text


def _without(content: object) -> Iterator[Any]:
    """The same content with one of its parts gone, or of another kind: what is shown of it would not be there."""
    if not isinstance(content, dict | list):
        return
    parts = content.items() if isinstance(content, dict) else enumerate(content)
    for name, value in list(parts):
        for other in cast("tuple[object, ...]", (None, 1, "x", [], {})):
            if type(other) is not type(value):
                yield _with(content, name, other)
        yield from (_with(content, name, each) for each in _without(value))


def _with(content: Any, name: Any, value: object) -> Any:
    found = content.copy()
    found[name] = value
    return found


def test_h4_what_is_signed_and_has_another_form_is_refused_or_can_be_shown() -> None:
    """A report of another version, say: a fault in the program is no answer to it."""
    tried = refused = 0
    for content in _without(dict(differing().content)):
        data = signed(Report(content=content), KEY) if isinstance(content.get("snapshot"), dict) else b""
        tried += 1
        try:
            found = read_report(data, KEY.public, "report")
        except EvidenceError:
            refused += 1
        else:
            assert list(_lines(found, Path("report")))
    assert tried > refused > tried / 2


@pytest.mark.parametrize("outcome", ["equal", "EQUAL", "", "equal\n"])
def test_h4_an_outcome_that_its_own_comparison_denies_is_refused(outcome: str) -> None:
    data = signed(Report(content={**differing().content, "outcome": outcome}), KEY)
    with pytest.raises(EvidenceError) as stopped:
        read(data)
    assert stopped.value.code == "E_DRILL_REPORT"
