"""What machines without an image registry need to become a cluster, in one folder."""

import os
import shutil
from pathlib import Path

import yaml

from bootstrap.lab import digests, images, project_image, servers
from bootstrap.lab.build import build_all
from bootstrap.lab.ports import OnEvent, Playbooks
from bootstrap.lab.resources import folder
from bootstrap.model.errors import PreconditionError

PROGRAMS = ("kubeadm", "kubectl", "kubelet")


def export(target: Path, playbooks: Playbooks, cache: Path, on_event: OnEvent) -> None:
    """Into a new folder or over what an earlier export has left there, built first where that is missing.

    ``PreconditionError`` E_LAB_ROOT; ``WorldError`` when a build or an image fails.
    """
    _require_root("lab export")
    playbooks.run("kind-host", {"engine": False, "make": True}, on_event)
    entries = build_all(servers.LAB, cache, on_event)
    for program in PROGRAMS:
        images.place(entries["kubernetes"] / program, target / "programs" / program)
    wanted = (
        *images.of_the_cluster(),
        images.kube_proxy(),
        *images.of_the_platform(),
        images.of_the_program(),
    )
    made = {image: images.archive(image, entries, cache, on_event) for image in wanted}
    for old in (target / "images").glob("*.tar"):
        old.unlink()
    for image, path in made.items():
        images.place(path, target / "images" / image.archive)
    crds = target / "manifests" / "external-secrets" / "crds.yaml"
    crds.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(entries["external-secrets"] / "crds.yaml", crds)
    digests.write(target / "manifests", {image.name: digests.of(path) for image, path in made.items()})
    addons = (folder("playbooks") / "files" / "config" / "addons.yaml").read_text(encoding="utf-8")
    (target / "storage.yaml").write_text(addons.replace("@local_path_tag@", servers.LOCAL_PATH.version))
    (target / "variables.yaml").write_text(yaml.safe_dump(_variables(target.absolute())))


def program(target: Path, cache: Path, on_event: OnEvent) -> str:
    """This program's image and what it is made of, as files in that folder; NAME:TAG@DIGEST.

    ``PreconditionError`` E_LAB_ROOT; ``WorldError`` when packing fails.
    """
    _require_root("lab image")
    image = images.of_the_program()
    made = images.archive(image, {}, cache, on_event)
    target.mkdir(parents=True, exist_ok=True)
    images.place(made, target / "bootstrap.oci.tar")
    bill = target / "bootstrap.cdx.json"
    bill.write_text(project_image.bill_of_materials(), encoding="utf-8")
    return f"{image.name}@{digests.of(made)}"


def _require_root(command: str) -> None:
    if os.geteuid() != 0:
        raise PreconditionError(
            "images are packed as root", code="E_LAB_ROOT", where=command, hint="run it again with sudo"
        )


def _variables(target: Path) -> dict[str, str]:
    """As an inventory of ``hosts prepare`` gives them."""
    return {
        "kubernetes_programs": str(target / "programs"),
        "image_archives": str(target / "images"),
        "kubernetes_version": servers.KUBERNETES.version,
        "etcd_tag": images.etcd_tag(),
        "coredns_tag": servers.COREDNS.version,
    }
