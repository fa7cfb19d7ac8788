"""The PKI mount: a CA whose key stays in Vault and whose certificate comes from elsewhere."""

from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bootstrap.adapters.root.derived_keys import CertificateAuthority, generate_ca
from bootstrap.model.catalog import VaultSpec
from bootstrap.model.errors import Transient
from bootstrap.steps.vault.intermediate import CHOSEN, ENDS, ISSUER, SHOWN, allowed_names, issuing
from bootstrap.steps.vault.leaves import PKI
from tests.contract.vault.running import Running, failed

SPEC = VaultSpec(version="1.21.1", image="vault")
ASK = {"common_name": "an intermediate", "key_type": "ec", "key_bits": 256}


@pytest.fixture(scope="module")
def mounted(vault: Running) -> Iterator[Running]:
    assert vault.call("POST", "sys/mounts/vault-pki", PKI.body).ok
    yield vault
    assert vault.call("DELETE", "sys/mounts/vault-pki").ok


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority(*generate_ca())


def signed(vault: Running, authority: CertificateAuthority) -> str:
    """Another CA of the mount, its certificate given back; the name that Vault has for it."""
    asked = vault.call("POST", "vault-pki/intermediate/generate/internal", ASK)
    assert asked.ok and "private_key" not in asked.data
    made = authority.sign_intermediate(asked.data["csr"].encode(), allowed_names(SPEC), 86400)
    taken = vault.call("POST", "vault-pki/intermediate/set-signed", {"certificate": made.decode()})
    assert taken.ok, taken.errors
    (name,) = taken.data["imported_issuers"]
    return str(name)


def test_before_there_is_one_none_is_chosen_and_asking_for_it_is_an_error_of_the_server(
    mounted: Running,
) -> None:
    assert mounted.call("GET", CHOSEN).data["default"] == ""
    failed(Transient, "E_VAULT_AWAY", lambda: mounted.call("GET", ISSUER))
    failed(Transient, "E_VAULT_AWAY", lambda: mounted.call("GET", SHOWN, token=None))


def test_the_first_one_is_chosen_by_itself_and_a_later_one_is_not(
    mounted: Running, authority: CertificateAuthority
) -> None:
    first = signed(mounted, authority)
    assert mounted.call("GET", CHOSEN).data["default"] == first
    second = signed(mounted, authority)
    assert mounted.call("GET", CHOSEN).data["default"] == first
    before = mounted.call("GET", ISSUER).data["certificate"]
    assert mounted.call("POST", CHOSEN, {"default": second}).ok
    assert mounted.call("GET", ISSUER).data["certificate"] != before
    assert mounted.call("POST", CHOSEN, {"default": "another"}).status >= 400


def test_the_chosen_one_is_shown_to_everybody(mounted: Running, authority: CertificateAuthority) -> None:
    assert mounted.call("POST", CHOSEN, {"default": signed(mounted, authority)}).ok
    shown = mounted.call("GET", SHOWN, token=None).data["certificate"]
    assert shown.strip() == mounted.call("GET", ISSUER).data["certificate"].strip()


def test_how_a_leaf_ends_is_read_back(mounted: Running, authority: CertificateAuthority) -> None:
    assert mounted.call("POST", CHOSEN, {"default": signed(mounted, authority)}).ok
    assert mounted.call("GET", ISSUER).data["leaf_not_after_behavior"] == "err"
    assert mounted.call("POST", ISSUER, {"leaf_not_after_behavior": "truncate"}).ok
    assert mounted.call("GET", ISSUER).data["leaf_not_after_behavior"] == "truncate"


def test_a_certificate_of_a_key_that_is_not_there_or_none_is_refused(mounted: Running) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    other = CertificateAuthority(*generate_ca())
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    pem = other.sign_intermediate(request.public_bytes(serialization.Encoding.PEM), ("vault",), 60)
    path = "vault-pki/intermediate/set-signed"
    assert mounted.call("POST", path, {"certificate": "no certificate"}).status == 400
    taken = mounted.call("POST", path, {"certificate": pem.decode()})
    assert not (taken.ok and taken.data["mapping"][taken.data["imported_issuers"][0]])


def test_a_role_is_read_back_as_it_was_written(mounted: Running) -> None:
    body = issuing(SPEC, "vault-1")
    assert mounted.call("GET", "vault-pki/roles/vault-1").status == 404
    assert mounted.call("POST", "vault-pki/roles/vault-1", body).ok
    found = mounted.call("GET", "vault-pki/roles/vault-1").data
    assert {key: found.get(key) for key in body} == body


@pytest.mark.only("real", "the simulator's renewers ask by themselves")
def test_g7_a_pod_gets_its_own_names_and_no_other(mounted: Running, authority: CertificateAuthority) -> None:
    assert mounted.call("POST", CHOSEN, {"default": signed(mounted, authority)}).ok
    assert mounted.call("POST", ISSUER, {"leaf_not_after_behavior": ENDS}).ok
    assert mounted.call("POST", "vault-pki/roles/vault-0", issuing(SPEC, "vault-0")).ok
    ask = {"common_name": "vault-0.vault-internal", "alt_names": "vault.vault.svc,localhost"}
    made = mounted.call("POST", "vault-pki/issue/vault-0", ask)
    assert made.ok and len(made.data["ca_chain"]) == 1
    for more in (
        {"common_name": "vault-1.vault-internal"},
        {"alt_names": "vault-1.vault-internal"},
        {"alt_names": "a.vault"},
        {"alt_names": "*.vault"},
        {"ip_sans": "127.0.0.1"},
        {"uri_sans": "spiffe://a"},
    ):
        assert mounted.call("POST", "vault-pki/issue/vault-0", ask | more).status == 400, more
