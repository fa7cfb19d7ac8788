"""`bootstrap hosts prepare` on two containers with systemd and SSH: checked, prepared, prepared again, one away."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.support import machines, packages
from tests.lab.support.machines import Machine
from tests.support.program import assert_refused, run_bootstrap, said

pytestmark = [pytest.mark.lab, pytest.mark.whole]
NETWORK, THIRD = "bootstrap-test-hosts", 144


@dataclass(frozen=True)
class Hosts:
    """Two machines, and what the operator has: inventory, key, known host keys."""

    one: Machine
    two: Machine
    folder: Path

    def prepare(
        self, *more: object, inventory: str = "hosts.ini", known: str = "known_hosts"
    ) -> "subprocess.CompletedProcess[str]":
        files = ["--inventory", self.folder / inventory, "--known-hosts", self.folder / known]
        return run_bootstrap("hosts", "prepare", *files, "--ssh-key", self.folder / "key", *more)

    def changed(self, *more: object) -> dict[str, int]:
        done = self.prepare("-o", "json", *more)
        assert done.returncode == 0, said(done)
        return {row["host"]: row["changed"] for row in json.loads(done.stdout)}

    def write(self, name: str, two: str) -> str:
        text = (
            f"[control_plane]\none ansible_host={self.one.address}\n"
            f"[workers]\ntwo ansible_host={two}\n"
            f"[all:vars]\nansible_user=vagrant\nkubernetes_apt_source={packages.SOURCE.format(packages.KUBERNETES)}\n"
        )
        (self.folder / name).write_text(text)
        return name


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    place = tmp_path_factory.mktemp("hosts")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / "key"], check=True)
    with machines.docker_engine() as docker:
        made_of = machines.image(docker, "bare", MACHINE_PACKAGES="", MACHINE_HOOK=packages.hook())
        with machines.network(docker, NETWORK, THIRD) as net:
            one, two = (
                machines.start(docker, made_of, net, f"bootstrap-test-{name}", f"198.18.{THIRD}.{last}")
                for name, last in (("one", 11), ("two", 12))
            )
            found = Hosts(one, two, place)
            (place / "known_hosts").write_text(one.host_key() + two.host_key())
            debian, kubernetes = place / "debian", place / "kubernetes"
            debian.mkdir()
            docker.run("cp", f"{one.name}:{packages.WHERE}/.", str(debian))
            packages.kubernetes(kubernetes)
            for folder in (debian, kubernetes):
                packages.index(folder)
            for machine in (one, two):
                docker.run("cp", f"{debian}/Packages", f"{machine.name}:{packages.WHERE}/Packages")
                docker.run("cp", str(kubernetes), f"{machine.name}:{packages.KUBERNETES}")
                machine.run("sh", "-c", "rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
                line = packages.SOURCE.format(packages.WHERE)
                machine.run("sh", "-c", f"echo '{line}' >/etc/apt/sources.list")
                key = (place / "key.pub").read_text()
                machine.run("sh", "-c", f"echo '{key}' >/home/vagrant/.ssh/authorized_keys")
            found.write("hosts.ini", two.address)
            yield found


def test_a_check_counts_and_changes_nothing(hosts: Hosts) -> None:
    before = [machine.run("dpkg-query", "--list") for machine in (hosts.one, hosts.two)]
    counted = hosts.changed("--check")
    assert counted["one"] > counted["two"] > 5  # the control plane has more to come
    assert [machine.run("dpkg-query", "--list") for machine in (hosts.one, hosts.two)] == before
    for path in (
        "/etc/containerd/config.toml",
        "/etc/kubernetes/encryption.yaml",
        "/etc/sysctl.d/90-bootstrap.conf",
    ):
        assert hosts.one.docker.attempt("exec", hosts.one.name, "test", "-e", path).returncode != 0, path


def test_hosts_are_prepared_and_a_second_run_changes_nothing(hosts: Hosts) -> None:
    first = hosts.changed()
    assert all(count > 5 for count in first.values()), first
    for machine in (hosts.one, hosts.two):
        assert machine.run("systemctl", "is-active", "containerd").strip() == "active"
        assert machine.run("ctr", "version").count("Version:") == 2
        assert machine.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
        assert machine.run("kubeadm", "version", "-o", "short").strip() == "v1.34.4"
        assert machine.run("systemctl", "is-enabled", "kubelet").strip() == "enabled"
        assert machine.run("test", "-x", "/opt/cni/bin/bridge") == ""
    assert hosts.changed() == {"one": 0, "two": 0}
    assert hosts.changed("--check") == {"one": 0, "two": 0}


def test_a_change_by_hand_is_found_and_changed_back(hosts: Hosts) -> None:
    hosts.two.run(
        "sh",
        "-c",
        "echo net.ipv4.ip_forward=0 >/etc/sysctl.d/90-bootstrap.conf; sysctl -qw net.ipv4.ip_forward=0",
    )
    assert hosts.changed("--check") == {"one": 0, "two": 2}
    assert hosts.two.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "0"
    assert hosts.changed() == {"one": 0, "two": 2}
    assert hosts.two.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"


def test_the_key_of_etcd_is_made_on_the_host_once_and_kubeadm_takes_its_configuration(hosts: Hosts) -> None:
    path = "/etc/kubernetes/encryption.yaml"
    assert hosts.one.run("stat", "-c", "%a %U", path).strip() == "600 root"
    assert "secretbox" in hosts.one.run("cat", path)
    assert hosts.two.docker.attempt("exec", hosts.two.name, "test", "-e", path).returncode != 0
    before = hosts.one.run("sha256sum", path)
    hosts.changed()
    assert hosts.one.run("sha256sum", path) == before
    hosts.one.run("kubeadm", "config", "validate", "--config", "/etc/kubernetes/kubeadm.yaml")


def test_the_key_of_etcd_is_nowhere_in_what_a_run_prints_or_leaves(hosts: Hosts) -> None:
    hosts.one.run("rm", "/etc/kubernetes/encryption.yaml")
    home = hosts.folder / "home"
    done = hosts.prepare("-o", "json")
    assert done.returncode == 0, said(done)
    key = hosts.one.run(
        "sed", "-n", "s/.*secret: \\(.*\\)}.}/\\1/p", "/etc/kubernetes/encryption.yaml"
    ).strip()
    assert len(key) == 44
    assert key not in done.stdout + done.stderr
    assert not list(Path("/tmp").glob("bootstrap-hosts-*"))
    assert not home.exists()
    left = hosts.one.docker.attempt(
        "exec", hosts.one.name, "grep", "-rlF", key, "/tmp", "/var/log", "/home", "/root"
    )
    assert left.stdout == ""


def test_a_host_that_is_away_is_named_and_the_other_is_prepared(hosts: Hosts) -> None:
    hosts.one.run("rm", "/etc/sysctl.d/90-bootstrap.conf")
    done = hosts.prepare(inventory=hosts.write("away.ini", f"198.18.{THIRD}.99"))
    assert_refused(done, 1, "E_HOST_UNREACHABLE", f"two (198.18.{THIRD}.99)", "two is not reached")
    assert hosts.one.run("test", "-e", "/etc/sysctl.d/90-bootstrap.conf") == ""


def test_a_host_whose_key_is_another_one_is_not_believed(hosts: Hosts) -> None:
    lines = (hosts.folder / "known_hosts").read_text().splitlines(keepends=True)
    wrong = lines[0] + lines[0].replace(hosts.one.address, hosts.two.address)
    (hosts.folder / "wrong").write_text(wrong)
    done = hosts.prepare(known="wrong")
    assert_refused(done, 1, "E_HOST_UNREACHABLE", f"two ({hosts.two.address})")
    assert "one is not reached" not in done.stderr


def test_a_second_control_plane_is_not_given_another_key(hosts: Hosts) -> None:
    text = (hosts.folder / "hosts.ini").read_text().replace("[workers]\n", "")
    (hosts.folder / "both.ini").write_text(text)
    done = hosts.prepare(inventory="both.ini")
    assert_refused(done, 1, "E_HOST_WORK", "two", "one makes the key that encrypts etcd")


def test_a_program_of_kubernetes_that_no_source_has_is_named(hosts: Hosts) -> None:
    hosts.two.run("dpkg", "--purge", "kubelet")
    hosts.two.run(
        "sh", "-c", f"sed -i 's/^Package: kubelet$/Package: elsewhere/' {packages.KUBERNETES}/Packages"
    )
    done = hosts.prepare()
    assert_refused(done, 1, "E_HOST_WORK", "two", "kubelet")
