"""The exported ledger: one canonical JSON file that verifies offline, with nothing but ``keys/ledger.pub``.

No byte is free: the file must be its own canonical form, every envelope is signed and chained, the signed
head names their number, last hash and root, and the digest of the escrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bootstrap.ledger import canonical, chain
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.completeness import Measure, measured
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.head import Head, check_head, glance_head, read_head
from bootstrap.ledger.report import Report, report_of
from bootstrap.model.errors import DefinitionError, EvidenceError

FORMAT = "https://bootstrap.dev/ledger-bundle/v1"
KEY_FILE = "ledger.pub"
_MEMBERS = {"escrow", "format", "head", "records"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Parsed, not yet verified. ``escrow`` is ciphertext."""

    envelopes: tuple[bytes, ...]
    head: bytes
    escrow: bytes | None

    @classmethod
    def parse(cls, data: bytes) -> "Bundle":
        """EvidenceError E_BUNDLE unless ``data`` is a bundle in its one canonical form."""
        value = canonical.loads(data, "bundle", code="E_BUNDLE")
        try:
            if set(value) != _MEMBERS or value["format"] != FORMAT or not isinstance(value["records"], list):
                raise ValueError("other members")
            escrow = None if value["escrow"] is None else canonical.decode(value["escrow"])
        except (KeyError, TypeError, ValueError):
            raise EvidenceError("this is no ledger bundle", code="E_BUNDLE", where="bundle") from None
        return cls(
            envelopes=tuple(canonical.dumps(each) for each in value["records"]),
            head=canonical.dumps(value["head"]),
            escrow=escrow,
        )


def export(envelopes: Sequence[bytes], head: bytes, escrow: bytes | None) -> bytes:
    """The bundle's bytes, from canonical envelopes; members in the order of RFC 8785."""
    kept = b"null" if escrow is None else canonical.dumps(canonical.encode(escrow))
    kind = canonical.dumps(FORMAT)
    records = b"[" + b",".join(envelopes) + b"]"
    return b'{"escrow":%b,"format":%b,"head":%b,"records":%b}' % (kept, kind, head, records)


def verify(data: bytes, keys: Mapping[str, bytes]) -> tuple[Bundle, Ledger, Head]:
    """The verified content of a bundle; ``keys`` is file name to bytes, as below ``keys/``.

    EvidenceError (exit 6) for anything wrong with the bundle, DefinitionError E_KEY_MISSING or E_KEY_FORMAT
    for the key.
    """
    key = _key(keys)
    # 1. the file is its own canonical form and a bundle (E_BUNDLE)
    bundle = Bundle.parse(data)
    # 2. each record: signature, form, place, meaning (E_SIG, E_RECORD, E_CHAIN)
    ledger = chain.read(bundle.envelopes, key)
    # 3. the head is signed, and is the head of exactly these records and this escrow (E_SIG, E_HEAD)
    head = read_head(bundle.head, key)
    check_head(head, ledger, bundle.escrow)
    return bundle, ledger, head


def verify_bundle(
    data: bytes,
    keys: Mapping[str, bytes],
    heads: Mapping[str, bytes] | None = None,
    *,
    all_known: bool = True,
    cluster: str = "",
) -> Report:
    """What a bundle proves, offline. Errors as ``verify``, and as ``completeness.measured``.

    ``heads`` are signed heads from elsewhere, by their place.
    """
    _, ledger, head = verify(data, keys)
    known = {place: _known(content, _key(keys), place) for place, content in (heads or {}).items()}
    found = measured(ledger, head, Measure(heads=known, all_known=all_known, cluster=cluster))
    return report_of(ledger, head, verified=True, completeness=found)


def _known(content: bytes, key: PublicKey, place: str) -> Head:
    try:
        return read_head(content, key, place)
    except EvidenceError as error:
        error.hint = (
            "that head is not of this key: restore it from Git's history, or name another with --head"
        )
        raise


def show_bundle(data: bytes) -> Report:
    """What a bundle says, with everything checked but the signatures."""
    bundle = Bundle.parse(data)
    ledger = chain.glance(bundle.envelopes)
    head = glance_head(bundle.head)
    check_head(head, ledger, bundle.escrow)
    return report_of(ledger, head, verified=False)


def _key(keys: Mapping[str, bytes]) -> PublicKey:
    if KEY_FILE not in keys:
        raise DefinitionError(
            f"there is no {KEY_FILE} among the keys",
            code="E_KEY_MISSING",
            where=KEY_FILE,
            hint="give the folder keys/ of the intent repository: --keys DIR",
        )
    return PublicKey.parse(keys[KEY_FILE], KEY_FILE)
