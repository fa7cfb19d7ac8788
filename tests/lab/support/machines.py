"""Containers with systemd and SSH: stand-ins for machines that people own, without a way out."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.local.ansible import AnsiblePlaybooks
from bootstrap.lab.build import CACHE, quiet
from bootstrap.lab.kind import engine
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.resources import folder
from bootstrap.lab.state import every

SUBNET = "198.18.{}.0/24"  # inside of 198.18.0.0/15, apart from what labs use
MAKE = folder("testbed") / "machine" / "make"


@dataclass(frozen=True)
class Machine:
    docker: Docker
    name: str
    address: str

    def run(self, *command: str) -> str:
        return self.docker.run("exec", self.name, *command)

    def host_key(self) -> str:
        """As a line of known_hosts, read inside of it and not over the network."""
        self.run("/bin/sh", "-c", "until [ -s /etc/ssh/ssh_host_ed25519_key.pub ]; do sleep 0.1; done")
        kind, key, *_ = self.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()
        return f"{self.address} {kind} {key}\n"


@contextmanager
def docker_engine() -> Iterator[Docker]:
    """The user's Docker, or the private one of labs; that ends where no lab has it."""
    if Docker().answers():
        yield Docker()
        return
    docker = engine.private()
    AnsiblePlaybooks(folder("playbooks")).run("kind-host", {"engine": True, "make": True}, quiet)
    engine.start(CACHE, quiet)
    try:
        yield docker
    finally:
        if not any(lab.remembered().get("socket") for lab in every()):
            engine.stop()


def digest_of(**environment: str) -> str:
    """Changes with anything that a machine of ``testbed/machine/make`` is made from."""
    digest = hashlib.sha256(repr(sorted(environment.items())).encode())
    files = [folder("playbooks") / "roles/packages/defaults/main.yaml"]
    for part in (MAKE.parent, folder("testbed") / "kind-node"):
        files += sorted(path for path in part.rglob("*") if path.is_file())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def image(docker: Docker, name: str, **environment: str) -> str:
    """A machine, made once for its content; ``environment`` is that of the script that makes it."""
    known = f"bootstrap-test/{name}:{digest_of(**environment)}"
    if docker.inspect("image", known) is None:
        done = subprocess.run(
            [str(MAKE), "docker", known],
            env={**os.environ, **docker.environment(), **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    return known


@contextmanager
def network(docker: Docker, name: str, third: int) -> Iterator[str]:
    """A bridge from which this machine forwards nothing."""
    drop(docker, name)
    bridge = f"bt{third}"
    options = ["--opt", f"com.docker.network.bridge.name={bridge}"]
    options += ["--opt", "com.docker.network.bridge.enable_ip_masquerade=false"]
    docker.run("network", "create", "--subnet", SUBNET.format(third), *options, name)
    switch = Path(f"/proc/sys/net/ipv4/conf/{bridge}/forwarding")
    if switch.exists():
        switch.write_text("0")
    try:
        yield name
    finally:
        drop(docker, name)


def drop(docker: Docker, network_name: str) -> None:
    """The network and all that is on it."""
    on_it = docker.run("ps", "--all", "--quiet", "--filter", f"network={network_name}").split()
    if on_it:
        docker.run("rm", "--force", "--volumes", *on_it)
    docker.attempt("network", "rm", network_name)


def start(docker: Docker, made_of: str, net: str, name: str, address: str, *options: str) -> Machine:
    fixed = ["--privileged", "--cgroupns=private", "--volume", "/var", "--tmpfs", "/run", "--tmpfs", "/tmp"]
    fixed += ["--hostname", name, "--network", net, "--ip", address, "--name", name]
    docker.run("run", "--detach", *fixed, *options, made_of)
    return Machine(docker, name, address)
