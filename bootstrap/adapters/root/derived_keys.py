"""The keys under the root: unseal, ledger, commitment, Vault CA (S1, docs/explanation/trust.md).

Their private halves lie in Git, encrypted to the root; here they exist in memory only.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.ledger import envelope
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError, EvidenceError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import Certificate, CertificateBuilder, GeneralName, KeyUsage, Name

UNSEAL_USER = "bootstrap unseal"
CA_NAME = "bootstrap Vault CA"
INTERMEDIATE_NAME = "bootstrap Vault intermediate"
CA_YEARS = 20
# Clocks of a new cluster differ by minutes: a certificate is valid a little before it is made.
CLOCK_SKEW = timedelta(minutes=10)


class PgpUnsealKey(openpgp.PgpKey):
    """``UnsealKey``: the OpenPGP key to which Vault encrypts its share and its root token."""

    def __init__(self, secret: Sensitive) -> None:
        super().__init__(secret)


class LedgerSigner:
    """``Signer``: ed25519 from a PKCS8 PEM. ``key_id`` is the SHA-256 of the public key's DER, in hex."""

    def __init__(self, pem: Sensitive) -> None:
        self._key = _ed25519(pem)

    @property
    def key_id(self) -> str:
        return envelope.key_id(self._key.public_key().public_bytes_raw())

    @property
    def public(self) -> bytes:
        """The public half, PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class Commitment:
    """Keyed commitments: they prove that two values are equal, and a weak one cannot be guessed from them (H4)."""

    def __init__(self, key: Sensitive) -> None:
        try:
            self._key = Sensitive(bytes.fromhex(key.reveal().decode("ascii").strip()), "commitment key")
        except ValueError:
            raise _key_form("commitment") from None
        if len(self._key.reveal()) != 32:
            raise _key_form("commitment")

    def commit(self, cluster_uid: str, name: str, field: str, value: Sensitive) -> str:
        """HMAC-SHA256 in hex, bound to the cluster, the secret's name and the field."""
        head = b"\0".join((b"bootstrap/v1", cluster_uid.encode(), name.encode(), field.encode(), b""))
        return hmac.new(self._key.reveal(), head + value.reveal(), hashlib.sha256).hexdigest()


class CertificateAuthority:
    """The Vault CA: makes leaf certificates in memory."""

    def __init__(self, key: Sensitive, certificate: bytes) -> None:
        from cryptography.x509 import load_pem_x509_certificate

        self._key = _ec(key)
        try:
            self._certificate = load_pem_x509_certificate(certificate)
        except ValueError:
            raise _key_form("vault-ca") from None
        if self._certificate.public_key() != self._key.public_key():
            raise DefinitionError(
                "keys/vault-ca.crt does not belong to the CA key of encrypted/root-material",
                code="E_KEY_PAIR",
                where=layout.CA_CERTIFICATE,
                hint="both come from one run of bootstrap keygen",
            )

    def issue(self, names: Sequence[str], ips: Sequence[str] = (), days: int = 90) -> tuple[bytes, Sensitive]:
        """A server certificate (PEM) for DNS ``names`` and ``ips``, and its key (PKCS8 PEM).

        Names are spelt out: OpenSSL takes no star in front of a single label.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        builder = _builder(names[0], self._certificate.subject, timedelta(days=days)).public_key(
            key.public_key()
        )
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, _sha256())
        )
        return _pem(certificate), _private_pem(key, f"key of {names[0]}")

    def sign_intermediate(self, request: bytes, names: Sequence[str], seconds: int) -> bytes:
        """A CA (PEM) for the key of a signing request: it signs server certificates alone, and no other CA; its
        leaves hold for DNS ``names``, what is below them, and 127.0.0.1."""
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = _requested(request)
        allowed: list[GeneralName] = [x509.DNSName(name) for name in names]
        allowed.append(x509.IPAddress(ipaddress.ip_network("127.0.0.1/32")))
        builder = _builder(INTERMEDIATE_NAME, self._certificate.subject, timedelta(seconds=seconds))
        certificate = (
            builder.public_key(key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.NameConstraints(permitted_subtrees=allowed, excluded_subtrees=None), critical=True
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, _sha256())
        )
        return _pem(certificate)


def _requested(request: bytes) -> "EllipticCurvePublicKey":
    """The key of a signing request (PEM) that was signed by it."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    try:
        asked = x509.load_pem_x509_csr(request)
        key = asked.public_key()
        if asked.is_signature_valid and isinstance(key, EllipticCurvePublicKey):
            return key
    except ValueError:
        pass
    raise EvidenceError(
        "Vault's signing request is none",
        code="E_CERTIFICATE",
        hint="`bootstrap up` asks for another one; Vault's log says more",
    )


# ---------------------------------------------------------------- making them (keygen)


def generate_unseal() -> tuple[Sensitive, bytes]:
    """Armored secret key and armored certificate."""
    secret = openpgp.generate(UNSEAL_USER)
    return secret, PgpUnsealKey(secret).armored_certificate


def generate_ledger() -> tuple[Sensitive, bytes]:
    """PKCS8 PEM and public PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = _private_pem(Ed25519PrivateKey.generate(), "ledger key")
    return pem, LedgerSigner(pem).public


def generate_commitment() -> Sensitive:
    """32 random bytes as 64 hex characters."""
    return Sensitive(secrets.token_hex(32).encode(), "commitment key")


def generate_ca(name: str = CA_NAME) -> tuple[Sensitive, bytes]:
    """EC P-256 key (PKCS8 PEM) and its self-signed certificate (PEM)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(name, None, timedelta(days=365 * CA_YEARS))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, _sha256())
    )
    return _private_pem(key, "Vault CA key"), _pem(certificate)


def generate_password(length: int = 32) -> Sensitive:
    """Letters and digits only, so that no reader has to quote it."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return Sensitive("".join(secrets.choice(letters) for _ in range(length)).encode(), "password")


def generate_bytes(length: int) -> Sensitive:
    return Sensitive(secrets.token_bytes(length), "random bytes")


def now() -> datetime:
    """By which certificates are made."""
    return datetime.now(UTC)


def _builder(name: str, issuer: "Name | None", life: timedelta) -> "CertificateBuilder":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    # RFC 5280 ends a common name after 64 characters; the names that count are the alternatives.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    moment = now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - CLOCK_SKEW)
        .not_valid_after(moment + life)
    )


def _usage(*, ca: bool) -> "KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _sha256() -> "SHA256":
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


def _pem(certificate: "Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _private_pem(key: "EllipticCurvePrivateKey | Ed25519PrivateKey", label: str) -> Sensitive:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Sensitive(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), label)


def _ed25519(pem: Sensitive) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.reveal(), None)
    except (ValueError, TypeError):
        raise _key_form("ledger") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _key_form("ledger")
    return key


def _ec(pem: Sensitive) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.reveal(), None)
    except (ValueError, TypeError):
        raise _key_form("vault-ca") from None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise _key_form("vault-ca")
    return key


def _key_form(name: str) -> DefinitionError:
    return DefinitionError(
        f"the {name} key is not of the form that bootstrap keygen writes",
        code="E_KEY_FORM",
        where=f"{layout.ROOT_MATERIAL}/{name}",
        hint="take it from an older commit",
    )
