"""Ledgers under one key, each signature checked once: what has held before holds again, byte for byte.

The cluster's copy, Vault's and what this run adds are the same records. Kept is the longest ledger that was seen.
"""

from collections.abc import Iterable, Sequence

from bootstrap.ledger.chain import Ledger, Walk, follow, signed_by
from bootstrap.ledger.countersigning import refuse_open
from bootstrap.ledger.envelope import PublicKey


class Verified:
    def __init__(self, key: PublicKey) -> None:
        self._payload = signed_by(key)
        self._known = Ledger()

    def read(self, envelopes: Iterable[bytes]) -> Ledger:
        """The ledger of these envelopes, as ``chain.read`` gives it, errors too."""
        given = tuple(envelopes)
        same = self._same(given)
        known = self._known.entries
        start = self._known if same == len(known) else Ledger().extended(known[:same])
        found = self._extended(start, given[same:])
        refuse_open(found.meaning.countersigning, found.chain.size)
        if same == len(known):  # else another history, or a part: not the one to keep
            self._known = found
        return found

    def keep(self, ledger: Ledger) -> Ledger:
        """One whose last records were signed here."""
        self._known = ledger
        return ledger

    def _extended(self, start: Ledger, envelopes: Sequence[bytes]) -> Ledger:
        walk = Walk(start.chain, start.meaning)
        fresh = tuple(follow(envelopes, self._payload, walk))
        return Ledger(entries=(*start.entries, *fresh), chain=walk.chain, meaning=walk.meaning)

    def _same(self, given: Sequence[bytes]) -> int:
        """How many of the first envelopes are those that were seen before."""
        pairs = zip(given, self._known.entries, strict=False)
        return next(
            (n for n, (data, entry) in enumerate(pairs) if data != entry.envelope),
            min(len(given), len(self._known.entries)),
        )
