"""What is wrong with the cluster, or with how we may use it, is said before anything is changed there."""

import base64
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.platform import Platform
from tests.support.heads import signed_head
from tests.support.program import assert_refused, commit_all, run_bootstrap, said, started

pytestmark = pytest.mark.lab
COUNTED = "namespaces,secrets,configmaps,statefulsets,deployments,persistentvolumeclaims,clusterroles,"
COUNTED += "clusterrolebindings,customresourcedefinitions,serviceaccounts,validatingadmissionpolicies"
DEFAULT = "storageclass.kubernetes.io/is-default-class"


@dataclass(frozen=True)
class Untouched:
    """Runs the command and holds that the cluster is as it was, by its objects and by its audit log."""

    kube: Kube

    def run(self, *arguments: str, user: str = "kubernetes-admin") -> subprocess.CompletedProcess[str]:
        before, audit = self._versions(), ApiAudit(self.kube.lab.audit_log)
        done = run_bootstrap(*arguments, timeout=240)
        time.sleep(1)
        assert audit.mutations(user) == [], said(done)
        assert self._versions() == before
        return done

    def _versions(self) -> dict[str, str]:
        """UID to resourceVersion; leases and events, which live by themselves, are not among the kinds."""
        return {o["metadata"]["uid"]: o["metadata"]["resourceVersion"] for o in self.kube.list(COUNTED)}


@pytest.fixture
def untouched(empty_cluster: Kube) -> Untouched:
    return Untouched(empty_cluster)


@pytest.fixture
def spoilt(platform: Platform, tmp_path: Path) -> Path:
    """A copy of the valid repository to change."""
    shutil.copytree(platform.folder, tmp_path / "spoilt")
    return tmp_path / "spoilt"


def test_a_wrong_root_key_names_the_recipients_that_would_do(
    untouched: Untouched, platform: Platform, tmp_path: Path
) -> None:
    done = run_bootstrap("keygen", "--out", tmp_path / "other", "--no-passphrase", "--non-interactive")
    assert done.returncode == 0, said(done)
    arguments = [
        a.replace(str(platform.root_key), str(tmp_path / "other/root.key")) for a in platform.to_cluster()
    ]
    right = next(w for w in (platform.keys / "root.txt").read_text().split() if w.startswith("age1"))
    assert_refused(untouched.run("up", *arguments), 4, "E_NO_IDENTITY", right)


def test_plaintext_where_ciphertext_belongs(untouched: Untouched, platform: Platform, spoilt: Path) -> None:
    (spoilt / "encrypted/gitops.sops.yaml").write_text("deploy: {username: a, password: plain-canary-99}\n")
    commit_all(spoilt)
    done = untouched.run("up", *platform.to_cluster(spoilt))
    assert_refused(done, 2, "E_PLAINTEXT", "encrypted/gitops.sops.yaml")
    assert "plain-canary-99" not in done.stderr


def test_a_damaged_ciphertext(untouched: Untouched, platform: Platform, spoilt: Path) -> None:
    path = spoilt / "encrypted/gitops.sops.yaml"
    text = path.read_text()
    data = re.search(r"password: ENC\[AES256_GCM,data:(.)", text)
    assert data is not None
    flipped = "B" if data[1] != "B" else "C"
    path.write_text(text[: data.start(1)] + flipped + text[data.end(1) :])
    commit_all(spoilt)
    done = untouched.run("up", *platform.to_cluster(spoilt))
    assert_refused(done, 2, r"E_(CT_DAMAGED|SOPS_MAC)", "encrypted/gitops.sops.yaml")


def test_no_such_context(untouched: Untouched, platform: Platform) -> None:
    done = untouched.run("up", *platform.to_cluster(), "--context", "elsewhere")
    assert_refused(done, 4, "E_CONTEXT", "elsewhere", "kubernetes-admin")


def test_the_api_server_is_another_one(untouched: Untouched, platform: Platform, tmp_path: Path) -> None:
    """The right address with a certificate authority that is not its own."""
    config = yaml.safe_load(platform.lab.kubeconfig.read_text())
    authority = (platform.keys / "vault-ca.crt").read_bytes()
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    arguments = [
        a.replace(str(platform.lab.kubeconfig), str(tmp_path / "kubeconfig")) for a in platform.to_cluster()
    ]
    done = untouched.run("up", *arguments)
    assert_refused(done, 4, r"E_(UNREACHABLE|KUBE_TRUST)")


