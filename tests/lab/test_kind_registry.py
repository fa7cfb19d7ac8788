"""The way through registries, with a real one on loopback: pulled by digest, never under another's digest.

The node image there is the one that is made here with its images inside, as one that is published has them.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.adapters.local.ansible import AnsiblePlaybooks
from bootstrap.lab import images, servers
from bootstrap.lab.build import CACHE, build_all, quiet
from bootstrap.lab.kind import engine, registry
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.kind.provider import KindLabs
from bootstrap.lab.kind.source import Gathering
from bootstrap.lab.resources import folder
from bootstrap.model.errors import WorldError
from tests.lab.support.lifecycle import apply, busybox, kubectl
from tests.lab.support.registry import registry as registry_on_loopback

pytestmark = [pytest.mark.lab, pytest.mark.whole]
NAME, PORT = "pulled", 5917
HOST = f"127.0.0.1:{PORT}"
VAULT = "docker.io/hashicorp/vault:1.21.1"
# kubeadm of a pulled node asks for the tags that it was made with.
FILL = """
set -e
containerd --log-level error >/dev/null 2>&1 & server=$!
until ctr version >/dev/null 2>&1; do sleep 0.1; done
# Its files land in the image's own layer, over which no snapshot can be mounted: unpacked at first use.
for archive in /archives/*; do ctr --namespace k8s.io images import --no-unpack --digests "$archive" >/dev/null; done
for image in $(kubeadm config images list --kubernetes-version VERSION); do
    name=${image%:*}
    ctr --namespace k8s.io images list -q | grep -qxF "$image" && continue
    mine=$(ctr --namespace k8s.io images list -q | grep "^$name:" | head -n 1)
    ctr --namespace k8s.io images tag "$mine" "$image"
done
kill $server
wait $server || true
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    playbooks = AnsiblePlaybooks(folder("playbooks"))
    found = engine.chosen()
    if found.socket is not None:
        playbooks.run("kind-host", {"engine": True, "make": True}, quiet)
        engine.start(CACHE, quiet)
    yield found


@pytest.fixture(scope="module")
def pins(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A list of images that all lie in the registry on loopback, which runs."""
    folder_ = tmp_path_factory.mktemp("registry")
    with registry_on_loopback(folder_ / "store", HOST):
        made = Gathering(
            docker, AnsiblePlaybooks(folder("playbooks")), CACHE, folder_ / "none", quiet
        )._made()
        inside = [path for image, path in made.archives.items() if image not in images.of_the_platform()]
        node = filled(docker, made.node, inside)
        entries = build_all([servers.VAULT], CACHE, quiet)
        vault = next(image for image in images.of_the_platform() if image.name == VAULT)
        loaded(docker, images.archive(vault, entries, CACHE, quiet), folder_)
        kubernetes = servers.KUBERNETES.version
        listed = {
            "node": f"docker.io/kindest/node:{kubernetes}@{pushed(docker, node, 'node')} from {HOST}/node",
            "platform": [f"{VAULT}@{pushed(docker, VAULT, 'vault')} from {HOST}/vault"],
        }
        for name in (node, VAULT, f"{HOST}/node:x", f"{HOST}/vault:x"):
            docker.run("rmi", name)  # so that they come from there or not at all
        path = folder_ / "images.json"
        path.write_text(json.dumps(listed))
        yield path


def filled(docker: Docker, node: str, archives: list[Path]) -> str:
    given = [word for path in archives for word in ("--volume", f"{path}:/archives/{path.name}:ro")]
    script = FILL.replace("VERSION", servers.KUBERNETES.version)
    docker.attempt("rm", "--force", "bootstrap-lab-filling")
    docker.run(
        *("run", "--name", "bootstrap-lab-filling", "--privileged", "--network", "none", "--tmpfs", "/run"),
        *(*given, "--entrypoint", "/bin/sh", node, "-c", script),
    )
    entry = 'ENTRYPOINT ["/usr/local/bin/node-entry", "/sbin/init"]'
    docker.run(
        "commit", "--change", entry, "--change", "CMD []", "bootstrap-lab-filling", "bootstrap-lab/full:x"
    )
    docker.run("rm", "bootstrap-lab-filling")
    return "bootstrap-lab/full:x"


def loaded(docker: Docker, archive: Path, place: Path) -> None:
    """Docker loads its own form of archive only."""
    command = ["buildah", "--storage-driver", "vfs", "--root", f"{place}/s", "--runroot", f"{place}/r"]
    subprocess.run(
        [*command, "pull", "-q", f"oci-archive:{archive}:{VAULT}"], check=True, capture_output=True
    )
    target = f"docker-archive:{place}/vault.tar:{VAULT}"
    subprocess.run([*command, "push", "-q", VAULT, target], check=True, capture_output=True)
    docker.run("load", "--input", f"{place}/vault.tar")


def pushed(docker: Docker, name: str, repository: str) -> str:
    """The digest under which the registry has it."""
    docker.run("tag", name, f"{HOST}/{repository}:x")
    said = docker.run("push", f"{HOST}/{repository}:x")
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", said)
    assert found, said
    return found[1]


def test_a_lab_from_a_registry_runs_what_was_pulled(pins: Path, docker: Docker) -> None:
    labs = KindLabs(AnsiblePlaybooks(folder("playbooks")), quiet, pins=pins)
    labs.down(NAME)
    heard: list[str] = []
    labs = replace(labs, on_event=lambda mark, subject, _seconds: heard.append(f"{mark} {subject}"))
    try:
        lab = labs.up(NAME)
        assert f"done pulling {VAULT}" in heard
        assert not any("making the node image" in line for line in heard)
        found = kubectl(lab, "get", "nodes", "-o", "jsonpath={.items[*].status.images[*].names}")
        assert VAULT in found
        pod = busybox("asked", "vault version")
        pod["spec"]["containers"][0]["image"] = VAULT
        apply(lab, pod)
        kubectl(lab, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/asked", "--timeout=90s")
        assert kubectl(lab, "logs", "asked").startswith("Vault v1.21.1")
    finally:
        labs.down(NAME)


def test_another_digest_is_not_taken(pins: Path, docker: Docker, tmp_path: Path) -> None:
    listed = json.loads(pins.read_text())
    content = re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, listed["node"])
    other = tmp_path / "images.json"
    other.write_text(json.dumps({"node": content, "platform": []}))
    wanted = registry.read(other)
    assert registry.reachable(docker, registry.read(pins))
    assert not registry.reachable(docker, wanted)
    with pytest.raises(WorldError) as caught:
        registry.pull(docker, [wanted.node], quiet)
    assert caught.value.code == "E_LAB_DOCKER"


def test_no_registry_is_noticed(docker: Docker, tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    path.write_text(
        json.dumps({"node": f"x.test/node:1@sha256:{'1' * 64} from 127.0.0.1:9/node", "platform": []})
    )
    assert not registry.reachable(docker, registry.read(path))
