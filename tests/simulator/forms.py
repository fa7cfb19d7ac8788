"""What the simulated Vault accepts by its form: certificates, OpenPGP keys, policies."""

import base64
import re
from datetime import datetime

from bootstrap.model.sensitive import Sensitive


def is_policy(text: Sensitive | str) -> bool:
    """Of its form, as far as a test tells it: blocks of paths whose capabilities there are."""
    said = text.reveal().decode() if isinstance(text, Sensitive) else text
    known = "create|read|update|patch|delete|list|sudo|deny|subscribe|recover"
    words = rf'"(?:{known})"(?:\s*,\s*"(?:{known})")*'
    block = rf'(?:#[^\n]*\s*)*path\s+"[^"]*"\s*{{\s*capabilities\s*=\s*\[\s*{words}\s*,?\s*\][^}}]*}}\s*'
    return re.fullmatch(rf"\s*(?:{block})*", said) is not None


def is_certificate(key: bytes) -> bool:
    """A binary OpenPGP certificate, whatever it is good for."""
    from pysequoia import Cert

    try:
        return bool(key and key[0] & 0x80 and Cert.from_bytes(key))
    except RuntimeError:
        return False


def takes_messages(key: bytes) -> bool:
    """One that can be encrypted to."""
    from pysequoia import Cert, encrypt

    if not is_certificate(key):
        return False
    try:
        encrypt(b"probe", recipients=[Cert.from_bytes(key)])
    except RuntimeError:
        return False
    return True


def names_of(certificate: bytes) -> list[str]:
    from cryptography.x509 import DNSName, SubjectAlternativeName, load_pem_x509_certificate

    extension = load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
        SubjectAlternativeName
    )
    return extension.value.get_values_for_type(DNSName)


def der(pem: bytes) -> bytes:
    """Of the first certificate."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def ends(certificate: bytes) -> datetime:
    """DER."""
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(certificate).not_valid_after_utc


def fingerprint(key: str) -> str:
    """Of a certificate in base64, as Vault says it."""
    from pysequoia import Cert

    return str(Cert.from_bytes(base64.b64decode(key)).fingerprint).lower()


def is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text))
    except ValueError:
        return False
