"""Container images without a registry: one static binary each, sometimes a shell, packed by buildah."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

from bootstrap.lab import digests, iptables, project_image, servers
from bootstrap.lab.locks import locked
from bootstrap.lab.ports import OnEvent
from bootstrap.lab.servers import Server
from bootstrap.model.errors import WorldError

BUSYBOX = Path("/bin/busybox")
_USERS = """\
root:x:0:0:root:/:/bin/sh
vault:x:100:1000:vault:/home/vault:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh
"""
_GROUPS = "root:x:0:\nvault:x:1000:\nnobody:x:65534:\n"


@dataclass(frozen=True, slots=True)
class Image:
    """``path`` is where the server's binary lies in the image; without a server it is busybox alone.
    ``iptables`` adds this machine's, with the libraries that it needs; ``program`` is this program and nothing else."""

    name: str
    server: Server | None = None
    path: str = ""
    busybox: bool = False
    iptables: bool = False
    program: bool = False
    lines: tuple[str, ...] = ()

    @property
    def binary(self) -> str:
        return Path(self.path).name

    @property
    def archive(self) -> str:
        """File name of the archive in a lab's ``images`` folder."""
        return self.name.replace("/", "_").replace(":", "_") + ".tar"

    def containerfile(self) -> str:
        if self.program:
            return project_image.containerfile()
        copied = ["COPY root /", *(["COPY --chown=100:1000 home /home"] if self.busybox else [])]
        path = "/usr/local/bin:/usr/sbin:/bin" if self.iptables else "/usr/local/bin:/bin"
        return "\n".join(["FROM scratch", *copied, f"ENV PATH={path}", *self.lines, ""])


def _tag(server: Server) -> str:
    return server.version.removeprefix("v")


def of_the_cluster() -> tuple[Image, ...]:
    """What kubeadm's manifests and the lab's own name: a cluster is not ready without them."""
    kubernetes, dns, storage = servers.KUBERNETES, servers.COREDNS, servers.LOCAL_PATH
    programs = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    return (
        Image("registry.k8s.io/pause:3.10.1", busybox=True, lines=('ENTRYPOINT ["/bin/sleep", "infinity"]',)),
        Image(f"registry.k8s.io/etcd:{etcd_tag()}", servers.ETCD, "/usr/local/bin/etcd"),
        *(
            Image(f"registry.k8s.io/{program}:{kubernetes.version}", kubernetes, f"/usr/local/bin/{program}")
            for program in programs
        ),
        _single(f"registry.k8s.io/coredns/coredns:{dns.version}", dns, "/coredns"),
        _single(
            f"docker.io/rancher/local-path-provisioner:{storage.version}",
            storage,
            "/usr/bin/local-path-provisioner",
        ),
        Image("docker.io/library/busybox:stable", busybox=True, lines=('CMD ["sh"]',)),
    )


def of_kind() -> tuple[Image, ...]:
    """What a node of kind has beside them, where each node runs these as pods."""
    kubernetes = servers.KUBERNETES
    return (
        kube_proxy(),
        Image(
            f"bootstrap.test/node-network:{kubernetes.version}",
            kubernetes,
            "/usr/local/bin/kubectl",
            busybox=True,
        ),
    )


def kube_proxy() -> Image:
    """For a cluster whose nodes run it as a pod, as kubeadm would have it."""
    kubernetes = servers.KUBERNETES
    return Image(
        f"registry.k8s.io/kube-proxy:{kubernetes.version}",
        kubernetes,
        "/usr/local/bin/kube-proxy",
        iptables=True,
    )


def of_the_platform() -> tuple[Image, ...]:
    """What is tried out on a lab, named as its vendors do."""
    vault, operator = servers.VAULT, servers.EXTERNAL_SECRETS
    return (
        Image(
            f"docker.io/hashicorp/vault:{_tag(vault)}",
            vault,
            "/bin/vault",
            busybox=True,
            lines=("USER 100:1000", 'ENTRYPOINT ["/bin/vault"]', 'CMD ["server", "-config=/vault/config"]'),
        ),
        _single(
            f"ghcr.io/external-secrets/external-secrets:{operator.version}",
            operator,
            "/bin/external-secrets",
            "USER 65534",
        ),
    )


def of_the_program() -> Image:
    """What runs in the cluster of this program: another one for each of its versions."""
    return Image(f"bootstrap.test/bootstrap:{project_image.version()}", program=True)


