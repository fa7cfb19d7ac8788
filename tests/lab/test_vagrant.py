"""The Vagrantfile: valid for each provider, the whole road on machines of Docker, one emulated machine of libvirt."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.lab.kind.docker import Docker
from tests.lab.support import libvirt, machines, vagrant
from tests.lab.support.installed import install
from tests.lab.support.vagrant import Vagrant
from tests.support.program import BOOTSTRAP, run_bootstrap, said

pytestmark = pytest.mark.lab
NETWORK, THIRD = "bootstrap-test-vagrant", 145
MACHINES = 3
FINDS = {"virtualbox": ("VBoxManage", "7.0.20r163906"), "docker": ("docker", ""), "libvirt": ("virsh", "")}
WRONG = {
    "virtualbox": ("vm.cpus =", "vm.cpsu ="),
    "docker": ("docker.has_ssh =", "docker.has_shh ="),
    "libvirt": ("libvirt.driver =", "libvirt.drive ="),
}


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    install("vagrant", "vagrant-libvirt", "openssh-client")


@pytest.mark.parametrize("provider", FINDS)
def test_the_file_is_valid_and_a_wrong_word_in_it_is_not(provider: str, tmp_path: Path) -> None:
    settings = {**vagrant.stand_in(tmp_path / "bin", *FINDS[provider]), "BOOTSTRAP_VAGRANT_MACHINES": "3"}
    Vagrant(provider, tmp_path, settings).must("validate")
    wrong = vagrant.copied(tmp_path / "wrong", WRONG[provider])
    done = Vagrant(provider, tmp_path, {**settings, "VAGRANT_CWD": str(wrong)}).run("validate")
    assert done.returncode != 0, done.stdout + done.stderr


def test_a_fourth_machine_is_refused(tmp_path: Path) -> None:
    done = Vagrant("docker", tmp_path, {"BOOTSTRAP_VAGRANT_MACHINES": "4"}).run("validate")
    assert done.returncode != 0
    assert "1, 2 or 3" in done.stderr


# ---------------------------------------------------------------- docker


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    with machines.docker_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab's, which the tests before have built."""
    folder = tmp_path_factory.mktemp("servers")
    done = subprocess.run(
        [str(BOOTSTRAP), "lab", "export", "--out", str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def up(docker: Docker, servers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vagrant]:
    image = machines.image(docker, "vagrant")
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    limit.write_text(
        str(max(512, int(limit.read_text())))
    )  # shared by all machines and labs, and never lowered
    with machines.network(docker, NETWORK, THIRD):
        settings = {
            **docker.environment(),
            "BOOTSTRAP_VAGRANT_MACHINES": str(MACHINES),
            "BOOTSTRAP_VAGRANT_SERVERS": str(servers),
            "BOOTSTRAP_VAGRANT_IMAGE": image,
            "BOOTSTRAP_VAGRANT_NETWORK": NETWORK,
            "BOOTSTRAP_VAGRANT_DOCKER_PREFIX": f"198.18.{THIRD}",
        }
        found = Vagrant("docker", tmp_path_factory.mktemp("vagrant"), settings)
        found.must("up")
        yield found
        found.must("destroy", "--force")


@pytest.mark.whole
def test_the_whole_road_on_machines_of_docker(up: Vagrant, servers: Path) -> None:
    folder = up.place / "road"
    folder.mkdir()
    done = run_bootstrap("keygen", "--out", folder, "--no-passphrase", "--non-interactive")
    assert done.returncode == 0, said(done)
    repository = folder / "platform"
    done = run_bootstrap("init", repository, "--keys", folder, "--manifests", servers / "manifests")
    assert done.returncode == 0, said(done)
    cluster = ["--repo", repository, "--root", f"file:{folder}/root.key", "--kubeconfig", up.kubeconfig]
    done = run_bootstrap("up", *cluster, "--non-interactive")
    assert done.returncode == 0, said(done)
    done = run_bootstrap("verify", *cluster, "--non-interactive", "-o", "json")
    assert done.returncode == 0, said(done)
    assert json.loads(done.stdout)


@pytest.mark.whole
def test_secrets_are_encrypted_in_its_etcd(up: Vagrant) -> None:
    kubectl = ["sudo", "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"]
    make = [*kubectl, "create", "secret", "generic", "canary", "--from-literal=value=plainly-visible-7431"]
    seen = [*kubectl, "create", "configmap", "canary", "--from-literal=value=plainly-visible-1347"]
    for command in (make, seen):
        up.must("ssh", "machine1", "--command", " ".join(command))
    search = "sudo grep -rlaE {} /var/lib/etcd || true"
    assert up.must("ssh", "machine1", "--command", search.format("plainly-visible-1347")).strip() != ""
    assert up.must("ssh", "machine1", "--command", search.format("plainly-visible-7431")).strip() == ""


@pytest.mark.whole
def test_up_and_provision_again_change_nothing(up: Vagrant) -> None:
    before = up.kubeconfig.read_bytes()
    up.must("up")
    assert up.kubeconfig.read_bytes() == before
    assert up.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert up.changed() == {f"machine{number}": 0 for number in range(1, MACHINES + 1)}


# ---------------------------------------------------------------- libvirt


@pytest.mark.whole
def test_a_machine_of_libvirt_is_started_prepared_and_destroyed(tmp_path: Path) -> None:
    box = libvirt.box()
    with libvirt.daemon(tmp_path / "libvirt") as uri:
        settings = {
            "LIBVIRT_DEFAULT_URI": uri,
            "BOOTSTRAP_VAGRANT_BOX": "bootstrap-test/machine",
            "BOOTSTRAP_VAGRANT_DRIVER": "qemu",
            "BOOTSTRAP_VAGRANT_MANAGEMENT_NETWORK": "none",
            "BOOTSTRAP_VAGRANT_PRIVATE_NETWORK": "no",
            "BOOTSTRAP_VAGRANT_CLUSTER": "no",
            "BOOTSTRAP_VAGRANT_SERVERS": str(libvirt.programs(tmp_path / "servers")),
        }
        found = Vagrant("libvirt", tmp_path, settings)
        found.must("box", "add", "--name", "bootstrap-test/machine", str(box))
        try:
            found.must("up")
            said = found.must("ssh", "--command", "systemctl is-active containerd; kubeadm version -o short")
            assert re.findall(r"^active|^v1\.34\.4", said, re.M) == ["active", "v1.34.4"]
        finally:
            found.must("destroy", "--force")
        listed = subprocess.run(
            ["virsh", "--connect", uri, "list", "--all", "--name"], capture_output=True, text=True
        )
        assert listed.stdout.strip() == ""
