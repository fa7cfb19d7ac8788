"""A JSON file read piece by piece: what must stand there literally, and values.

Whatever is read in this way to the end was looked at byte for byte, and no more of it is in memory than the largest
value and a block.
"""

import codecs
from typing import BinaryIO

from bootstrap.ledger import canonical
from bootstrap.model.errors import EvidenceError

BLOCK = 1 << 16  # bytes of one read, at least


class Stream:
    """EvidenceError ``code`` for whatever is not as expected; ``what`` is its name."""

    def __init__(self, source: BinaryIO, what: str, *, code: str) -> None:
        self._source = source
        self._what = what
        self._code = code
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at = "", 0

    def expect(self, literal: str) -> None:
        if not self.take(literal):
            raise self._wrong("is not canonical JSON of this form")

    def take(self, literal: str) -> bool:
        """Whether ``literal`` stands here; then it is read."""
        while len(self._text) - self._at < len(literal) and self._more():
            pass
        found = self._text.startswith(literal, self._at)
        self._at += len(literal) if found else 0
        return found

    def piece(self) -> bytes:
        """The bytes of the value that begins here; that they are canonical is for the reader of the value to see."""
        try:
            end = self._value_end()
        except (ValueError, RecursionError):
            raise self._wrong("is not canonical JSON") from None
        text, self._at = self._text[self._at : end], end
        return text.encode()

    def end(self) -> None:
        if self._at < len(self._text) or self._more():
            raise self._wrong("goes on behind its end")

    def _value_end(self) -> int:
        """A value that reaches to the end of what was read may go on behind it."""
        while True:
            try:
                _, end = canonical.decode_at(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
            else:
                if end < len(self._text) or not self._more():
                    return end

    def _more(self) -> bool:
        """As much again as is still to be looked at, so that a long value is not begun anew too often."""
        rest = self._text[self._at :]
        data = self._source.read(max(BLOCK, len(rest)))
        try:
            new = self._utf8.decode(data, final=not data)
        except UnicodeDecodeError:
            raise self._wrong("is not UTF-8") from None
        self._text, self._at = rest + new, 0
        return bool(data)

    def _wrong(self, why: str) -> EvidenceError:
        return EvidenceError(f"{self._what} {why}", code=self._code, where=self._what)
