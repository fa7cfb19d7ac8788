"""The job's image behind a login: pulled by the declared Secret, and not without it (S2, G4).

A real registry in the lab's own network, on the loopback of its node: the kubelet reaches it, nothing else does.
"""

import base64
import json
import secrets
import subprocess
import time
from collections.abc import Iterator

import pytest

from bootstrap.lab import images, project_image
from bootstrap.lab.build import CACHE, quiet
from bootstrap.model.names import JOB_ACCOUNT
from tests.lab.support.cluster import Kube, Lab, Object
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.plugin import lab_command
from tests.lab.support.registry import registry
from tests.lab.support.snapshot_jobs import SPACE, declared, ended, log, start
from tests.support.program import assert_decent, commit_all, run_bootstrap, said

pytestmark = [pytest.mark.lab, pytest.mark.whole]
HOST = "127.0.0.1:5918"
USER, PASSWORD = "puller", secrets.token_hex(8)
PULL_SECRET = "registry"
WITHOUT, WRONG, WITH = "without-login", "wrong-login", "with-login"


@pytest.fixture(scope="module")
def image(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """This program's, as the registry has it: NAME@DIGEST."""
    facts = json.loads(lab_command("status", "--name", lab.name, "-o", "json"))
    inside = ("nsenter", "--target", str(facts["pid"]), "--net")
    folder = tmp_path_factory.mktemp("registry")
    wanted = images.of_the_program()
    archive = images.archive(wanted, {}, CACHE, quiet)
    with registry(folder / "store", HOST, inside=inside, login=(USER, PASSWORD)):
        name = f"{HOST}/bootstrap:{project_image.version()}"
        buildah = ["buildah", "--storage-driver", "vfs", "--root", f"{folder}/s", "--runroot", f"{folder}/r"]
        digest = folder / "digest"
        for command in (
            (*buildah, "pull", "--quiet", f"oci-archive:{archive}:{wanted.name}"),
            (
                *(*inside, *buildah, "push", "--quiet", "--tls-verify=false", "--digestfile", str(digest)),
                *("--creds", f"{USER}:{PASSWORD}", wanted.name, f"docker://{name}"),
            ),
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        yield f"{name}@{digest.read_text().strip()}"


@pytest.fixture(scope="module")
def platform(image: str, empty_cluster: Kube, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    platform = make_platform(tmp_path_factory.mktemp("pulled"), lab)
    lines = [
        f"    image: {image}\n    imagePullSecrets: [{PULL_SECRET}]" if "  image: " in line else line
        for line in declared(lab).splitlines()
    ]
    path = platform.folder / "bootstrap.yaml"
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    commit_all(platform.folder)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert_decent(done)
    return platform


def login(password: str) -> Object:
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": PULL_SECRET, "namespace": SPACE},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps({"auths": {HOST: {"auth": auth}}})},
    }


def refused(kube: Kube, job: str) -> str:
    """What the kubelet says of its image."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        for pod in kube.list("pods", SPACE, f"job-name={job}"):
            for state in pod.get("status", {}).get("containerStatuses") or ():
                waiting = state["state"].get("waiting") or {}
                if waiting.get("reason") == "ErrImagePull":
                    return str(waiting["message"])
        time.sleep(0.2)
    raise AssertionError(f"the image of job {job} was not refused")


def test_s2_without_the_login_or_with_another_it_is_not_pulled(platform: Platform, kube: Kube) -> None:
    start(kube, WITHOUT)
    assert "401 Unauthorized" in refused(kube, WITHOUT)
    kube.apply(login("another"))
    start(kube, WRONG)
    assert "401 Unauthorized" in refused(kube, WRONG)
    kube.run("delete", "job", "-n", SPACE, WITHOUT, WRONG, "--wait=true")


def test_g4_with_the_declared_secret_it_is_pulled_and_saves(platform: Platform, kube: Kube) -> None:
    kube.apply(login(PASSWORD))
    start(kube, WITH)
    assert ended(kube, WITH) == "Complete", log(kube, WITH)
    assert PASSWORD not in log(kube, WITH)
    who = f"--as=system:serviceaccount:{SPACE}:{JOB_ACCOUNT}"
    may = kube.try_run("auth", "can-i", "get", f"secret/{PULL_SECRET}", "-n", SPACE, who)
    assert may.stdout.strip() == "no"
    done = run_bootstrap("verify", *platform.to_cluster())
    assert done.returncode == 0, said(done)
