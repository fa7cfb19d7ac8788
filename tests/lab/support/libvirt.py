"""libvirt by emulation: a daemon of its own beside any other, a box of Debian's packages, nothing of a network."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from bootstrap.lab.build import CACHE, binaries
from bootstrap.lab.export import PROGRAMS
from bootstrap.lab.images import place
from tests.lab.support.installed import install
from tests.lab.support.machines import MAKE, digest_of

PACKAGES = (
    *("libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients", "qemu-system-x86", "qemu-utils"),
    *("vagrant-libvirt", "mmdebstrap", "e2fsprogs"),
)
QEMU = """\
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
"""


def box() -> Path:
    """Made once for its content."""
    install(*PACKAGES)
    path = CACHE / "test-boxes" / f"{digest_of()}.box"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        done = subprocess.run([str(MAKE), "libvirt", str(part)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        part.rename(path)
    return path


def programs(target: Path) -> Path:
    """What `lab export` writes, but no image: they would only be copied into a machine that runs none."""
    for name, path in binaries(*PROGRAMS).items():
        place(path, target / "programs" / name)
    (target / "variables.yaml").write_text(yaml.safe_dump({"kubernetes_programs": str(target / "programs")}))
    return target


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """Its URI. The pool that Vagrant keeps disks in goes with it."""
    folder.mkdir()
    Path("/etc/libvirt/qemu.conf").write_text(QEMU)
    config = folder / "libvirtd.conf"
    sockets = Path("/run/bootstrap-test-libvirt")  # short, for it holds sockets
    sockets.mkdir(mode=0o700, exist_ok=True)
    config.write_text(f'unix_sock_dir = "{sockets}"\nauth_unix_rw = "none"\n')
    process = subprocess.Popen(
        ["libvirtd", "--config", str(config), "--pid-file", str(folder / "pid")],
        stdin=subprocess.DEVNULL,
        stdout=(folder / "log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    uri = f"qemu:///system?socket={sockets}/libvirt-sock"
    try:
        until = time.monotonic() + 60
        while subprocess.run(["virsh", "--connect", uri, "version"], capture_output=True).returncode:
            assert process.poll() is None and time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.2)
        (folder / "pool").mkdir()
        for words in (
            ["pool-define-as", "default", "dir", "--target", str(folder / "pool")],
            ["pool-start", "default"],
        ):
            subprocess.run(["virsh", "--connect", uri, *words], check=True, capture_output=True)
        yield uri
        for words in (["pool-destroy", "default"], ["pool-undefine", "default"]):
            subprocess.run(["virsh", "--connect", uri, *words], capture_output=True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        shutil.rmtree(sockets, ignore_errors=True)
        os.sync()
