"""DSSE: one ed25519 signature, by the ledger key or by Vault's, over exact bytes, in canonical JSON.

The envelope is written here rather than with securesystemslib's ``Envelope``: importing that loads every
signer it knows (hvac among them), it reads leniently and changes its input. The tests hold our envelopes
to it as an independent verifier. Source: DSSE v1.0.2 (pre-authentication encoding), RFC 8032.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bootstrap.ledger import canonical
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError, EvidenceError
from bootstrap.ports import Signer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_KEY_ID = b'"keyid":"'


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """The public half of an ed25519 key: 32 bytes, and ``key_id`` as hex SHA-256 of its DER (RFC 8410)."""

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

        try:
            _verifier(self.raw).verify(signature, data)
        except InvalidSignature:
            return False
        return True


@cache
def _verifier(raw: bytes) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(raw)


def key_id(raw: bytes) -> str:
    """Hex SHA-256 of an ed25519 key's SubjectPublicKeyInfo: 12 fixed bytes, then the 32 ``raw`` ones."""
    return canonical.sha256(bytes.fromhex("302a300506032b6570032100") + raw)


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, signer: Signer) -> bytes:
    """Canonical bytes of the envelope around ``payload``."""
    signature = {"keyid": signer.key_id, "sig": canonical.encode(signer.sign(pae(payload)))}
    return canonical.dumps(
        {"payload": canonical.encode(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    )


def open_envelope(data: bytes, key: PublicKey, what: str) -> bytes:
    """The payload. EvidenceError E_SIG for another key, payload type, shape, or a signature that fails."""
    payload, signature = _parts(data, key, what)
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


def accepts(data: bytes, key: PublicKey, what: str) -> bool:
    """Whether ``open_envelope`` would give the payload."""
    try:
        open_envelope(data, key, what)
    except EvidenceError:
        return False
    return True


def names_key(data: bytes, key: PublicKey) -> bool:
    """Whether a canonical envelope names ``key`` as its own; nothing is verified."""
    return data.rpartition(_KEY_ID)[2].startswith(key.key_id.encode())


def peek(data: bytes, what: str) -> bytes:
    """The payload without checking any signature: for showing only, never for trusting."""
    value = canonical.loads(data, what, code="E_SIG")
    try:
        return canonical.decode(value["payload"])
    except (KeyError, TypeError, ValueError):
        raise _bad("it is not a DSSE envelope", what) from None


def _parts(data: bytes, key: PublicKey, what: str) -> tuple[bytes, bytes]:
    """Payload and signature, where the envelope is the canonical one of this key."""
    found = _form(key.key_id).fullmatch(data)
    if found is None:
        raise _misshapen(canonical.loads(data, what, code="E_SIG"), key, what)
    try:
        return canonical.decode(found[1].decode()), canonical.decode(found[2].decode())
    except ValueError:
        raise _bad("it is not a DSSE envelope with exactly one signature", what) from None


@cache
def _form(key_id: str) -> re.Pattern[bytes]:
    """Base64 stands in JSON as it is, so an envelope of one key has one canonical form."""
    text = '{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}'
    parts = re.escape(text) % ("([A-Za-z0-9+/=]*)", re.escape(PAYLOAD_TYPE), key_id, "([A-Za-z0-9+/=]*)")
    return re.compile(parts.encode())


def _misshapen(value: Any, key: PublicKey, what: str) -> EvidenceError:
    """What of canonical JSON is not as in an envelope of this key."""
    try:
        if set(value) != {"payload", "payloadType", "signatures"}:
            return _bad("it is not a DSSE envelope", what)
        if value["payloadType"] != PAYLOAD_TYPE:
            return _bad(f"its payload type is not {PAYLOAD_TYPE}", what)
        (signature,) = value["signatures"]
        if set(signature) != {"keyid", "sig"}:
            return _bad("its signature has other members than keyid and sig", what)
        if signature["keyid"] != key.key_id:
            hint = (
                f"the signature names key {str(signature['keyid'])[:16]}, ledger.pub is {key.key_id[:16]}: give keys/"
                " of the repository that this platform was made from; if that is it, the bundle is another platform's"
            )
            return _bad("it is signed by another key than keys/ledger.pub", what, hint)
    except (KeyError, TypeError, ValueError):
        pass
    return _bad("it is not a DSSE envelope with exactly one signature", what)


def _bad(why: str, what: str, hint: str = "") -> EvidenceError:
    return EvidenceError(f"{what}: {why}", code="E_SIG", where=what, hint=hint)
