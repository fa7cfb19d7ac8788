"""DSSE: one ed25519 signature by the ledger key over exact bytes, in canonical JSON.

The envelope is written here rather than with securesystemslib's ``Envelope``: importing that loads every
signer it knows (hvac among them), it reads leniently and changes its input. The tests hold our envelopes
to it as an independent verifier. Source: DSSE v1.0.2 (pre-authentication encoding), RFC 8032.
"""

from dataclasses import dataclass
from typing import Any

from bootstrap.ledger import canonical
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError, EvidenceError
from bootstrap.ports import Signer

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """The public half of the ledger key: 32 bytes, and ``key_id`` as hex SHA-256 of its DER (RFC 8410)."""

    raw: bytes
    key_id: str

    @classmethod
    def parse(cls, pem: bytes, where: str = layout.LEDGER_KEY) -> "PublicKey":
        """DefinitionError E_KEY_FORMAT unless ``pem`` is a PEM ed25519 public key."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise DefinitionError(
                f"{where} is not a PEM ed25519 public key",
                code="E_KEY_FORMAT",
                where=where,
                hint="take ledger.pub from keys/ of the intent repository",
            )
        raw = key.public_bytes_raw()
        return cls(raw=raw, key_id=key_id(raw))

    def accepts(self, signature: bytes, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except InvalidSignature:
            return False
        return True


def key_id(raw: bytes) -> str:
    """Hex SHA-256 of an ed25519 key's SubjectPublicKeyInfo: 12 fixed bytes, then the 32 ``raw`` ones."""
    return canonical.sha256(bytes.fromhex("302a300506032b6570032100") + raw)


def pae(payload: bytes) -> bytes:
    """Pre-authentication encoding: the bytes that are signed."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, signer: Signer) -> bytes:
    """Canonical bytes of the envelope around ``payload``."""
    signature = {"keyid": signer.key_id, "sig": canonical.encode(signer.sign(pae(payload)))}
    return canonical.dumps(
        {"payload": canonical.encode(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    )


def open_envelope(data: bytes, key: PublicKey, what: str) -> bytes:
    """The payload. EvidenceError E_SIG for another key, payload type, shape, or a signature that fails."""
    value = canonical.loads(data, what, code="E_SIG")
    payload, signature = _parts(value, key, what)
    if not key.accepts(signature, pae(payload)):
        raise _bad("the signature does not fit the payload", what)
    return payload


def signed_by_another(data: bytes, key: PublicKey) -> bool:
    """True for an envelope that names a key that is not ``key``; nothing is verified."""
    try:
        signatures = canonical.loads(data, "envelope", code="E_SIG")["signatures"]
        return bool(signatures) and all(each["keyid"] != key.key_id for each in signatures)
    except (EvidenceError, KeyError, TypeError):
        return False


def peek(data: bytes, what: str) -> bytes:
    """The payload without checking any signature: for showing only, never for trusting."""
    value = canonical.loads(data, what, code="E_SIG")
    try:
        return canonical.decode(value["payload"])
    except (KeyError, TypeError, ValueError):
        raise _bad("it is not a DSSE envelope", what) from None


def _parts(value: Any, key: PublicKey, what: str) -> tuple[bytes, bytes]:
    try:
        if set(value) != {"payload", "payloadType", "signatures"}:
            raise _bad("it is not a DSSE envelope", what)
        if value["payloadType"] != PAYLOAD_TYPE:
            raise _bad(f"its payload type is not {PAYLOAD_TYPE}", what)
        (signature,) = value["signatures"]
        if set(signature) != {"keyid", "sig"}:
            raise _bad("its signature has other members than keyid and sig", what)
        if signature["keyid"] != key.key_id:
            hint = (
                f"the signature names key {str(signature['keyid'])[:16]}, ledger.pub is {key.key_id[:16]}: give keys/"
                " of the repository that this platform was made from; if that is it, the bundle is another platform's"
            )
            raise _bad("it is signed by another key than keys/ledger.pub", what, hint)
        return canonical.decode(value["payload"]), canonical.decode(signature["sig"])
    except (KeyError, TypeError, ValueError):
        raise _bad("it is not a DSSE envelope with exactly one signature", what) from None


def _bad(why: str, what: str, hint: str = "") -> EvidenceError:
    return EvidenceError(f"{what}: {why}", code="E_SIG", where=what, hint=hint)