def _single(name: str, server: Server, path: str, *lines: str) -> Image:
    return Image(name, server, path, lines=(*lines, f'ENTRYPOINT ["{path}"]'))


def etcd_tag() -> str:
    """As etcd's release images are tagged for Kubernetes."""
    return f"{_tag(servers.ETCD)}-0"


def archive(image: Image, entries: Mapping[str, Path], cache: Path, on_event: OnEvent) -> Path:
    """The OCI archive of an image in the cache, by tag and by digest, made first where missing; ``entries`` by
    server name."""
    entry = cache / "images" / file_name(image, entries)
    if entry.is_file():
        return entry
    with locked(cache / "images" / f".{image.archive}", wait=True) as workplace:
        if not entry.is_file():
            _make(image, entries, entry, workplace, on_event)
    return entry


def file_name(image: Image, entries: Mapping[str, Path]) -> str:
    """In the cache: it changes with the content."""
    return f"{Path(image.archive).stem}-{_key(image, entries)}.tar"


def _key(image: Image, entries: Mapping[str, Path]) -> str:
    parts = ["by digest", image.name, image.containerfile(), image.path]
    parts += [entries[image.server.name].name] if image.server else []
    parts += [_busybox(), _USERS, _GROUPS] if image.busybox else []
    parts += [iptables.digest()] if image.iptables else []
    parts += [project_image.digest()] if image.program else []
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@once
def _busybox() -> str:
    return hashlib.sha256(BUSYBOX.read_bytes()).hexdigest()


def _make(image: Image, entries: Mapping[str, Path], entry: Path, workplace: Path, on_event: OnEvent) -> None:
    subject, begun = f"packing {image.name}", time.monotonic()
    on_event("start", subject, 0)
    for remains in workplace.iterdir():
        shutil.rmtree(remains)
    with tempfile.TemporaryDirectory(dir=workplace) as temporary:
        context = Path(temporary)
        _fill(context / "root", image, entries)
        (context / "Containerfile").write_text(image.containerfile(), encoding="utf-8")
        build = ["build", "--isolation", "chroot", "--timestamp", "0", "--tag", image.name]
        _buildah(context, *build, str(context))
        layout = context / "layout"
        _buildah(context, "push", "--disable-compression", image.name, f"oci:{layout}:{image.name}")
        digests.named_by_digest(layout)
        with tarfile.open(context / "out.tar", "w") as archive:
            archive.add(layout, arcname="")
        (context / "out.tar").rename(entry)
    on_event("done", subject, time.monotonic() - begun)


def _fill(root: Path, image: Image, entries: Mapping[str, Path]) -> None:
    if image.program:
        project_image.copy(root)
        return
    (root / "tmp").mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    if image.server:
        place(entries[image.server.name] / image.binary, root / image.path.lstrip("/"))
    if image.busybox:
        _add_shell(root)
    if image.iptables:
        iptables.copy(root)


def _add_shell(root: Path) -> None:
    place(BUSYBOX, root / "bin/busybox")
    listed = subprocess.run([str(BUSYBOX), "--list"], capture_output=True, text=True, check=True)  # noqa: S603 - a fixed path
    for applet in listed.stdout.split():
        link = root / "bin" / applet
        if not link.exists():
            link.symlink_to("/bin/busybox")
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(_USERS, encoding="utf-8")
    (root / "etc/group").write_text(_GROUPS, encoding="utf-8")
    (root.parent / "home/vault").mkdir(parents=True)  # beside it, for it is copied with another owner


def place(source: Path, target: Path) -> None:
    """A second name for the same bytes; a copy where the two are on different file systems."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _buildah(context: Path, verb: str, *arguments: str) -> None:
    storage = ["--storage-driver", "vfs", "--root", f"{context}/store", "--runroot", f"{context}/run"]
    done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        ["/usr/bin/buildah", *storage, verb, *arguments],
        env={"PATH": os.defpath + ":/usr/sbin:/sbin", "HOME": str(context), "TMPDIR": str(context)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WorldError(
            f"buildah {verb} failed: {done.stderr.strip().splitlines()[-1:]}",
            code="E_LAB_IMAGE",
            where=arguments[-1],
            hint="run it again; if it fails the same way, look at the file system of the cache",
        )
