"""The PKI mount of the simulated Vault: one key at a time, signed elsewhere, and the certificates that it makes."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from bootstrap.adapters.vault.certificates import X509Certificates
from bootstrap.model.errors import Transient
from bootstrap.model.names import POD_LOGIN
from bootstrap.ports import Answer
from bootstrap.steps.vault.pod_login import CONFIG

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from tests.simulator.cluster import SimulatedCluster
    from tests.simulator.vault import Call

MOUNT = "vault-pki"


@dataclass
class Issuer:
    certificate: str
    key: "EllipticCurvePrivateKey"
    behavior: str = "err"


@dataclass
class Pki:
    waiting: list["EllipticCurvePrivateKey"] = field(default_factory=list)  # keys without a certificate
    issuers: dict[str, Issuer] = field(default_factory=dict)
    default: str = ""

    def leaf(self, names: list[str], seconds: int, now: datetime) -> bytes:
        """DER, made then."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        issuer = self.issuers[self.default]
        authority = x509.load_pem_x509_certificate(issuer.certificate.encode())
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])]))
            .issuer_name(authority.subject)
            .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(seconds=seconds))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),  # type: ignore[arg-type]  # an EC key
                critical=False,
            )
            .sign(issuer.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.DER)


@cache
def is_trusted(leaf: bytes, made: tuple[bytes, ...], authorities: tuple[bytes, ...]) -> bool:
    """Whether a client that trusts ``authorities`` takes the leaf (DER), served with that of ``made`` which made it."""
    signed = X509Certificates().is_signed_by
    chained = [each for each in made if any(signed(each, one) for one in authorities)]
    return any(signed(leaf, each) for each in (*authorities, *chained))


def answer(call: "Call") -> Answer:
    pki, path = call.store.pki, call.path.removeprefix(f"{MOUNT}/")
    if f"{MOUNT}/" not in call.store.mounts:
        return call.no(404, f'no handler for route "{call.path}". route entry not found.')
    match path, call.reads:
        case "intermediate/generate/internal", False:
            return call.ok(
                {"csr": _request(pki, str(call.body["common_name"])), "key_id": secrets.token_hex(8)}
            )
        case "intermediate/set-signed", False:
            return _signed(call, pki)
        case "config/issuers", True:
            return call.ok({"default": pki.default})
        case "config/issuers", False:
            if call.body.get("default") not in pki.issuers:
                return call.no(400, "unable to find PKI issuer for reference")
            pki.default = str(call.body["default"])
            return call.ok({"default": pki.default})
        case "issuer/default/json", True:
            return _open(call, pki)
        case "issuer/default", _:
            return _default(call, pki)
    if path.startswith("roles/"):
        return _role(call)
    raise AssertionError(f"the simulator was not taught {call.method} {call.path}")


def _request(pki: Pki, name: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pki.waiting.append(key)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _signed(call: "Call", pki: Pki) -> Answer:
    from cryptography import x509

    text = str(call.body["certificate"])
    try:
        public = x509.load_pem_x509_certificate(text.encode()).public_key()
    except ValueError:
        return call.no(400, "error parsing certificate")
    key = next((k for k in pki.waiting if k.public_key() == public), None)
    if key is None:
        return call.no(400, "no key of it is here")
    name = secrets.token_hex(8)
    pki.issuers[name] = Issuer(text, key)
    pki.default = pki.default or name
    return call.ok({"imported_issuers": [name], "mapping": {name: "key"}})


def _default(call: "Call", pki: Pki) -> Answer:
    issuer = _chosen(call, pki)
    if not call.reads:
        issuer.behavior = str(call.body.get("leaf_not_after_behavior", "err"))
    return call.ok({"certificate": issuer.certificate, "leaf_not_after_behavior": issuer.behavior})


def _open(call: "Call", pki: Pki) -> Answer:
    """What everybody may read, without a token."""
    issuer = _chosen(call, pki)
    return call.ok({"certificate": issuer.certificate, "ca_chain": [issuer.certificate]})


def _chosen(call: "Call", pki: Pki) -> Issuer:
    issuer = pki.issuers.get(pki.default)
    if issuer is None:
        raise Transient(f"{call.path}: Vault answered 500: no default issuer", code="E_VAULT_AWAY")
    return issuer


def _role(call: "Call") -> Answer:
    """What is written is read back; the real one shows every other field too."""
    found = call.plain()
    return call.ok(call.store.plain[call.path]) if not call.reads and found.ok else found


def renewed(store: Any, pod: str, cluster: "SimulatedCluster") -> bytes | None:
    """What the renewer of a pod has got by now: nothing while it may not ask."""
    role = store.plain.get(f"{MOUNT}/roles/{pod}")
    login = store.plain.get(f"auth/{POD_LOGIN}/role/vault-renewer-{pod}")
    policy = store.plain.get(f"sys/policies/acl/vault-renewer-{pod}")
    keys = store.plain.get(CONFIG, {}).get("jwt_validation_pubkeys", ())
    if not (role and login and policy and store.pki.default and cluster.token_keys[0] in keys):
        return None
    made: bytes = store.pki.leaf(list(role["allowed_domains"]), int(role["ttl"]), cluster.now)
    return made
