"""The image of a node, made of Debian's packages and the Kubernetes that ``testbed/`` builds."""

import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bootstrap.lab import images, servers
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.locks import locked
from bootstrap.lab.ports import OnEvent
from bootstrap.lab.resources import folder
from bootstrap.model.errors import WorldError

_PACKAGES = (
    "ca-certificates,conntrack,containerd,containernetworking-plugins,ethtool,iproute2,iptables,kmod,mount,"
    "procps,runc,socat,systemd-sysv"
)
_LEFT_OUT = ("doc", "info", "locale", "man")
_PROGRAMS = ("kubeadm", "kubelet", "kubectl")
_SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
_CHANGES = (
    "ENV container=docker",
    'ENTRYPOINT ["/usr/local/bin/node-entry", "/sbin/init"]',
)


def made(docker: Docker, entries: Mapping[str, Path], cache: Path, on_event: OnEvent) -> str:
    """Its name in that engine, made and handed over first where missing; ``entries`` by server name."""
    key = _key(entries)
    name = f"bootstrap-lab/node:{key}"
    with locked(cache / "nodes" / ".work", wait=True) as workplace:
        if docker.inspect("image", name) is None:
            root = _root(cache / "nodes" / f"{key}.tar", entries, workplace, on_event)
            subject, begun = "handing the node image to Docker", time.monotonic()
            on_event("start", subject, 0)
            changes = [word for change in _CHANGES for word in ("--change", change)]
            docker.run("import", *changes, str(root), name)
            on_event("done", subject, time.monotonic() - begun)
    return name


def _key(entries: Mapping[str, Path]) -> str:
    digest = hashlib.sha256(repr((_PACKAGES, _LEFT_OUT, _PROGRAMS, _CHANGES, _suite())).encode())
    digest.update(entries["kubernetes"].name.encode())
    for name, content in _files():
        digest.update(hashlib.sha256(name.encode() + b"\0" + content).digest())
    return digest.hexdigest()[:16]


def _files() -> Iterator[tuple[str, bytes]]:
    """Path inside the node and content of all that is neither a package nor a program."""
    source = folder("testbed") / "kind-node"
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        yield str(path.relative_to(source)), _filled_in(path.read_text(encoding="utf-8"))
    shared = folder("playbooks") / "files" / "config"
    addons, dns = shared / "addons.yaml", shared / "patches" / "corednsdeployment.yaml"
    yield f"kind/patches/{dns.name}", dns.read_bytes()
    yield "kind/manifests/default-storage.yaml", _filled_in(addons.read_text(encoding="utf-8"))
    yield "kind/version", servers.KUBERNETES.version.encode()


def _filled_in(text: str) -> bytes:
    values = {
        "@kubernetes_version@": servers.KUBERNETES.version,
        "@local_path_tag@": servers.LOCAL_PATH.version,
    }
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text.encode()


def _root(entry: Path, entries: Mapping[str, Path], workplace: Path, on_event: OnEvent) -> Path:
    """The node's file system as a tar in the cache."""
    if entry.is_file():
        return entry
    subject, begun = "making the node image", time.monotonic()
    on_event("start", subject, 0)
    for remains in workplace.iterdir():
        shutil.rmtree(remains)
    with tempfile.TemporaryDirectory(dir=workplace) as temporary:
        tree, tar = Path(temporary) / "tree", Path(temporary) / "root.tar"
        for name, content in _files():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(content)
            (tree / name).chmod(0o755 if name.startswith("usr/local/bin/") else 0o644)
        for program in _PROGRAMS:
            images.place(entries["kubernetes"] / program, tree / "usr/bin" / program)
        _debian(tree, tar)
        tar.rename(entry)
    on_event("done", subject, time.monotonic() - begun)
    return entry


def _debian(tree: Path, tar: Path) -> None:
    sources = [str(path) for path in _SOURCES if path.is_file() and path.read_text().strip()][:1]
    done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [
            *("/usr/bin/mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}"),
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
            f"--customize-hook=sync-in {tree} /",
            '--customize-hook=chroot "$1" bash /usr/local/bin/node-setup',
            *(_suite(), str(tar), *sources),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.splitlines()
        errors = [line for line in lines if line.startswith("E:")] or lines
        raise WorldError(
            f"mmdebstrap failed: {' / '.join(errors[-3:])}",
            code="E_LAB_IMAGE",
            where=sources[0] if sources else "its own Debian mirror",
            hint="mend what it names and run the same command again",
        )


def _suite() -> str:
    """This machine's Debian, so that the image has what its package mirror surely serves."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    known = dict(line.split("=", 1) for line in lines if "=" in line)
    return known.get("VERSION_CODENAME", "bookworm") if known.get("ID") == "debian" else "bookworm"
