"""Sound platforms, with what others do beside ours: no claim of `verify` is broken, waits, or is left out."""

import base64
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import Proof
from tests.seeds import objects as made
from tests.seeds.hand import Hand
from tests.seeds.in_vault import TOKEN
from tests.seeds.kubernetes import defaults
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform, scaffolded

CERTIFICATE = "-----BEGIN CERTIFICATE-----\n" + "QUJD" * 40 + "\n-----END CERTIFICATE-----\n"
PLACES = ("orders", "database", "gitops", "monitoring", "identity", "vault", "strangers")
PEOPLE = """\
  operators:
    - serviceAccounts: [flux-system/kustomize-controller, argocd/argocd-application-controller]
      reason: They apply what Git says
    - users: [alice@example.org]
      groups: [oidc:platform]
      policies: [platform-admins]
      reason: On call
"""


def everywhere(hand: Hand, obj: Callable[[str], made.Object]) -> None:
    for place in PLACES:
        hand.create(obj(place))


def kubernetes_itself(hand: Hand) -> None:
    for obj in defaults():
        hand.create(obj)


def certificates(hand: Hand) -> None:
    """``kube-root-ca.crt`` in each namespace, and a copy of a CA in Secrets."""
    everywhere(hand, lambda place: made.config_map("kube-root-ca.crt", place, {"ca.crt": CERTIFICATE}))
    everywhere(hand, lambda place: made.secret("team-ca", place, {"ca.crt": CERTIFICATE}))


def service_accounts(hand: Hand) -> None:
    def token(place: str) -> made.Object:
        data = {
            "ca.crt": CERTIFICATE,
            "namespace": place,
            "token": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln",
        }
        return made.secret("default-token", place, data) | {"type": "kubernetes.io/service-account-token"}

    everywhere(hand, token)


def pull_secrets(hand: Hand) -> None:
    """The same one in every namespace, kept by a controller that copies."""

    def pull(place: str) -> made.Object:
        obj = made.secret(
            "registry", place, {".dockerconfigjson": '{"auths":{"r.example":{"auth":"dTpwYXNzd29yZA=="}}}'}
        )
        obj["metadata"]["annotations"] = {"reflector.v1.k8s.emberstack.com/reflects": "default/registry"}
        return obj | {"type": "kubernetes.io/dockerconfigjson"}

    everywhere(hand, pull)


def helm(hand: Hand) -> None:
    release = base64.b64encode(b"\x1f\x8b" + bytes(range(256)) * 4).decode()
    everywhere(hand, lambda place: made.secret("sh.helm.release.v1.app.v1", place, {"release": release}))


def gitops(hand: Hand) -> None:
    hand.commit("bootstrap.yaml", lambda text: text + PEOPLE)
    hand.create(made.role("cluster-admin", [made.rule("*", "*", "*")]))
    subjects = [
        made.account("kustomize-controller", "flux-system"),
        made.account("argocd-application-controller", "argocd"),
        made.group("oidc:platform"),
        made.user("alice@example.org"),
    ]
    hand.create(made.binding("gitops", subjects, "cluster-admin"))


def other_operators(hand: Hand) -> None:
    """Rights on Secrets where none of ours lies, on names that are not ours, and to read where nothing is written."""
    hand.create(made.role("certs", [made.rule("create update delete")]))
    hand.create(made.binding("certs", [made.account("cert-manager", "cert-manager")], "certs", "strangers"))
    hand.create(made.role("lock", [made.rule("update patch", names="leader-lock")]))
    hand.create(made.binding("lock", [made.account("operator", "strangers")], "lock"))
    hand.create(made.role("looker", [made.rule("get list watch")]))
    hand.create(made.binding("looker", [made.account("backup", "strangers")], "looker", "orders"))
    hand.create(
        made.role("deployer", [made.rule("*", "deployments pods", "apps"), made.rule("*", "configmaps")])
    )
    hand.create(made.binding("deployer", [made.account("deployer", "strangers")], "deployer", "strangers"))


def other_stores(hand: Hand) -> None:
    """External Secrets of others: from another Vault, from another mount of ours, from a generator."""
    hand.stop_operator()
    hand.create(made.store("theirs", "strangers", "https://vault.elsewhere.example:8200"))
    hand.create(made.external("a", "strangers", TOKEN, {"name": "theirs"}))
    hand.create(made.store("mount", "strangers", path="team"))
    hand.create(made.external("b", "strangers", TOKEN, {"name": "mount"}))
    hand.create(made.push("c", "strangers", TOKEN, {"name": "mount", "kind": "SecretStore"}))
    generated = made.external("d", "strangers", "x")
    generated["spec"] = {"dataFrom": [{"sourceRef": {"generatorRef": {"kind": "Password", "name": "d"}}}]}
    hand.create(generated)


