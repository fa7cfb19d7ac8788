"""Vault's certificates: the CA in Vault, what each pod serves, and what happens once one of them is old (G7)."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from bootstrap.model.decision import Satisfied
from bootstrap.model.errors import Transient, WorldError
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import State
from bootstrap.ports import Answer, Object, Ref
from bootstrap.steps.kinds.vault_certificates import VaultCertificates
from bootstrap.steps.kinds.vault_configuration import VaultConfiguration
from bootstrap.steps.vault import policies
from bootstrap.steps.vault.intermediate import Intermediate
from bootstrap.steps.vault.objects import certificate_names
from bootstrap.steps.vault.pod_login import IssuerKeys
from tests.simulator.first_leaves import first_leaves
from tests.simulator.hand import SimulatedHand
from tests.simulator.pki import Issuer
from tests.simulator.platform import SimulatedPlatform, opened
from tests.simulator.repeatable import repeatable
from tests.support.simulated_clock import SimulatedClock

TLS = Ref("v1", "Secret", "vault-tls", "vault")
PODS = ("vault-0", "vault-1", "vault-2")


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    """Finished."""
    made = SimulatedPlatform(tmp_path, repository)
    made.up()
    made.vault.mutations.clear()
    return made


def up(platform: SimulatedPlatform) -> int:
    return platform.up().epoch


def issuer(platform: SimulatedPlatform) -> Issuer:
    pki = platform.vault.live().pki
    return pki.issuers[pki.default]


def verdict(platform: SimulatedPlatform, claim: str = "certificates") -> tuple[State, str]:
    world = platform.world()
    try:
        (found,) = [proof for proof in prove(world) if proof.id == claim]
    finally:
        world.session.close()
    return found.state, found.evidence


def secret(platform: SimulatedPlatform) -> Object:
    found = platform.cluster.get(TLS)
    assert found is not None
    return found


# ---------------------------------------------------------------- the CA in Vault


def test_g7_the_ca_in_vault_signs_servers_of_vaults_names_alone(platform: SimulatedPlatform) -> None:
    made = x509.load_pem_x509_certificate(issuer(platform).certificate.encode())
    ours = x509.load_pem_x509_certificate(opened(platform.repository).intent.keys["vault-ca.crt"])
    made.verify_directly_issued_by(ours)
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    names = made.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical and names.value.permitted_subtrees
    allowed = {str(name.value) for name in names.value.permitted_subtrees}
    spec = opened(platform.repository).intent.platform.vault
    for pod in PODS:
        assert set(certificate_names(spec, pod)) <= allowed
    assert "127.0.0.1/32" in allowed
    assert not {"svc", "cluster.local", "vault.svc.cluster.local"} & allowed
    uses = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_it_is_made_once(platform: SimulatedPlatform) -> None:
    first = issuer(platform).certificate
    assert up(platform) == 0
    assert issuer(platform).certificate == first
    assert platform.vault.mutations == []


def test_a_ca_in_vault_of_which_a_third_is_left_is_followed_by_another(platform: SimulatedPlatform) -> None:
    first = issuer(platform)
    authority = opened(platform.repository).material.authority()
    request = x509.CertificateSigningRequestBuilder().subject_name(
        x509.load_pem_x509_certificate(first.certificate.encode()).subject
    )
    asked = request.sign(first.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    # It began ten minutes ago, as each does.
    for seconds, epoch in ((600, 0), (120, 2)):
        with repeatable():
            first.certificate = authority.sign_intermediate(asked, ("vault",), seconds).decode()
        assert up(platform) == epoch
    assert issuer(platform) is not first
    assert len(platform.vault.live().pki.issuers) == 2
    assert up(platform) == 0


def test_s1_a_ca_in_vault_that_our_ca_did_not_sign_is_replaced(platform: SimulatedPlatform) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.load_pem_x509_certificate(issuer(platform).certificate.encode()).subject
    moment = platform.cluster.now
    theirs = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.load_pem_x509_certificate(issuer(platform).certificate.encode()).issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment)
        .not_valid_after(moment + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    issuer(platform).certificate = theirs.public_bytes(serialization.Encoding.PEM).decode()
    assert up(platform) == 2
    ours = opened(platform.repository).intent.keys["vault-ca.crt"]
    x509.load_pem_x509_certificate(issuer(platform).certificate.encode()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(ours)
    )


def test_a_platform_of_an_earlier_version_gets_it_all_by_one_up(platform: SimulatedPlatform) -> None:
    store = platform.vault.live()
    del store.mounts["vault-pki/"]
    store.pki.issuers.clear()
    store.pki.default = ""
    del store.auth["vault-pods/"]
    for path in [
        p for p in store.plain if "renewer" in p or p.startswith(("vault-pki/", "auth/vault-pods/"))
    ]:
        del store.plain[path]
    old_roles = [f"auth/kubernetes/role/vault-renewer-{pod}" for pod in (*PODS, "vault-4")]
    store.plain |= {path: {"bound_service_account_names": ["vault"]} for path in old_roles}
    earlier = "\n".join(
        line for line in policies.RUN.splitlines() if "vault-pki" not in line and "vault-pods" not in line
    )
    SimulatedHand(platform).vault("PUT", "sys/policies/acl/bootstrap-run", {"policy": earlier})
    live = secret(platform)
    data = {name: value for name, value in live["data"].items() if not name.endswith(".until")}
    platform.cluster.replace({**live, "data": data})
    platform.vault.renewed.clear()
    assert up(platform) == 2
    assert up(platform) == 0
    assert verdict(platform)[0] is State.HOLDS
    assert {f"{pod}.until" for pod in PODS} <= set(secret(platform)["data"])
    assert not set(old_roles) & set(store.plain)


def test_s2_each_pod_logs_in_as_itself_alone(platform: SimulatedPlatform) -> None:
    answers = {}
    for pod in PODS:
        for role in PODS:
            jwt = platform.cluster.pod_token("vault", pod, "vault-renewer")
            body = {"role": f"vault-renewer-{role}", "jwt": jwt}
            found = platform.vault.call("POST", "auth/vault-pods/login", body, pod="vault-0", token=None)
            answers[pod, role] = list(found.auth["policies"]) if found.ok else found.status
    assert answers == {
        (pod, role): [f"vault-renewer-{pod}"] if pod == role else 400 for pod in PODS for role in PODS
    }


def test_s2_another_key_of_the_api_server_is_named_and_given_to_vault_by_up(
    platform: SimulatedPlatform,
) -> None:
    platform.cluster.token_keys = ("another key", *platform.cluster.token_keys)
    state, evidence = verdict(platform)
    assert state is State.WAITS
    assert "login vault-pods/ lacks a key with which the API server signs" in evidence
    platform.vault.renewed.clear()
    assert up(platform) == 2
    assert verdict(platform)[0] is State.HOLDS
    platform.cluster.token_keys = ("another key",)
    assert "takes tokens of 1 keys that the API server does not show" in verdict(platform, "vault-grants")[1]
    assert up(platform) == 3
    assert verdict(platform, "vault-grants")[0] is State.HOLDS
    assert up(platform) == 0


def test_a_right_that_an_earlier_policy_did_not_give_is_no_outage(platform: SimulatedPlatform) -> None:
    """What may not be looked at is written anew."""
    platform.vault.denied |= {"GET auth/vault-pods/config", "GET vault-pki/roles/vault-0"}
    world = platform.world()
    step = next(s for p in world.plan.phases for s in p.steps if s.kind == "vault-configuration")
    changes = {leaf.change for leaf in VaultConfiguration(step, world).observe().missing}
    world.session.close()
    assert changes == {IssuerKeys(world).change, "write vault-pki/roles/vault-0"}


def test_an_outage_is_not_taken_for_a_ca_that_is_not_there(platform: SimulatedPlatform) -> None:
    world = platform.world()

    def away(method: str, path: str, body: object = None) -> Answer:
        raise Transient("Vault does not answer", code="E_VAULT_AWAY")

    def denied(method: str, path: str, body: object = None) -> Answer:
        raise WorldError("Vault answered 403", code="E_VAULT_DENIED")

    for leaf in (Intermediate(world), IssuerKeys(world)):
        with pytest.raises(Transient):
            leaf.holds(away)
        assert not leaf.holds(denied)


def test_a_ca_in_vault_that_refuses_leaves_instead_of_ending_with_them_is_put_right(
    platform: SimulatedPlatform,
) -> None:
    issuer(platform).behavior = "err"
    assert up(platform) == 2
    assert issuer(platform).behavior == "truncate"


# ---------------------------------------------------------------- off for longer than a life


def test_a_vault_whose_certificates_have_all_expired_comes_back_by_itself(
    platform: SimulatedPlatform,
) -> None:
    first_leaves(platform, platform.cluster.now - timedelta(days=1))
    platform.vault.expiring = True
    for pod in PODS:
        platform.vault.restart(pod)
    assert all(platform.vault.seal_status(pod) for pod in PODS)


def test_a_vault_that_serves_what_has_expired_gets_new_ones_by_up(platform: SimulatedPlatform) -> None:
    """Its renewers do not come through; nothing is asked of it before."""
    first_leaves(platform, platform.cluster.now - timedelta(days=1))
    platform.vault.expiring, platform.vault.renewing = True, False
    for pod in PODS:
        platform.vault.restart(pod)
    assert not any(platform.vault.seal_status(pod) for pod in PODS)
    before = secret(platform)["data"]["vault-1.crt"]
    clock = SimulatedClock()
    clock.on_sleep.append(lambda: setattr(platform.vault, "renewing", _served(platform)))
    assert platform.up(clock=clock).epoch == 2
    assert secret(platform)["data"]["vault-1.crt"] != before


def _served(platform: SimulatedPlatform) -> bool:
    return all(platform.vault.seal_status(pod) for pod in PODS)


def test_a_certificate_of_which_a_third_is_left_is_made_anew_for_pods_that_start(
    platform: SimulatedPlatform,
) -> None:
    first_leaves(platform, platform.cluster.now + timedelta(days=123))
    assert up(platform) == 0
    first_leaves(platform, platform.cluster.now + timedelta(days=120))
    assert up(platform) == 2


# ---------------------------------------------------------------- what is said of it


def test_up_waits_for_the_renewers_and_names_them(tmp_path: Path, repository: Path) -> None:
    made = SimulatedPlatform(tmp_path, repository)
    made.vault.renewing = False
    with pytest.raises(WorldError) as stopped:
        made.up()
    assert stopped.value.code == "E_NOT_RENEWED"
    assert stopped.value.message.startswith("vault-0, vault-1, vault-2: ")
    assert "logs vault-0 -c renewer" in stopped.value.hint
    made.vault.renewing = True
    assert made.up().epoch == 2


def test_a_certificate_that_its_renewer_left_until_late_is_waited_for(platform: SimulatedPlatform) -> None:
    for days, satisfied in ((76, True), (78, False)):
        platform.cluster.now = SimulatedClock().now() + timedelta(days=days)
        world = platform.world()
        step = next(s for p in world.plan.phases for s in p.steps if s.kind == "vault-certificates")
        kind = VaultCertificates(step, world)
        assert isinstance(kind.decide(kind.observe()), Satisfied) is satisfied
        world.session.close()


def test_verify_says_how_much_is_left(platform: SimulatedPlatform) -> None:
    state, evidence = verdict(platform)
    assert state is State.HOLDS
    assert "8 certificates, the first to end in 90 days" in evidence


def test_verify_breaks_below_a_seventh_of_a_life(platform: SimulatedPlatform) -> None:
    first_leaves(platform, platform.cluster.now + timedelta(days=53))
    assert verdict(platform)[0] is State.HOLDS
    first_leaves(platform, platform.cluster.now + timedelta(days=52))
    state, evidence = verdict(platform)
    assert state is State.BROKEN
    assert "certificate that vault-2 starts with ends" in evidence


def test_verify_breaks_where_a_pod_serves_what_it_started_with(platform: SimulatedPlatform) -> None:
    platform.vault.renewed.clear()
    platform.vault.renewing = False
    state, evidence = verdict(platform)
    assert state is State.BROKEN
    assert "vault-1 serves the certificate that it started with" in evidence


@pytest.mark.parametrize(("comes", "satisfied"), [(True, True), (False, False)])
def test_g4_the_moments_behind_a_restart_are_no_difference(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch, comes: bool, satisfied: bool
) -> None:
    """A renewer looks some seconds after its pod has started: `up` has nothing to do, and `verify` breaks nothing."""
    platform.vault.renewed.clear()
    platform.vault.renewing = False
    started = {"name": "vault", "state": {"running": {"startedAt": platform.cluster.now.isoformat()}}}
    for pod in PODS:
        live = platform.cluster.get(Ref("v1", "Pod", pod, "vault"))
        assert live is not None
        platform.cluster.replace({**live, "status": {"phase": "Running", "containerStatuses": [started]}})
    sleep = SimulatedClock.sleep

    def renewed(clock: SimulatedClock, seconds: float) -> None:
        platform.vault.renewing = comes
        sleep(clock, seconds)

    monkeypatch.setattr(SimulatedClock, "sleep", renewed)
    world = platform.world()
    step = next(s for p in world.plan.phases for s in p.steps if s.kind == "vault-certificates")
    kind = VaultCertificates(step, world)
    assert isinstance(kind.decide(kind.observe()), Satisfied) is satisfied
    world.session.close()
