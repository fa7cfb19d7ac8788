"""The provider ``local``: a Kubernetes node in a box on this machine, with nothing but Linux under it."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.lab import cgroup, digests, images, servers, state, store
from bootstrap.lab.build import CACHE, build_all
from bootstrap.lab.encryption import encryption_at_rest, private
from bootstrap.lab.locks import locked
from bootstrap.lab.ports import OnEvent, Plain, Playbooks
from bootstrap.lab.ready import is_ready
from bootstrap.lab.state import HOME, Lab
from bootstrap.model.errors import PreconditionError


@dataclass(frozen=True, slots=True)
class LocalLabs:
    """Brings labs up and down. ``cache`` holds what is built once and shared by all of them.

    The etcd of a new lab waits for the disk where ``durable`` says so.
    """

    playbooks: Playbooks
    on_event: OnEvent
    cache: Path = CACHE
    home: Path = HOME
    durable: bool = False

    def up(self, name: str) -> Lab:
        """A running cluster of that name: the one that runs, the one that ran, or a new one.

        ``PreconditionError`` on a machine that cannot hold one, ``WorldError`` when host work fails.
        """
        state.check_name(name)
        require_linux_root()
        known = state.find(name, self.home)
        if known:
            state.require_durable(known, wanted=self.durable)
        if known and is_ready(known) and _has_all_images(known):
            return known
        self.playbooks.run("lab-host", {}, self.on_event)
        entries = build_all(servers.LAB, self.cache, self.on_event)
        archives = {
            image: images.archive(image, entries, self.cache, self.on_event)
            for image in (*images.of_the_cluster(), *images.of_the_platform(), images.of_the_program())
        }
        lab = state.allocate(name, self.home)
        with locked(lab.state, wait=False):
            self._start(lab, entries, archives)
        return lab

    def down(self, name: str) -> None:
        """Nothing of that lab is left: no process, no network, no file. The cache stays."""
        state.check_name(name)
        require_linux_root()
        lab = state.find(name, self.home)
        if lab is None and not cgroup.groups(name) and not (self.home / name).exists():
            return
        lab = lab or Lab(name, -1, self.home)  # remains without a memory: there is no link to remove
        # With the whole home held no lab begins while the last one's route goes.
        with locked(lab.state, wait=False), locked(self.home, wait=True):
            self._end(lab, forget=True)
            if not any(self.home.iterdir()):
                self.home.rmdir()

    def _end(self, lab: Lab, *, forget: bool) -> None:
        others = [other for other in state.every(self.home) if other.name != lab.name]
        variables = {**_variables(lab), "forget": forget, "last": forget and not others}
        self.playbooks.run("lab-down", variables, self.on_event)

    def _start(self, lab: Lab, entries: Mapping[str, Path], archives: Mapping[images.Image, Path]) -> None:
        if lab.initialised:
            _require_same_version(lab)
        elif (lab.state / "config").exists():
            self._end(lab, forget=False)
            state.start_over(lab)
        if not lab.initialised:
            self._settle(lab, archives)
        wanted = _changed(lab, archives)
        _furnish(lab, entries, {image: archives[image] for image in wanted})
        known = _known(archives)
        digests.write(lab.manifests, known["digests"])
        variables = {
            **_variables(lab),
            "kubernetes_version": servers.KUBERNETES.version,
            "coredns_tag": servers.COREDNS.version,
            "local_path_tag": servers.LOCAL_PATH.version,
            "etcd_tag": images.etcd_tag(),
            "unsafe_no_fsync": "false" if lab.remembered().get("durable") else "true",
            "images": " ".join(image.archive for image in wanted),
        }
        self.playbooks.run("lab-up", variables, self.on_event)
        lab.remember(**known)
        private(lab.kubeconfig, (lab.state / "kubernetes" / "admin.conf").read_bytes())

    def _settle(self, lab: Lab, archives: Mapping[images.Image, Path]) -> None:
        """What a new lab begins with: its version, and the images as containerd keeps them. Not the program's, which
        is another one after each change: a store a change would fill the cache."""
        archives = {image: path for image, path in archives.items() if not image.program}
        ready = store.prepared(archives.values(), self.cache, self.on_event)
        (lab.state / "config").mkdir()  # from here on its first start is unfinished
        (lab.state / "var-lib").mkdir()
        store.copy(ready, lab.state / "var-lib" / "containerd")
        lab.remember(kubernetes=servers.KUBERNETES.version, durable=self.durable, **_known(archives))


def _known(archives: Mapping[images.Image, Path]) -> dict[str, dict[str, str]]:
    """What a lab remembers of its images, by name: the file in the cache, and the digest."""
    files = {image.name: path.name for image, path in archives.items()}
    return {"images": files, "digests": {image.name: digests.of(path) for image, path in archives.items()}}


def _changed(lab: Lab, archives: Mapping[images.Image, Path]) -> list[images.Image]:
    known = lab.remembered().get("images", {})
    return [image for image, path in archives.items() if known.get(image.name) != path.name]


def _has_all_images(lab: Lab) -> bool:
    """Those of the servers by name, and this program's as it is now."""
    known, program = lab.remembered().get("images", {}), images.of_the_program()
    names = {image.name for image in (*images.of_the_cluster(), *images.of_the_platform())}
    return names <= set(known) and known.get(program.name) == images.file_name(program, {})