def other_teams_in_vault(hand: Hand) -> None:
    """A mount, policies, people and roles of their own; declared administrators; a policy that denies ours."""
    hand.commit("bootstrap.yaml", lambda text: text + PEOPLE)
    own = 'path "team/*" { capabilities = ["create", "read", "update", "delete", "list"] }\n'
    hand.vault("PUT", "sys/policies/acl/team", {"policy": own})
    every = 'path "secret/data/*" { capabilities = ["create", "update"] }\n'
    hand.vault("PUT", "sys/policies/acl/platform-admins", {"policy": every})
    templated = (
        'path "secret/data/teams/{{identity.entity.name}}/*" { capabilities = ["create", "update"] }\n'
    )
    hand.vault("PUT", "sys/policies/acl/per-team", {"policy": templated})
    denied = "".join(
        f'path "secret/{kind}/{prefix}/*" {{ capabilities = ["deny"] }}\n'
        for kind in ("data", "metadata", "delete", "undelete", "destroy")
        for prefix in ("applications", "bootstrap", "platform", "platform-data")
    )
    wide = 'path "secret/*" { capabilities = ["create", "read", "update", "delete"] }\n'
    denied += 'path "secret/config" { capabilities = ["deny"] }\n'
    hand.vault("PUT", "sys/policies/acl/all-but-ours", {"policy": wide + denied})
    hand.vault("POST", "sys/auth/userpass", {"type": "userpass"})
    hand.vault("POST", "auth/userpass/users/bob", {"token_policies": ["team", "default"]})
    hand.vault("POST", "auth/kubernetes/role/team", {"token_policies": ["team", "all-but-ours"]})
    hand.vault("POST", "identity/entity/name/alice", {"policies": ["platform-admins"]})
    hand.vault("POST", "identity/group/name/oncall", {"policies": ["platform-admins", "per-team"]})


def open_fields(hand: Hand) -> None:
    """Host, port and user of a database in an application's own configuration."""
    data = {"DB_HOST": "postgres.database.svc", "DB_PORT": "5432", "DB_USER": "orders"}
    everywhere(hand, lambda place: made.config_map("app", place, data))
    text = "host: postgres.database.svc\nport: 5432\nuser: orders\nenabled: true\npassword: ''\n"
    everywhere(hand, lambda place: made.config_map("file", place, {"app.yaml": text}))


def beside_the_declared_one(hand: Hand) -> None:
    """An operator that makes its own Secret of a value, in the namespace that the value is declared to."""
    hand.create(made.secret("orders-rendered", "orders", {"config": f"token={hand.value(TOKEN, 'token')}"}))


def configuration(hand: Hand) -> None:
    hand.vault(
        "POST", "secret/data/platform-config/postgres/main", {"data": {"host": "db.example", "port": "5432"}}
    )


def workloads(hand: Hand) -> None:
    """Pods and what makes them: values by reference, open fields, images by digest, tokens of others."""
    reference = {"secretKeyRef": {"name": "orders-payment-token", "key": "token"}}
    env = [
        {"name": "TOKEN", "valueFrom": reference},
        {"name": "DB_HOST", "value": "postgres.database.svc"},
        {"name": "DB_USER", "value": "orders"},
        {"name": "DIGEST", "value": "0123456789abcdef" * 4},
    ]

    def pods(place: str) -> made.Object:
        container = {"name": "app", "image": f"example.com/app@sha256:{'ab' * 32}", "env": env}
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
        spec = {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "template": template}
        meta = {"name": "app", "namespace": place}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}

    everywhere(hand, pods)


def mesh(hand: Hand) -> None:
    """It changes pods of namespaces with its label, and writes a ConfigMap into each namespace."""
    hand.create(made.role("istiod", [made.rule("create get list update watch", "configmaps")]))
    hand.create(made.binding("istiod", [made.account("istiod", "istio-system")], "istiod"))
    everywhere(
        hand, lambda place: made.config_map("istio-ca-root-cert", place, {"root-cert.pem": CERTIFICATE})
    )
    hand.create(webhook("istio-sidecar-injector", "istio-system", "", "pods", {"istio-injection": "enabled"}))


def policies_of_others(hand: Hand) -> None:
    """cert-manager's own kinds, and a policy engine that changes Secrets of other namespaces."""
    hand.create(webhook("cert-manager-webhook", "cert-manager", "cert-manager.io", "*", {}))
    hand.create(webhook("mutator", "strangers", "*", "*", {"team": "strangers"}))


