"""The exported ledger: one canonical JSON file that verifies offline, with nothing but ``keys/ledger.pub``.

No byte is free: the file must be its own canonical form, every envelope is signed and chained, the keys of Vault that
countersigned are announced in it, the signed head names their number, last hash and root, and the digest of the escrow.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from bootstrap.ledger import canonical, chain
from bootstrap.ledger.chain import Ledger, Walk
from bootstrap.ledger.completeness import Measure, measured
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.head import Head, check_head, glance_head, read_head
from bootstrap.ledger.report import Report
from bootstrap.ledger.stream import Stream
from bootstrap.ledger.tally import Tally
from bootstrap.model.errors import DefinitionError, EvidenceError

FORMAT = "https://bootstrap.dev/ledger-bundle/v1"
KEY_FILE = "ledger.pub"
Source = bytes | BinaryIO  # a bundle in memory, or a file that is read once


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Read up to its records, not yet verified. ``escrow`` is ciphertext, ``envelopes`` can be gone through once."""

    envelopes: Iterator[bytes]
    head: bytes
    escrow: bytes | None

    @classmethod
    def parse(cls, source: Source) -> "Bundle":
        """EvidenceError E_BUNDLE, at once or from ``envelopes``, unless this is a bundle in its one canonical form."""
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        stream = Stream(file, "bundle", code="E_BUNDLE")
        stream.expect('{"escrow":')
        value = canonical.loads(stream.piece(), "bundle", code="E_BUNDLE")
        try:
            escrow = None if value is None else canonical.decode(value)
        except (TypeError, ValueError):
            raise EvidenceError(
                "the bundle's escrow is not base64", code="E_BUNDLE", where="bundle"
            ) from None
        stream.expect(f',"format":"{FORMAT}","head":')
        head = stream.piece()
        stream.expect(',"records":[')
        return cls(envelopes=_envelopes(stream), head=head, escrow=escrow)


def _envelopes(stream: Stream) -> Iterator[bytes]:
    if not stream.take("]}"):
        yield stream.piece()
        while stream.take(","):
            yield stream.piece()
        stream.expect("]}")
    stream.end()


def export(envelopes: Sequence[bytes], head: bytes, escrow: bytes | None) -> bytes:
    """The bundle's bytes, from canonical envelopes; members in the order of RFC 8785."""
    kept = b"null" if escrow is None else canonical.dumps(canonical.encode(escrow))
    kind = canonical.dumps(FORMAT)
    records = b"[" + b",".join(envelopes) + b"]"
    return b'{"escrow":%b,"format":%b,"head":%b,"records":%b}' % (kept, kind, head, records)


def read_bundle(source: Source, keys: Mapping[str, bytes]) -> tuple[Ledger, Head]:
    """The verified records of a bundle, all of them, and its head; errors as ``verify_bundle``."""
    key, walk = bundle_key(keys), Walk()
    bundle = Bundle.parse(source)
    entries = tuple(chain.follow(bundle.envelopes, chain.signed_by(key), walk))
    walk.end()
    head = _check(bundle, walk, key)
    return Ledger(entries=entries, chain=walk.chain, meaning=walk.meaning), head


def verify_bundle(
    source: Source,
    keys: Mapping[str, bytes],
    heads: Mapping[str, bytes] | None = None,
    *,
    all_known: bool = True,
    cluster: str = "",
) -> Report:
    """What a bundle proves, offline, in one pass that keeps no record.

    ``keys`` is file name to bytes, as below ``keys/``; ``heads`` are signed heads from elsewhere, by their place.
    EvidenceError (exit 6) for anything wrong with the bundle, also as ``completeness.measured``; DefinitionError
    E_KEY_MISSING or E_KEY_FORMAT for the key.
    """
    key = bundle_key(keys)
    known = {place: _known(content, key, place) for place, content in (heads or {}).items()}
    walk, tally = Walk(sizes=(each.size for each in known.values())), Tally()
    # 1. the file has the one form of a bundle, whose parts are looked at in turn (E_BUNDLE)
    bundle = Bundle.parse(source)
    # 2. each record: signature, form, place, key, meaning (E_SIG, E_RECORD, E_CHAIN, E_SIGNER)
    for entry in chain.follow(bundle.envelopes, chain.signed_by(key), walk):
        tally.add(entry.record)
    # 3. Vault signed behind the last of them, once its key is announced (E_COUNTERSIGN)
    walk.end()
    # 4. the head is signed, and is the head of exactly these records and this escrow (E_SIG, E_HEAD)
    head = _check(bundle, walk, key)
    found = measured(walk, head, Measure(heads=known, all_known=all_known, cluster=cluster))
    return tally.report(head, walk.meaning.countersigning, verified=True, completeness=found)


def _check(bundle: Bundle, walk: Walk, key: PublicKey) -> Head:
    head = read_head(bundle.head, key)
    check_head(head, walk, bundle.escrow)
    return head


def _known(content: bytes, key: PublicKey, place: str) -> Head:
    try:
        return read_head(content, key, place)
    except EvidenceError as error:
        error.hint = (
            "that head is not of this key: restore it from Git's history, or name another with --head"
        )
        raise


def show_bundle(source: Source) -> Report:
    """What a bundle says, with everything checked but the signatures."""
    walk, tally = Walk(), Tally()
    bundle = Bundle.parse(source)
    for entry in chain.follow(bundle.envelopes, chain.shown, walk):
        tally.add(entry.record)
    walk.end()
    head = glance_head(bundle.head)
    check_head(head, walk, bundle.escrow)
    return tally.report(head, walk.meaning.countersigning, verified=False)


def bundle_key(keys: Mapping[str, bytes]) -> PublicKey:
    """The ledger key among ``keys``. DefinitionError E_KEY_MISSING, E_KEY_FORMAT."""
    if KEY_FILE not in keys:
        raise DefinitionError(
            f"there is no {KEY_FILE} among the keys",
            code="E_KEY_MISSING",
            where=KEY_FILE,
            hint="give the folder keys/ of the intent repository: --keys DIR",
        )
    return PublicKey.parse(keys[KEY_FILE], KEY_FILE)
