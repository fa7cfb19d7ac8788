"""Canonical JSON: ours is RFC 8785's for every value of ours, and nothing else is read."""

import io
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.ledger import canonical, stream
from bootstrap.ledger.bundle import Bundle, export
from bootstrap.ledger.stream import Stream
from bootstrap.model.errors import EvidenceError
from tests.support.ledger_facts import bundle

TEXT = st.text(max_size=20)  # all of Unicode, lone surrogates too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-canonical.LARGEST, canonical.LARGEST) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def reference(value: canonical.Json) -> bytes | None:
    try:
        return rfc8785.dumps(value)
    except ValueError:
        return None


@given(value=VALUES)
def test_the_form_is_that_of_rfc_8785(value: canonical.Json) -> None:
    wanted = reference(value)
    if wanted is None:
        with pytest.raises(ValueError):
            canonical.dumps(value)
        return
    assert canonical.dumps(value) == wanted
    assert canonical.loads(wanted, "it", code="E_X") == value


@pytest.mark.parametrize(
    "data",
    [
        b"9007199254740992", b"-9007199254740992", b"1.0", b"1e3", b"-0", b"01", b"[1.5]", b'{"a":1,"a":1}',
        b'{"b":1,"a":1}', b'"\\u0041"', b'"\\/"', b'"\\ud800"', b" 1", b"1 ", b"1\n", b"NaN", b'"\x7f"x', b'{"a": 1}',
        b"\xef\xbb\xbf1", b"1 1",
    ],
)  # fmt: skip
def test_no_other_form_is_read(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        canonical.loads(data, "it", code="E_X")


def test_names_outside_ascii_are_ordered_as_rfc_8785_says() -> None:
    """By UTF-16, where a letter beyond the basic plane comes before U+FFFF."""
    value = {"\U00010000": 1, "\uffff": 2}
    assert canonical.dumps(value) == '{"\U00010000":1,"\uffff":2}'.encode()
    assert json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":")
    ).encode() != canonical.dumps(value)


class Drops(io.BytesIO):
    """A file that gives one byte at a time, however many are asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(1, size or 0))


def test_a_file_is_read_in_pieces_of_any_size() -> None:
    whole, dropped = Bundle.parse(bundle()), Bundle.parse(Drops(bundle()))
    envelopes = tuple(whole.envelopes)
    assert (tuple(dropped.envelopes), dropped.head, dropped.escrow) == (envelopes, whole.head, whole.escrow)
    assert export(envelopes, whole.head, whole.escrow) == bundle()


def test_a_number_ends_where_it_ends_and_not_where_a_block_does() -> None:
    read = Stream(Drops(b"[12,34]"), "it", code="E_X")
    read.expect("[")
    first = read.piece()
    read.expect(",")
    assert (first, read.piece()) == (b"12", b"34")
    read.expect("]")
    read.end()


def test_no_more_than_a_block_is_in_memory() -> None:
    class Counted(io.BytesIO):
        given = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.given += len(data)
            return data

    source = Counted(b"[" + b",".join(b'"%06d"' % n for n in range(100_000)) + b"]")
    read = Stream(source, "it", code="E_X")
    read.expect("[")
    for n in range(100_000):
        if n:
            read.expect(",")
        assert read.piece() == b'"%06d"' % n
        assert source.given - 9 * n <= 2 * stream.BLOCK
    read.expect("]")
    read.end()


@pytest.mark.parametrize(
    "data", [b"", b"[", b'["a"', b'["a",', b'["a"]]', b'["a"] ', b'["\xff"]', b'["a"]\xc3']
)
def test_what_is_cut_short_or_goes_on_is_refused(data: bytes) -> None:
    read = Stream(io.BytesIO(data), "it", code="E_X")
    with pytest.raises(EvidenceError) as caught:
        read.expect("[")
        read.piece()
        read.expect("]")
        read.end()
    assert (caught.value.code, caught.value.where) == ("E_X", "it")
