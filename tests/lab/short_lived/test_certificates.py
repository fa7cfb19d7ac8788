"""Vault's certificates renew without a restart, and a Vault that was off for longer than they live comes back (G7).

The CA in Vault and what it signs live for minutes here.
"""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bootstrap.steps.vault.policies import RUN
from tests.lab.short_lived.conftest import LEAF, nothing_is_to_be_done
from tests.lab.support.cluster import Kube
from tests.lab.support.connections import PODS, pods, serials, served
from tests.lab.support.platform import Platform
from tests.lab.support.state import authority, sealed
from tests.lab.support.traffic import traffic
from tests.lab.support.vault import Vault, active_pod, as_root, as_run, forwarded
from tests.lab.support.waiting import until
from tests.support.program import run_bootstrap, said

pytestmark = pytest.mark.lab
WHOLE = timedelta(minutes=20)
OTHERS = (
    ("POST", "vault-pki/issue/vault-1"),
    ("POST", "vault-pki/sign/vault-0"),
    ("POST", "vault-pki/intermediate/generate/internal"),
    ("POST", "vault-pki/roles/vault-0"),
    ("GET", "vault-pki/roles/vault-0"),
    ("POST", "vault-pki/issuer/default/issue/vault-0"),
    ("POST", "auth/vault-pods/role/vault-renewer-vault-0"),
    ("GET", "auth/vault-pods/config"),
    ("GET", "secret/data/applications/orders/payment-token"),
    ("LIST", "secret/metadata"),
    ("GET", "sys/mounts"),
    ("GET", "sys/policies/acl/bootstrap-run"),
    ("PUT", "sys/policies/acl/vault-renewer-vault-0"),
    ("POST", "auth/token/create"),
    ("GET", "sys/storage/raft/snapshot"),
)


def test_g7_each_vault_serves_what_vault_made_once_up_is_done(kube: Kube, platform: Platform) -> None:
    for pod in PODS:
        with forwarded(kube, pod) as base:
            leaf = served(base, pod, authority(platform).read_bytes())
        assert leaf.issuer.rfc4514_string() == "CN=bootstrap Vault intermediate"
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        own = [n for n in names.get_values_for_type(x509.DNSName) if n.startswith("vault-")]
        assert own and all(name.startswith(f"{pod}.vault-internal") for name in own)
        assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= LEAF + timedelta(minutes=1)


def test_g7_it_is_renewed_without_a_restart_or_a_refused_connection(
    kube: Kube, platform: Platform, whole: bool
) -> None:
    """Until each has been renewed; with ``--whole`` for twenty minutes."""
    before, there, begun = serials(kube, platform), pods(kube), time.monotonic()
    pod = active_pod(kube)
    with traffic(kube, platform, pod) as told:
        seconds = until(
            lambda: all(
                b != n for b, n in zip(before.values(), serials(kube, platform).values(), strict=True)
            ),
            LEAF.seconds,
        )
        time.sleep(max(3.0, begun + (WHOLE.seconds if whole else 0) - time.monotonic()))
    print(f"all renewed after {seconds:.0f} s; {told}")
    assert told.failed == []
    assert len(told.serials) >= 2 and told.done > 100
    assert all(len(times) > seconds / 4 for times in told.refreshed.values()), told.refreshed
    assert pods(kube) == there


def test_nothing_is_to_be_done_for_it(platform: Platform) -> None:
    nothing_is_to_be_done(platform)


def test_s2_the_token_of_a_renewer_asks_for_its_own_names_and_nothing_else(
    kube: Kube, platform: Platform
) -> None:
    with forwarded(kube, active_pod(kube)) as base:
        jwt = mounted(kube, "vault-0")
        renewer = Vault(base, authority(platform), jwt, "vault-renewer-vault-0", "vault-pods")
        ask = {"common_name": "vault-0.vault-internal"}
        assert renewer._send("POST", "vault-pki/issue/vault-0", ask).status_code == 200
        other = renewer._send("POST", "vault-pki/issue/vault-0", {"common_name": "vault-1.vault-internal"})
        assert other.status_code == 400
        answers = {path: renewer._send(method, path, {}).status_code for method, path in OTHERS}
        assert set(answers.values()) == {403}, answers
        renewer.close()
        for role in ("vault-renewer-vault-1", "vault-renewer-vault-2"):
            assert "does not match any associated bound claim" in refused(renewer, role, jwt)
        assert "bound claim" in refused(renewer, renewer.role, mounted(kube, "vault-1"))
        assert "(aud)" in refused(renewer, renewer.role, kube.token("vault", "vault", "vault", "vault-0"))
        assert "not found" in refused(renewer, renewer.role, kube.token("vault", "vault", "vault-renewer"))
        assert "(sub)" in refused(renewer, renewer.role, kube.token("orders", "default", "vault-renewer"))
        renewer.login_at = "kubernetes"
        assert "invalid role name" in refused(renewer, renewer.role, jwt)


