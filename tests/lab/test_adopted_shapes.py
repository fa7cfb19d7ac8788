"""Layouts of real repositories that a controller has applied: `import`, `check`, `up`, and nothing is another.

Every Secret keeps its UID, type, bytes, labels and annotations, and no pod that reads one is made anew (INV1).
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lab.support.cluster import Kube, Lab, Object
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.reset import reset
from tests.support.program import commit_all, run_bootstrap, said
from tests.support.shapes import built

pytestmark = [pytest.mark.lab, pytest.mark.whole]
CANARY = "canary-77c1e0"
OURS = {"app.kubernetes.io/managed-by": "bootstrap", "app.kubernetes.io/part-of": "bootstrap"}
FLUX = {"flux-b": "kustomize.toolkit.fluxcd.io", "argocd-ksops": "argocd.argoproj.io"}
Place = tuple[str, str]


@dataclass(frozen=True)
class Adopted:
    """``applied`` are the Secrets as the controller had applied them, ``pods`` those that read one of them."""

    platform: Platform
    applied: dict[Place, Object]
    pods: dict[Place, str]
    taken: set[Place]


@pytest.fixture(scope="module", params=sorted(FLUX))
def adopted(
    request: pytest.FixtureRequest, lab: Lab, kube: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Adopted]:
    reset(kube)
    folder = tmp_path_factory.mktemp(request.param)
    platform = make_platform(folder, lab)
    recipient = (platform.folder / "keys/root.txt").read_text().split()[-1]
    shape = built(request.param, folder / "fleet", recipient, CANARY)
    root = f"file:{platform.root_key}"
    words = ("--root", root, "--owner", "platform-team", "--non-interactive")
    done = run_bootstrap("import", shape.folder, "--repo", platform.folder, *words)
    assert done.returncode == 0, said(done)
    origins = sources_of(platform.folder / "secrets/imported.yaml")
    spaces = sorted({namespace for namespace, _ in origins})
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in spaces]
    folders = platform.folder / "manifests/workloads"
    known = "".join(path.read_text() for path in folders.glob("*.yaml"))  # the example of a new repository
    new = [each for each, name in zip(objects, spaces, strict=True) if f"name: {name}" not in known]
    (folders / "90-imported.yaml").write_text(yaml.safe_dump_all(new))
    commit_all(platform.folder)
    applied = applied_before(kube, objects, shape.documents, origins, FLUX[request.param])
    pods = run_readers(kube, sorted(origins)[:3])
    for command in (
        ("check", "--repo", platform.folder, "--root", root, "--non-interactive"),
        ("up", *platform.to_cluster()),
    ):
        done = run_bootstrap(*command)
        assert done.returncode == 0, said(done)
        assert CANARY not in done.stdout + done.stderr
    yield Adopted(platform, applied, pods, set(origins))
    for namespace, name in origins:  # of namespaces that no reset removes, too
        kube.try_run("delete", "externalsecret,secret", name, "-n", namespace)
        kube.try_run("delete", "deployment", f"reader-{name}", "-n", namespace)


def sources_of(catalog: Path) -> dict[Place, str]:
    """Each Secret that the catalog makes, with the file that it comes from."""
    text = catalog.read_text()
    files = [line.removeprefix("# from ") for line in text.splitlines() if line.startswith("# from ")]
    entries = [each for each in yaml.safe_load_all(text) if each]
    pairs = zip(entries, files, strict=True)
    return {(c["namespace"], c["secret"]): file for entry, file in pairs for c in entry["spec"]["consumers"]}


def applied_before(
    kube: Kube,
    namespaces: list[Object],
    documents: Mapping[str, list[Object]],
    origins: dict[Place, str],
    domain: str,
) -> dict[Place, Object]:
    """The documents of the layout as they were before they were sealed, with the marks of a controller."""
    made = []
    for (namespace, name), file in origins.items():
        (found,) = [d for d in documents[file] if d.get("kind") == "Secret" and d["metadata"]["name"] == name]
        meta = {**found["metadata"], "namespace": namespace}
        meta["labels"] = {**(meta.get("labels") or {}), f"{domain}/name": "apps"}
        made.append({**found, "metadata": meta})
    document = yaml.safe_dump_all([*namespaces, *made])
    kube.run("apply", "--server-side", "--field-manager=gitops-controller", "-f", "-", stdin=document)
    return {place: kube.need("secret", place[1], place[0]) for place in origins}


def run_readers(kube: Kube, places: list[Place]) -> dict[Place, str]:
    """A Deployment for each, which mounts the Secret; the UIDs of their pods."""
    for namespace, name in places:
        mount = {"name": "secret", "mountPath": "/secret", "readOnly": True}
        container = {
            "name": "reader",
            "image": "docker.io/library/busybox:stable",
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", "while :; do sleep 3600; done"],
            "volumeMounts": [mount],
        }
        pod = {"containers": [container], "volumes": [{"name": "secret", "secret": {"secretName": name}}]}
        labels = {"reader": name}
        spec = {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        meta = {"name": f"reader-{name}", "namespace": namespace}
        kube.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    for namespace, name in places:
        kube.run(
            "rollout", "status", f"deployment/reader-{name}", "-n", namespace, "--timeout=300s", timeout=330
        )
    return {place: reader(kube, place) for place in places}


def reader(kube: Kube, place: Place) -> str:
    (pod,) = kube.list("pods", place[0], f"reader={place[1]}")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    return str(pod["metadata"]["uid"])


def own(marks: dict[str, str] | None) -> dict[str, str]:
    """Without what a controller, the operator and `up` write for themselves."""
    theirs = (*FLUX.values(), "reconcile.external-secrets.io", "bootstrap.dev/")
    found = (marks or {}).items()
    return {name: value for name, value in found if not name.startswith(theirs) and OURS.get(name) != value}


def test_inv1_every_secret_is_the_one_that_the_controller_applied(adopted: Adopted, kube: Kube) -> None:
    assert len(adopted.applied) > 5
    for (namespace, name), before in adopted.applied.items():
        live = kube.need("secret", name, namespace)
        place = (namespace, name)
        assert live["metadata"]["uid"] == before["metadata"]["uid"], place
        assert (live.get("type"), live.get("immutable")) == (before.get("type"), before.get("immutable")), (
            place
        )
        values = {key: base64.b64decode(text) for key, text in live["data"].items()}
        assert values == {key: base64.b64decode(text) for key, text in before["data"].items()}, place
        for kind in ("labels", "annotations"):
            assert own(live["metadata"].get(kind)) == own(before["metadata"].get(kind)), place
        assert live["metadata"]["ownerReferences"][0]["kind"] == "ExternalSecret", place


def test_r4_no_pod_that_reads_one_was_made_anew(adopted: Adopted, kube: Kube) -> None:
    assert {place: reader(kube, place) for place in adopted.pods} == adopted.pods
