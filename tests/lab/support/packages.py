"""A package source in a folder: what a host without a network installs from."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from bootstrap.lab.build import binaries
from bootstrap.lab.resources import folder

PROGRAMS = ("kubeadm", "kubectl", "kubelet")
WHERE, KUBERNETES = "/srv/packages", "/srv/kubernetes"
SOURCE = "deb [trusted=yes] file:{} ./"
# In the root of a new machine, from the package mirror of this one: its node packages as files, with what they need.
HOOK = (
    "set -- \"$1\" $(sed -n '/^node_packages:/,$ s/^  \\([a-z0-9-]*\\): .*/\\1/p' {defaults}); root=$1; shift; "
    'APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --no-install-recommends --download-only install "$@" && '
    f'mkdir -p "$root{WHERE}" && mv "$root"/var/cache/apt/archives/*.deb "$root{WHERE}"'
)


def hook() -> str:
    return HOOK.format(defaults=folder("playbooks") / "roles/packages/defaults/main.yaml")


def kubernetes(target: Path) -> list[Path]:
    """Packages of the Kubernetes that a lab builds, as its vendor divides it."""
    made = []
    for name, path in binaries(*PROGRAMS).items():
        root = target / name
        (root / "usr/bin").mkdir(parents=True)
        shutil.copy2(path, root / "usr/bin" / name)
        if name == "kubelet":
            unit = folder("playbooks") / "roles/kubernetes/files/kubelet.service"
            (root / "lib/systemd/system").mkdir(parents=True)
            shutil.copyfile(unit, root / "lib/systemd/system" / unit.name)
        (root / "DEBIAN").mkdir()
        fields = {"Package": name, "Version": "1.34.4", "Architecture": "amd64"}
        fields |= {"Maintainer": "tests", "Description": f"{name}, of a lab"}
        (root / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
        package = target / f"{name}.deb"
        subprocess.run(["dpkg-deb", "-Znone", "--build", root, package], check=True, capture_output=True)
        shutil.rmtree(root)
        made.append(package)
    return made


def index(packages: Path) -> None:
    """The file ``Packages`` that apt looks for."""
    stanzas = []
    for deb in sorted(packages.glob("*.deb")):
        control = subprocess.run(
            ["dpkg-deb", "--field", deb], check=True, capture_output=True, text=True
        ).stdout
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        stanzas.append(f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n")
    (packages / "Packages").write_text("\n".join(stanzas))
