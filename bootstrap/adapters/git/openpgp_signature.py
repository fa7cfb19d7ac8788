"""Detached OpenPGP signatures as ``git`` makes them, judged by pysequoia with the pinned certificates alone.

A key counts as it was when the signature was made (RFC 9580, 5.2.3): that it expired later does not undo it, that
it was revoked as compromised does. ``gpg`` forgets how a key was before it was renewed, so its signatures from
before hold by the certificate of that time only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pysequoia import Cert

BEGIN: Final = (b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN PGP MESSAGE-----")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """``issuer`` is the key that the signature names, "" for none; ``pinned`` whether a certificate has it."""

    issuer: str
    pinned: bool
    certificate: str = ""  # fingerprint of the certificate by which it holds; "" where it does not


def judge(armored: bytes, payload: bytes, certificates: Sequence["Cert"]) -> Judged:
    """ValueError for anything but one signature."""
    from pysequoia import Sig, verify

    try:
        signature = Sig.from_bytes(armored)
    except Exception:  # noqa: BLE001  # the library's errors have no common base
        raise ValueError("no OpenPGP signature") from None
    issuer = (signature.issuer_fingerprint or signature.issuer_key_id or "").lower()
    keys = {str(cert.fingerprint).lower(): _keys(cert) for cert in certificates}
    pinned = any(issuer and key.endswith(issuer) for found in keys.values() for key in found)
    if not pinned:
        return Judged(issuer=issuer.upper(), pinned=False)
    try:
        valid = verify(bytes=payload, store=lambda _: list(certificates), signature=signature).valid_sigs
    except Exception:  # noqa: BLE001  # likewise; its text is a trace of the library
        valid = []
    good = [str(one.certificate).lower() for one in valid if str(one.certificate).lower() in keys]
    return Judged(issuer=issuer.upper(), pinned=True, certificate=good[0].upper() if good else "")


def _keys(cert: "Cert") -> list[str]:
    """Fingerprints of its primary key and subkeys."""
    from pysequoia.packet import PacketPile, Tag

    packets = PacketPile.from_bytes(bytes(cert))
    return [str(p.fingerprint).lower() for p in packets if p.tag in (Tag.PublicKey, Tag.PublicSubkey)]
