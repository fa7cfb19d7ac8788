"""Which parts of an OpenPGP key may open a message now, and what to do about a part that may not (S1)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bootstrap.model.errors import PreconditionError

if TYPE_CHECKING:
    from pysequoia import Cert


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The primary key, or the primary key with one subkey: a key of its own to the library.

    The library opens with one encryption subkey of a key only, so each is tried by itself.
    """

    key_id: str  # 16 hex digits, upper case
    packets: tuple[Any, ...]  # pysequoia.packet.Packet
    why_not: str  # "" when it may be used
    hint: str = ""
    ends: datetime | None = None


def parts(key: bytes, fingerprint: str, now: datetime | None = None) -> tuple[Part, ...]:
    """The parts of a secret key that are made for encryption, usable or not."""
    from pysequoia.packet import PacketPile, Tag

    packets = list(PacketPile.from_bytes(key))
    starts = [n for n, p in enumerate(packets) if p.tag in (Tag.SecretSubkey, Tag.PublicSubkey)]
    head = packets[: starts[0] if starts else len(packets)]
    groups = [packets[a:b] for a, b in pairwise([*starts, len(packets)])]
    moment = now or datetime.now(UTC)
    found = [_part((), head, fingerprint, moment), *(_part(head, g, fingerprint, moment) for g in groups)]
    return tuple(part for part in found if part is not None)


def _part(head: Sequence[Any], group: Sequence[Any], fingerprint: str, now: datetime) -> Part | None:
    from pysequoia.packet import SignatureType, Tag

    key = group[0]
    signatures = [p for p in group if p.tag == Tag.Signature and p.signature_created]
    revoked = any(s.signature_type == SignatureType.SubkeyRevocation for s in signatures)
    flagged = sorted((s for s in signatures if s.key_flags), key=lambda s: s.signature_created)
    if not flagged:
        return None
    latest = flagged[-1]
    if not (latest.key_flags.transport_encryption or latest.key_flags.storage_encryption):
        return None
    validity = latest.key_validity_period
    ends = key.key_created + validity if validity and head else None
    why_not, hint = "", ""
    if revoked:
        why_not = f"its encryption subkey {str(key.key_id).upper()} is revoked"
        hint = f"give it a new one: gpg --quick-add-key {fingerprint} cv25519 encr; encrypt the files again"
    elif ends and ends <= now:
        why_not = f"its encryption subkey {str(key.key_id).upper()} expired on {ends:%Y-%m-%d}"
        hint = f"gpg --quick-set-expire {fingerprint} 2y {str(key.fingerprint).upper()}, then export the key again"
    packets = (*head, *group)
    return Part(key_id=str(key.key_id).upper(), packets=packets, why_not=why_not, hint=hint, ends=ends)


def endings(armored: str) -> Iterator[tuple[str, datetime]]:
    """Fingerprint of each certificate in a text that ends, and when the first part of it does that encrypts, or the
    whole."""
    from bootstrap.adapters.openpgp.keys import certificates

    for certificate in certificates(armored):
        name = str(certificate.fingerprint).upper()
        found = [part.ends for part in parts(bytes(certificate), name)]
        known = [end for end in (certificate.expiration, *found) if end is not None]
        if known:
            yield name, min(known)


def check_alive(certificate: "Cert", fingerprint: str) -> None:
    """Raises PreconditionError E_PGP_STATE for a key that is revoked or expired as a whole."""
    try:
        revoked, ends = certificate.is_revoked, certificate.expiration
    except RuntimeError:  # no self-signature counts at this time
        raise not_yet(fingerprint) from None
    if revoked:
        raise state(
            fingerprint, "is revoked", "encrypt the repository to another key, and give that one with --root"
        )
    if ends and ends <= datetime.now(UTC):
        hint = f"gpg --quick-set-expire {fingerprint} 2y, the same with '*' for its subkeys, then export it again"
        raise state(fingerprint, f"expired on {ends:%Y-%m-%d}", hint)


def no_part(found: Sequence[Part], fingerprint: str) -> PreconditionError:
    """Why a key opens nothing at all."""
    if found:
        return state(fingerprint, f"cannot be used: {found[-1].why_not}", found[-1].hint)
    hint = f"gpg --quick-add-key {fingerprint} cv25519 encr, then export the key again"
    return state(fingerprint, "has no encryption subkey", hint)


def not_yet(fingerprint: str = "") -> PreconditionError:
    return state(fingerprint, "is made in the future", "look at the clock of this machine: date --utc")


def state(fingerprint: str, why: str, hint: str) -> PreconditionError:
    name = f"the OpenPGP key {fingerprint}".strip()
    return PreconditionError(f"{name} {why}", code="E_PGP_STATE", where=fingerprint or "--root", hint=hint)