@pytest.fixture
def restricted(kube: Kube, platform: Platform, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of somebody who may look at namespaces and nothing else."""
    kube.run("create", "serviceaccount", "restricted", "-n", "default")
    kube.run("create", "clusterrole", "restricted", "--verb=get,list", "--resource=namespaces")
    binding = ["--clusterrole=restricted", "--serviceaccount=default:restricted"]
    kube.run("create", "clusterrolebinding", "restricted", *binding)
    config = yaml.safe_load(platform.lab.kubeconfig.read_text())
    token = kube.run("create", "token", "restricted", "-n", "default").strip()
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "restricted"
    path.write_text(yaml.safe_dump(config))
    yield path
    kube.run("delete", "clusterrolebinding,clusterrole", "restricted")
    kube.run("delete", "serviceaccount", "restricted", "-n", "default")


def test_all_missing_permissions_are_named_at_once(
    untouched: Untouched, platform: Platform, restricted: Path
) -> None:
    arguments = [a.replace(str(platform.lab.kubeconfig), str(restricted)) for a in platform.to_cluster()]
    for command in ("up", "doctor"):
        done = untouched.run(command, *arguments, user="system:serviceaccount:default:restricted")
        told = done.stdout + done.stderr
        assert done.returncode == 4, said(done)
        for permission in (
            "create namespaces",
            "create secrets",
            "statefulsets.apps",
            "validatingadmissionpolicies.admissionregistration.k8s.io",
            "pods/portforward",
            "serviceaccounts/token",
            "externalsecrets.external-secrets.io",
        ):
            assert permission in told, f"{permission}\n{said(done)}"
        assert "get namespaces" not in told
        assert "hint:" in told
    assert "E_RBAC" in run_bootstrap("up", *arguments).stderr


@pytest.fixture
def no_default_class(kube: Kube) -> Iterator[None]:
    (name,) = (
        o["metadata"]["name"]
        for o in kube.list("storageclass")
        if o["metadata"].get("annotations", {}).get(DEFAULT) == "true"
    )
    kube.run("annotate", "storageclass", name, f"{DEFAULT}-")
    yield
    kube.run("annotate", "storageclass", name, f"{DEFAULT}=true")


def test_no_default_storage_class(untouched: Untouched, platform: Platform, no_default_class: None) -> None:
    done = untouched.run("up", *platform.to_cluster())
    assert_refused(done, 4, "E_STORAGE", "spec.vault.storage.className")


def test_several_things_are_named_together(
    untouched: Untouched, platform: Platform, no_default_class: None, restricted: Path
) -> None:
    arguments = [a.replace(str(platform.lab.kubeconfig), str(restricted)) for a in platform.to_cluster()]
    done = untouched.run("up", *arguments, user="system:serviceaccount:default:restricted")
    assert done.returncode == 4, said(done)
    assert "E_RBAC" in done.stderr


FOREIGN = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "vault", "namespace": "vault", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
    "spec": {
        "serviceName": "vault",
        "replicas": 1,
        "selector": {"matchLabels": {"app": "vault"}},
        "template": {
            "metadata": {"labels": {"app": "vault"}},
            "spec": {
                "containers": [
                    {
                        "name": "vault",
                        "image": "docker.io/hashicorp/vault:1.21.1",
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["sh", "-c", "trap exit TERM; while :; do sleep 1 & wait; done"],
                    }
                ]
            },
        },
    },
}


@pytest.fixture
def foreign_vault(kube: Kube) -> Iterator[None]:
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}}, FOREIGN)
    kube.run("rollout", "status", "-n", "vault", "statefulset/vault", "--timeout=90s")
    yield
    kube.run("delete", "namespace", "vault", "--timeout=90s")


def test_inv4_a_foreign_vault_is_left_as_it_is(
    untouched: Untouched, platform: Platform, foreign_vault: None
) -> None:
    before = untouched.kube.need("statefulset", "vault", "vault")["metadata"]["resourceVersion"]
    done = untouched.run("up", *platform.to_cluster())
    assert_refused(done, 4, "E_FOREIGN_STORE", "vault/vault")
    assert untouched.kube.need("statefulset", "vault", "vault")["metadata"]["resourceVersion"] == before


@pytest.fixture
def taken(kube: Kube) -> Iterator[None]:
    kube.run("create", "namespace", "bootstrap-system")
    yield
    kube.run("delete", "namespace", "bootstrap-system", "--timeout=60s")


def test_our_namespace_is_somebody_elses(untouched: Untouched, platform: Platform, taken: None) -> None:
    done = untouched.run("up", *platform.to_cluster())
    assert_refused(done, 4, "E_NAME_TAKEN", "bootstrap-system")


def test_inv4_records_of_another_cluster_want_a_decision(
    untouched: Untouched, platform: Platform, spoilt: Path
) -> None:
    other = "00000000-0000-4000-8000-000000000000"
    folder = spoilt / "records" / other
    folder.mkdir(parents=True)
    (folder / "head.json").write_bytes(signed_head(spoilt, platform.root_key, other))
    commit_all(spoilt)
    done = untouched.run("up", *platform.to_cluster(spoilt))
    assert_refused(done, 5, "E_OTHER_CLUSTER", other, "--approve new-authority")


@pytest.mark.parametrize(
    ("content", "exit_code", "code"),
    [
        (b'{"payload":"","payloadType":"x","signatures":[]}', 6, "E_HEAD"),
        (b'{"payload":"","payloadType":"x","signatures":[{"keyid":"0","sig":""}]}', 2, "E_HEAD_KEY"),
    ],
)
def test_inv4_what_is_no_head_of_ours_stops(
    untouched: Untouched, platform: Platform, spoilt: Path, content: bytes, exit_code: int, code: str
) -> None:
    folder = spoilt / "records" / "00000000-0000-4000-8000-000000000000"
    folder.mkdir(parents=True)
    (folder / "head.json").write_bytes(content)
    commit_all(spoilt)
    done = untouched.run("up", *platform.to_cluster(spoilt))
    assert_refused(done, exit_code, code, folder.name)


def test_ctrl_c_before_anything_is_changed_says_so(untouched: Untouched, platform: Platform) -> None:
    audit = ApiAudit(untouched.kube.lab.audit_log)
    with started("up", *platform.to_cluster()) as process:
        time.sleep(0.8)
        process.send_signal(2)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "hint:" in err
    time.sleep(1)
    if audit.mutations():
        assert "last intended" in err
