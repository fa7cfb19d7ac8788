"""What counts of a certificate: who made it for whom, and how much of its life is left (G7)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

DUE: Final = 1 / 3  # of a life that is left: it is renewed
LATE: Final = 1 / 7  # the same: what should have renewed it did not


@dataclass(frozen=True, slots=True)
class Certificate:
    """``since`` and ``until`` are UTC; names as RFC 4514 writes them; ``serial`` in hex. ``key`` is the SHA-1 of its
    public key in hex, as RFC 5280 names keys (4.2.1.2), ``issuer_key`` that of who made it, or empty where it names
    none."""

    subject: str
    issuer: str
    key: str
    issuer_key: str
    serial: str
    since: datetime
    until: datetime

    def left(self, now: datetime) -> float:
        """The part of its life that is left; 0 or less once it has expired."""
        return (self.until - now) / (self.until - self.since)

    def names_as_issuer(self, authority: "Certificate | None") -> bool:
        """By name and by key: two CAs may have one name. Whether it is so, the signature says alone."""
        if authority is None:
            return False
        return (self.issuer, self.issuer_key) == (authority.subject, authority.key)

    def days(self, now: datetime) -> float:
        return (self.until - now).total_seconds() / 86400


_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def each_of(pem: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM text, each alone and with a line end. Of ``keys/vault-ca.crt``: the CAs that are
    trusted, of which the first one signs."""
    return tuple(found + b"\n" for found in _PEM.findall(pem))


def is_due(certificate: Certificate | None, now: datetime) -> bool:
    """Whether it is renewed now; one that is not there is."""
    return certificate is None or certificate.left(now) < DUE
