"""The keys under the root: made, opened, and held to their contracts by other implementations."""

import hashlib
import hmac
import ssl
from pathlib import Path

import pysequoia
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

from bootstrap.adapters.root import derived_keys as keys
from bootstrap.adapters.vault.certificates import X509Certificates
from bootstrap.ledger.envelope import PublicKey
from bootstrap.model.errors import BootstrapError, DefinitionError, EvidenceError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from tests.support.tls_server import Authority, authority

NAMES = ["vault-0.vault-internal", "vault-0.vault-internal.vault.svc", "vault"]


def handshake(folder: Path, authority: bytes, leaf: tuple[bytes, Sensitive], name: str) -> None:
    """A whole TLS handshake in memory, with OpenSSL on both sides."""
    (folder / "crt").write_bytes(leaf[0])
    (folder / "key").write_bytes(leaf[1].reveal())
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "crt", folder / "key")
    client_side = ssl.create_default_context(cadata=authority.decode())
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(there, back, server_side=True)
    client = client_side.wrap_bio(back, there, server_hostname=name)
    waiting = [client, server]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert not waiting


def test_a_leaf_is_taken_for_its_names_and_addresses_only(tmp_path: Path) -> None:
    key, certificate = keys.generate_ca()
    leaf = keys.CertificateAuthority(key, certificate).issue(NAMES, ["127.0.0.1", "::1"], 30)
    for name in [*NAMES, "127.0.0.1", "::1"]:
        handshake(tmp_path, certificate, leaf, name)
    for name in ("vault-1.vault-internal", "10.0.0.1"):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(tmp_path, certificate, leaf, name)
    _, stranger = keys.generate_ca()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, stranger, leaf, NAMES[0])


def request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """As Vault makes one."""
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM)


@pytest.mark.parametrize("name", ["vault-0.vault-internal", "vault", "a.vault", "127.0.0.1"])
def test_g7_a_leaf_of_the_ca_in_vault_is_taken_by_whom_trusts_the_ca_alone(tmp_path: Path, name: str) -> None:
    _handshake_below(tmp_path, name)


