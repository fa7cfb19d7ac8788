"""What machines without an image registry need to become a cluster, in one folder."""

import os
import shutil
from pathlib import Path

import yaml

from bootstrap.lab import images, servers
from bootstrap.lab.build import build_all
from bootstrap.lab.ports import OnEvent, Playbooks
from bootstrap.lab.resources import folder
from bootstrap.model.errors import PreconditionError

PROGRAMS = ("kubeadm", "kubectl", "kubelet")


def export(target: Path, playbooks: Playbooks, cache: Path, on_event: OnEvent) -> None:
    """Into a new folder or over what an earlier export has left there, built first where that is missing.

    ``PreconditionError`` E_LAB_ROOT; ``WorldError`` when a build or an image fails.
    """
    if os.geteuid() != 0:
        raise PreconditionError(
            "images are packed as root", code="E_LAB_ROOT", where="lab export", hint="run it again with sudo"
        )
    playbooks.run("kind-host", {"engine": False, "make": True}, on_event)
    entries = build_all(servers.LAB, cache, on_event)
    for program in PROGRAMS:
        images.place(entries["kubernetes"] / program, target / "programs" / program)
    wanted = (*images.of_the_cluster(), images.kube_proxy(), *images.of_the_platform())
    made = {image: images.archive(image, entries, cache, on_event) for image in wanted}
    for old in (target / "images").glob("*.tar"):
        old.unlink()
    for image, path in made.items():
        images.place(path, target / "images" / image.archive)
    crds = target / "manifests" / "external-secrets" / "crds.yaml"
    crds.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(entries["external-secrets"] / "crds.yaml", crds)
    addons = (folder("playbooks") / "files" / "config" / "addons.yaml").read_text(encoding="utf-8")
    (target / "storage.yaml").write_text(addons.replace("@local_path_tag@", servers.LOCAL_PATH.version))
    (target / "variables.yaml").write_text(yaml.safe_dump(_variables(target.absolute())))


def _variables(target: Path) -> dict[str, str]:
    """As an inventory of ``hosts prepare`` gives them."""
    return {
        "kubernetes_programs": str(target / "programs"),
        "image_archives": str(target / "images"),
        "kubernetes_version": servers.KUBERNETES.version,
        "etcd_tag": images.etcd_tag(),
        "coredns_tag": servers.COREDNS.version,
    }
