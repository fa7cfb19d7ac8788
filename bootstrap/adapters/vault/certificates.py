"""Certificates, read: ``Certificates`` of the ports."""

from typing import TYPE_CHECKING

from bootstrap.model.certificates import Certificate, each_of
from bootstrap.model.errors import EvidenceError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography import x509


class X509Certificates:
    """The first certificate of a PEM text, or one in DER."""

    def read(self, content: bytes | Sensitive) -> Certificate:
        """EvidenceError E_CERTIFICATE for what is none."""
        found = _loaded(content)
        return Certificate(
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            key=_key_id(found),
            issuer_key=_issuer_key_id(found),
            serial=f"{found.serial_number:x}",
            since=found.not_valid_before_utc,
            until=found.not_valid_after_utc,
        )

    def read_all(self, content: bytes | Sensitive) -> tuple[Certificate, ...]:
        """Every certificate of a PEM text; none for what holds none."""
        data = content.reveal() if isinstance(content, Sensitive) else content
        return tuple(self.read(each) for each in each_of(data))

    def is_signed_by(self, content: bytes | Sensitive, authority: bytes) -> bool:
        """Whether the key of ``authority`` signed it, and it names that one as its issuer."""
        from cryptography.exceptions import InvalidSignature

        try:
            _loaded(content).verify_directly_issued_by(_loaded(authority))
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True


def _key_id(found: "x509.Certificate") -> str:
    from cryptography.x509 import SubjectKeyIdentifier

    return SubjectKeyIdentifier.from_public_key(found.public_key()).digest.hex()


def _issuer_key_id(found: "x509.Certificate") -> str:
    from cryptography.x509 import AuthorityKeyIdentifier, ExtensionNotFound

    try:
        named = found.extensions.get_extension_for_class(AuthorityKeyIdentifier).value.key_identifier
    except ExtensionNotFound:
        return ""
    return (named or b"").hex()


def _loaded(content: bytes | Sensitive) -> "x509.Certificate":
    from cryptography import x509

    data = content.reveal() if isinstance(content, Sensitive) else content
    try:
        if data.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError:
        raise EvidenceError(
            "this is no certificate",
            code="E_CERTIFICATE",
            hint="`bootstrap up` makes Vault's certificates anew; find out what wrote this one",
        ) from None