def describe(name: str, home: Path = HOME) -> dict[str, object]:
    """What ``status`` shows. ``state`` is absent, unfinished, stopped, starting or running."""
    lab = state.find(name, home)
    if lab is None:
        return {"name": name, "provider": "local", "state": "absent"}
    known = lab.remembered()
    return {
        "name": name,
        "provider": "local",
        "state": _state_of(lab),
        "pid": cgroup.init_of(name),
        "address": lab.node_address,
        "server": f"https://{lab.node_address}:6443",
        "kubeconfig": str(lab.kubeconfig),
        "manifests": str(lab.manifests),
        "auditLog": str(lab.audit_log),
        "logs": str(lab.state / "var-log"),
        "binaries": str(lab.state / "bin"),
        "stateDir": str(lab.state),
        "cgroup": f"bootstrap-lab-{name}",
        "kubernetes": known.get("kubernetes"),
        "durable": bool(known.get("durable")),
        "images": digests.named(known),
    }


def _state_of(lab: Lab) -> str:
    if not lab.initialised:
        return "unfinished"
    if cgroup.init_of(lab.name) is None:
        return "stopped"
    return "running" if is_ready(lab) else "starting"


def _require_same_version(lab: Lab) -> None:
    made, built = lab.remembered().get("kubernetes"), servers.KUBERNETES.version
    if made != built:
        raise PreconditionError(
            f"lab {lab.name} holds a cluster of Kubernetes {made}, and this builds {built}",
            code="E_LAB_VERSION",
            where=str(lab.state),
            hint=f"bootstrap lab down --name {lab.name}, then up: a lab is not upgraded in place",
        )


def _variables(lab: Lab) -> dict[str, Plain]:
    return {
        "lab": lab.name,
        "state": str(lab.state),
        "link": lab.link,
        "host_address": lab.host_address,
        "node_address": lab.node_address,
    }


def _furnish(lab: Lab, entries: Mapping[str, Path], archives: Mapping[images.Image, Path]) -> None:
    for binary in servers.KUBERNETES.binaries:
        images.place(entries["kubernetes"] / binary, lab.state / "bin" / binary)
    for image, path in archives.items():
        images.place(path, lab.state / "images" / image.archive)
    crds = lab.manifests / "external-secrets" / "crds.yaml"
    crds.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(entries["external-secrets"] / "crds.yaml", crds)
    encryption = lab.state / "kubernetes" / "encryption.yaml"
    encryption.parent.mkdir(mode=0o700, exist_ok=True)
    encryption_at_rest(encryption)


def require_linux_root(where: str = "--provider local") -> None:
    """``PreconditionError`` E_LAB_ROOT."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise PreconditionError(
            "a local lab makes namespaces, mounts and network links: it needs root on Linux",
            code="E_LAB_ROOT",
            where=where,
            hint="run it again with sudo",
        )