def mounted(kube: Kube, pod: str) -> str:
    """The token by which the renewer of that pod logs in."""
    return kube.run("exec", pod, "-n", "vault", "-c", "renewer", "--", "cat", "/vault/token/token").strip()


def refused(vault: Vault, role: str, jwt: str) -> str:
    answer = vault.try_login(role, jwt)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["errors"])


def test_s2_another_pod_has_that_token_nowhere(kube: Kube, platform: Platform) -> None:
    """It lives for ten minutes at most, and lies in the renewer's container alone."""
    claims = json.loads(base64.urlsafe_b64decode(mounted(kube, "vault-2").split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] <= 660
    assert claims["kubernetes.io"]["pod"]["name"] == "vault-2"
    for container in ("vault", "unsealer"):
        assert kube.try_run(
            "exec", "vault-2", "-n", "vault", "-c", container, "--", "ls", "/vault/token"
        ).returncode


@pytest.mark.whole
def test_s2_a_platform_of_an_earlier_version_gets_that_login_by_one_up(
    kube: Kube, platform: Platform
) -> None:
    """Its roles let each pod of Vault in, and the run's policy knew nothing of another login."""
    earlier = "\n".join(line for line in RUN.splitlines() if "vault-pods" not in line)
    old = [f"auth/kubernetes/role/vault-renewer-{pod}" for pod in PODS]
    with as_root(kube, authority(platform), active_pod(kube)) as root:
        assert root.ask("DELETE", "sys/auth/vault-pods").status_code == 204
        assert root.ask("PUT", "sys/policies/acl/bootstrap-run", {"policy": earlier}).status_code == 204
        for path in old:
            body = {"bound_service_account_names": ["vault"], "bound_service_account_namespaces": ["vault"]}
            assert root.ask("POST", path, body).status_code in (200, 204)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    with as_run(kube, authority(platform), active_pod(kube)) as vault:
        assert {path: vault.ask("GET", path).status_code for path in old} == dict.fromkeys(old, 404)
    before = serials(kube, platform)
    until(lambda: not set(before.values()) & set(serials(kube, platform).values()), LEAF.seconds)
    proven = run_bootstrap("verify", *platform.to_cluster())
    assert proven.returncode == 0, said(proven)


# ---------------------------------------------------------------- off for longer than a life


PEM = serialization.Encoding.PEM
USES = x509.KeyUsage(  # of a CA; Vault changes no issuer that may not sign lists
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def in_the_past(
    platform: Platform, name: str, key: ec.EllipticCurvePublicKey, *more: x509.ExtensionType
) -> bytes:
    """PEM, of the CA of the commit: for a year that ended an hour ago."""
    own = serialization.load_pem_private_key(
        platform.sources.open_raw("encrypted/root-material/vault-ca.age"), None
    )
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    ca = x509.load_pem_x509_certificate(authority(platform).read_bytes())
    ends = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)]))
        .issuer_name(ca.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), critical=False)
    )
    for extension in more:
        made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return made.sign(own, hashes.SHA256()).public_bytes(PEM)


def expired(platform: Platform, pod: str) -> tuple[bytes, bytes]:
    """(certificate, key) as `up` makes them."""
    own = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(name) for name in (f"{pod}.vault-internal", "vault.vault.svc", "localhost")]
    made = in_the_past(platform, names[0].value, own.public_key(), x509.SubjectAlternativeName(names))
    text = own.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made, text


def let_the_ca_in_vault_end(kube: Kube, platform: Platform) -> None:
    """Another one takes its place, which has ended; nobody but the CA of the commit can make one that has not."""
    name = "bootstrap Vault intermediate"
    with as_root(kube, authority(platform), active_pod(kube)) as root:
        body = {"common_name": name, "key_type": "ec", "key_bits": 256}
        csr = root.ask("POST", "vault-pki/intermediate/generate/internal", body).json()["data"]["csr"]
        key = x509.load_pem_x509_csr(csr.encode()).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        known = x509.SubjectKeyIdentifier.from_public_key(key)
        made = in_the_past(platform, name, key, basic, known, USES).decode()
        taken = root.ask("POST", "vault-pki/intermediate/set-signed", {"certificate": made})
        (issuer,) = taken.json()["data"]["imported_issuers"]
        assert root.ask("POST", "vault-pki/config/issuers", {"default": issuer}).status_code == 200
        ends = {"leaf_not_after_behavior": "truncate"}
        assert root.ask("POST", "vault-pki/issuer/default", ends).status_code == 200