def declared_webhook(hand: Hand) -> None:
    """A policy engine that is asked about each Secret, and is declared by its account."""
    hand.commit(
        "bootstrap.yaml", lambda text: text + PEOPLE.replace("argocd/argocd-application-", "kyverno/")
    )
    hand.create(webhook("kyverno", "kyverno", "*", "*/*", {}))


def webhook(name: str, place: str, group: str, resource: str, labels: made.Object) -> made.Object:
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}
    hook = {
        "name": f"{name}.example.org",
        "rules": [rule],
        "clientConfig": {"service": {"namespace": place, "name": name}, "caBundle": "QUJD"},
        "namespaceSelector": {"matchLabels": labels} if labels else {},
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [hook],
    }


def bootstrap_tokens(hand: Hand) -> None:
    """What kubeadm leaves in kube-system, and lets in by it."""
    data = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true"}
    token = made.secret("bootstrap-token-abcdef", "kube-system", data)
    hand.create(token | {"type": "bootstrap.kubernetes.io/token"})
    group = made.group("system:bootstrappers:kubeadm:default-node-token")
    csr = "certificates.k8s.io"
    hand.create(
        made.role("system:node-bootstrapper", [made.rule("create", "certificatesigningrequests", csr)])
    )
    hand.create(made.binding("kubeadm:kubelet-bootstrap", [group], "system:node-bootstrapper"))


def cloud_controllers(hand: Hand) -> None:
    """In kube-system: what they lead by, nodes and volumes, a token for their own account, and Secrets to read."""
    rules = [
        made.rule("create get list update watch", "leases", "coordination.k8s.io"),
        made.rule("create delete get list patch update watch", "nodes persistentvolumes"),
        made.rule("create patch", "events"),
        made.rule("create", "serviceaccounts/token", names="calico-cni-plugin"),
    ]
    account = made.account("cloud-controller-manager", "kube-system")
    hand.create(made.role("cloud", rules))
    hand.create(made.binding("cloud", [account], "cloud"))
    hand.create(made.role("reads", [made.rule("get list watch", "secrets configmaps")]))
    hand.create(made.binding("reads", [account], "reads", "kube-system"))