@pytest.mark.parametrize("name", ["example.org", "vault-0.other", "vault.other.svc", "10.0.0.1", "127.0.0.2"])
def test_s2_a_leaf_of_the_ca_in_vault_for_another_s_name_is_taken_by_no_client(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake_below(tmp_path, name)


def test_s2_the_ca_in_vault_makes_no_other_ca(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake_below(tmp_path, "vault", deeper=True)


def _handshake_below(folder: Path, name: str, *, deeper: bool = False) -> None:
    key, certificate = keys.generate_ca()
    own = ec.generate_private_key(ec.SECP256R1())
    made = keys.CertificateAuthority(key, certificate).sign_intermediate(request(own), NAMES, 3600)
    below = Authority(own, x509.load_pem_x509_certificate(made))
    if deeper:
        third = authority("a third")
        signed = third.certificate_below(below)
        below, made = Authority(third.key, signed), signed.public_bytes(Encoding.PEM) + made
    leaf, leaf_key = below.leaf("vault", name)
    handshake(folder, certificate, (leaf + made, Sensitive(leaf_key)), name)


def test_what_is_no_signing_request_or_not_signed_by_its_own_key_is_refused() -> None:
    ca = keys.CertificateAuthority(*keys.generate_ca())
    asked = request(ec.generate_private_key(ec.SECP256R1()))
    der = bytearray(x509.load_pem_x509_csr(asked).public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    for wrong in (b"", b"canary", forged):
        with pytest.raises(EvidenceError) as caught:
            ca.sign_intermediate(wrong, NAMES, 60)
        assert caught.value.code == "E_CERTIFICATE"


@pytest.mark.parametrize("wrong", [b"", b"canary", b"-----BEGIN CERTIFICATE-----\ncanary\n"])
def test_what_is_no_certificate_is_named(wrong: bytes) -> None:
    with pytest.raises(EvidenceError) as caught:
        X509Certificates().read(wrong)
    assert caught.value.code == "E_CERTIFICATE"
    assert "canary" not in caught.value.message


def test_who_signed_a_certificate_is_judged_by_the_signature() -> None:
    (key, one), (_, other) = keys.generate_ca(), keys.generate_ca()
    leaf = keys.CertificateAuthority(key, one).issue(["vault"])[0]
    read = X509Certificates()
    assert read.is_signed_by(leaf, one) and not read.is_signed_by(leaf, other)


def test_a_certificate_of_another_key_is_refused() -> None:
    key, _ = keys.generate_ca()
    _, other = keys.generate_ca()
    with pytest.raises(DefinitionError) as caught:
        keys.CertificateAuthority(key, other)
    assert caught.value.code == "E_KEY_PAIR"


def test_the_ledger_key_signs_and_its_id_is_that_of_the_public_half() -> None:
    pem, public = keys.generate_ledger()
    signer = keys.LedgerSigner(pem)
    assert signer.key_id == PublicKey.parse(public).key_id
    verifier = load_pem_public_key(public)
    assert isinstance(verifier, Ed25519PublicKey)
    verifier.verify(signer.sign(b"data"), b"data")
    assert keys.LedgerSigner(keys.generate_ledger()[0]).key_id != signer.key_id


def test_a_commitment_is_the_hmac_that_is_written_down() -> None:
    key = keys.generate_commitment()
    ours = keys.Commitment(key).commit("uid-1", "orders-db", "password", Sensitive(b"hunter2"))
    message = b"bootstrap/v1\0uid-1\0orders-db\0password\0hunter2"
    assert ours == hmac.digest(bytes.fromhex(key.reveal().decode()), message, hashlib.sha256).hex()


def test_a_commitment_changes_with_each_of_its_parts() -> None:
    commit = keys.Commitment(keys.generate_commitment()).commit
    found = {
        commit(cluster, name, field, Sensitive(value))
        for cluster in ("a", "b")
        for name in ("a", "b")
        for field in ("a", "b")
        for value in (b"a", b"b", b"")
    }
    assert len(found) == 24
    assert commit("a", "b", "c", Sensitive(b"")) != keys.Commitment(keys.generate_commitment()).commit(
        "a", "b", "c", Sensitive(b"")
    )


def test_the_unseal_key_opens_what_its_certificate_sealed() -> None:
    secret, public = keys.generate_unseal()
    key = keys.PgpUnsealKey(secret)
    certificate = pysequoia.Cert.from_bytes(key.certificate)
    assert certificate.fingerprint.upper() == key.fingerprint
    assert bytes(pysequoia.Cert.from_bytes(public)) == key.certificate
    assert not key.certificate.startswith(b"-----")
    sealed = b""
    for armor in (True, False):
        sealed = pysequoia.encrypt(b"share", recipients=[certificate], armor=armor)
        assert key.decrypt(sealed) == Sensitive(b"share")
    other = keys.PgpUnsealKey(keys.generate_unseal()[0])
    with pytest.raises(PreconditionError) as caught:
        other.decrypt(sealed)
    assert caught.value.code == "E_NO_IDENTITY"


@pytest.mark.parametrize("content", [b"", b"nonsense-canary", b"00" * 31, b"zz" * 32])
def test_material_of_the_wrong_form_is_named_and_not_shown(content: bytes) -> None:
    _, certificate = keys.generate_ca()
    ledger, _ = keys.generate_ledger()
    makers = (
        lambda: keys.Commitment(Sensitive(content)),
        lambda: keys.LedgerSigner(Sensitive(content)),
        lambda: keys.CertificateAuthority(Sensitive(content), certificate),
        lambda: keys.CertificateAuthority(ledger, certificate),
    )
    for make in makers:
        with pytest.raises(BootstrapError) as caught:
            make()
        assert caught.value.code == "E_KEY_FORM"
        assert "canary" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_passwords_are_letters_and_digits_and_never_the_same() -> None:
    made = [keys.generate_password(24).reveal() for _ in range(200)]
    assert len(set(made)) == 200
    assert all(len(p) == 24 and p.isalnum() for p in made)
    assert len(set(b"".join(made))) == 62