def all_off_with_old_ones(kube: Kube, platform: Platform) -> None:
    """The first certificates have ended, and those that Vault made are gone with their pods."""
    data = {}
    for pod in PODS:
        certificate, key = expired(platform, pod)
        ends = f"{datetime.now(UTC).timestamp() - 3600:.0f}\n".encode()
        for name, content in (("crt", certificate), ("key", key), ("until", ends)):
            data[f"{pod}.{name}"] = base64.b64encode(content).decode()
    kube.run("patch", "secret", "vault-tls", "-n", "vault", "-p", json.dumps({"data": data}))
    gone = {pod: uid for pod, (uid, _) in pods(kube).items()}
    kube.run("delete", "pods", "-n", "vault", *PODS, "--grace-period=1", "--wait=false")
    until(
        lambda: all((p := kube.get("pod", n, "vault")) and p["metadata"]["uid"] != gone[n] for n in PODS), 120
    )


def valid(kube: Kube, platform: Platform) -> bool:
    try:
        return len(serials(kube, platform)) == len(PODS)
    except (OSError, AssertionError):
        return False


def is_ready(kube: Kube, pod: str) -> bool:
    """Unsealed: the kubelet asks, and trusts any certificate."""
    statuses = kube.need("pod", pod, "vault")["status"].get("containerStatuses", [])
    return any(each["name"] == "vault" and each["ready"] for each in statuses)


@pytest.mark.whole
def test_g7_all_off_until_everything_has_expired_it_comes_back_by_itself(
    kube: Kube, platform: Platform
) -> None:
    all_off_with_old_ones(kube, platform)
    print(f"every node serves a valid certificate after {until(lambda: valid(kube, platform), 240):.0f} s")
    assert sealed(kube) == []


@pytest.mark.whole
def test_g7_where_no_renewer_comes_through_up_puts_it_right(kube: Kube, platform: Platform) -> None:
    with as_root(kube, authority(platform), active_pod(kube)) as root:
        for pod in PODS:
            assert root.ask("DELETE", f"auth/vault-pods/role/vault-renewer-{pod}").status_code == 204
    all_off_with_old_ones(kube, platform)
    time.sleep(30)
    assert not valid(kube, platform)
    status = run_bootstrap("status", *platform.to_cluster())
    assert "has EXPIRED" in status.stdout, said(status)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert valid(kube, platform)
    proven = run_bootstrap("verify", *platform.to_cluster())
    assert proven.returncode == 0, said(proven)


@pytest.mark.whole
def test_g7_all_off_for_400_days_up_puts_it_right(kube: Kube, platform: Platform) -> None:
    """Whatever was made has ended, in the past: what the pods start with, what they served, and the CA in Vault."""
    let_the_ca_in_vault_end(kube, platform)
    all_off_with_old_ones(kube, platform)
    until(lambda: all(is_ready(kube, pod) for pod in PODS), 240)  # no certificate keeps an unsealer out
    assert not valid(kube, platform)
    horizon = run_bootstrap("doctor", "--horizon", "1d", *platform.to_cluster())
    assert "vault-0 serves: has ENDED" in horizon.stdout, said(horizon)
    assert "are left out: no Vault node is active" in horizon.stdout, said(horizon)  # none is trusted
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert valid(kube, platform)
    proven = run_bootstrap("verify", *platform.to_cluster())
    assert proven.returncode == 0, said(proven)
    nothing_is_to_be_done(platform)


def test_s2_no_key_and_no_token_is_left_where_others_read(kube: Kube, platform: Platform) -> None:
    def gone(pod: str) -> bool:
        left = kube.run("exec", pod, "-n", "vault", "-c", "renewer", "--", "ls", "-A", "/vault/renewer")
        return not {".vault-token", "issued"} & {*left.split()}

    for pod in PODS:
        assert "PRIVATE KEY" not in kube.run("logs", pod, "-n", "vault", "-c", "renewer")
        until(partial(gone, pod), 30)  # they are there while it asks