def aggregated(hand: Hand) -> None:
    """Roles by label, for people who look; one that may bind a role which gives nothing of ours."""
    view = made.role("view", [made.rule("get list watch", "pods services configmaps")])
    hand.create(view | {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to-view": "true"}}]}})
    hand.create(made.binding("viewers", [made.group("system:authenticated")], "view"))
    hand.create(made.role("lends", [made.rule("bind", "clusterroles", made.GROUP, "view")]))
    hand.create(made.binding("lends", [made.account("tenants", "strangers")], "lends"))


def backups(hand: Hand) -> None:
    """Velero, declared; its own objects and a repository's Secret."""
    people = PEOPLE.replace("argocd/argocd-application-controller", "velero/velero")
    hand.commit("bootstrap.yaml", lambda text: text + people)
    hand.create(made.namespace("velero"))
    hand.create(made.secret("velero-repo-credentials", "velero", {"repository-password": "static-passw0rd"}))
    hand.create(made.role("cluster-admin", [made.rule("*", "*", "*")]))
    hand.create(made.binding("velero", [made.account("velero", "velero")], "cluster-admin"))


def raw_teams_in_vault(hand: Hand) -> None:
    """Secrets of others below the same mount, at any depth, and policies for them and for their certificates."""
    hand.vault("POST", "secret/data/teams/a/b/c", {"data": {"password": "of-a-team-4711", "host": "db"}})
    hand.vault("POST", "secret/data/alone", {"data": {"nested": "x"}})
    text = "".join(
        f'path "{path}" {{ capabilities = ["create", "update"] }}\n'
        for path in ("secret/data/teams/*", "pki/issue/team", "auth/token/create", "transit/sign/team")
    )
    hand.vault("PUT", "sys/policies/acl/team", {"policy": text})
    hand.vault(
        "POST",
        "auth/kubernetes/role/team",
        {
            "bound_service_account_names": ["*"],
            "bound_service_account_namespaces": ["*"],
            "token_policies": ["team"],
        },
    )
    hand.vault("POST", "auth/token/create", {"policies": ["team"]})
    hand.vault("POST", "identity/group/name/team", {"policies": ["team"], "member_entity_ids": ["of-others"]})
    hand.vault("PUT", "sys/config/auditing/request-headers/X-Forwarded-For", {"hmac": False})
    hand.vault("POST", "sys/audit/socket", {"type": "socket", "options": {"address": "siem:9090"}})


def looked_at_by_hand(hand: Hand) -> None:
    """What people and the operator leave on ours: a forced look, defaults of the definitions."""

    def change(obj: made.Object) -> None:
        obj["metadata"].setdefault("annotations", {})["force-sync"] = "1700000000"
        obj["spec"]["refreshPolicy"] = "Periodic"
        obj["spec"]["target"]["template"] = {"engineVersion": "v2", "mergePolicy": "Replace"}

    hand.stop_operator()
    hand.edit("ExternalSecret", "orders-database", "orders", change)


SOUND: dict[str, tuple[Callable[[Hand], None], str, str]] = {  # and what a claim's evidence says of it
    "Kubernetes itself": (kubernetes_itself, "kubernetes-writers", "nobody else seen"),
    "certificates everywhere": (certificates, "no-copy", ""),
    "tokens of service accounts": (service_accounts, "no-copy", ""),
    "pull secrets by a copying controller": (
        pull_secrets,
        "no-copy",
        "controllers that copy: reflector (Secret",
    ),
    "Helm releases": (helm, "no-copy", ""),
    "declared GitOps controllers": (gitops, "kubernetes-writers", "flux-system/kustomize-controller"),
    "other operators": (other_operators, "kubernetes-writers", "nobody else seen"),
    "stores of others": (other_stores, "foreign-readers", "none"),
    "other teams in Vault": (other_teams_in_vault, "vault-writers", "policy all-but-ours, per-team, team"),
    "open fields in ConfigMaps": (
        open_fields,
        "no-copy",
        ", postgres-superuser.host (15), ",
    ),
    "a value beside the declared one": (
        beside_the_declared_one,
        "no-copy",
        "in its namespace: orders-payment-token.token",
    ),
    "workloads that take values by reference": (workloads, "no-copy", ""),
    "a service mesh": (mesh, "kubernetes-writers", "nobody else seen"),
    "webhooks that do not meet ours": (policies_of_others, "kubernetes-writers", "nobody else seen"),
    "a declared policy engine": (declared_webhook, "kubernetes-writers", "kyverno/controller"),
    "bootstrap tokens": (bootstrap_tokens, "kubernetes-writers", "nobody else seen"),
    "cloud controllers": (cloud_controllers, "kubernetes-writers", "nobody else seen"),
    "aggregated roles": (aggregated, "kubernetes-writers", "nobody else seen"),
    "a declared backup": (backups, "kubernetes-writers", "velero/velero"),
    "secrets of others in the same mount": (raw_teams_in_vault, "no-copy", "2 other paths of Vault"),
    "fields that are filled in": (looked_at_by_hand, "synced", "objects"),
    "configuration in Vault": (configuration, "configuration", "not declared: platform-config/postgres/main"),
}


@pytest.fixture(scope="module")
def scaffold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaffold")
    scaffolded(folder)
    return folder


@pytest.fixture
def platform(tmp_path: Path, scaffold: Path) -> SimulatedPlatform:
    shutil.copy(scaffold / "root.key", tmp_path)
    shutil.copytree(scaffold / "platform", tmp_path / "platform")
    made_ = SimulatedPlatform(tmp_path, tmp_path / "platform")
    made_.up()
    made_.cluster.create(made.namespace())
    return made_


def proven(platform: SimulatedPlatform) -> dict[str, Proof]:
    proofs = {proof.id: proof for proof in prove(platform.world(), deep=True)}
    assert [p for p in proofs.values() if p.ok is not True] == []
    return proofs


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_platform_is_not_called_broken(platform: SimulatedPlatform, name: str) -> None:
    plant, claim, said = SOUND[name]
    plant(SimulatedHand(platform))
    assert said in proven(platform)[claim].evidence


def test_all_of_it_together(platform: SimulatedPlatform) -> None:
    for plant in (kubernetes_itself, certificates, service_accounts, pull_secrets, helm, other_operators):
        plant(SimulatedHand(platform))
    for plant in (other_teams_in_vault, open_fields, other_stores):
        plant(SimulatedHand(platform))
    proven(platform)


def test_inv3_a_version_that_a_record_explains_is_sound(platform: SimulatedPlatform) -> None:
    hand = SimulatedHand(platform)
    hand.vault("POST", f"secret/data/{TOKEN}", {"options": {"cas": 1}, "data": {"token": "a-new-token-4711"}})
    hand.edit(
        "Secret", "orders-payment-token", "orders", lambda obj: obj["data"].update(token="a-new-token-4711")
    )
    world = platform.world()
    details = {"what": "version", "secret": "orders-payment-token", "version": "2"}
    world.ledger.append([Fact(type=RecordType.ACCEPTED, details=details)])
    proofs = {p.id: p for p in prove(world)}
    assert (proofs["explained"].ok, proofs["current"].ok) == (True, True)
    assert "orders-payment-token (version 2)" in proofs["rebuild"].evidence
