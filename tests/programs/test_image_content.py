"""What the image of this program holds: the wheel as it is built, on Debian's own Python, and no shell (G5)."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bootstrap.lab import project_image
from tests.support.program import new_home

ROOT = Path(__file__).parents[2]
DEBIAN = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
# What an installer writes about this machine, or about how the wheel was built.
OF_THE_INSTALLER = ("/RECORD", "/WHEEL", "/INSTALLER", "/REQUESTED", "/direct_url.json")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("image") / "root"
    project_image.copy(root)
    return root


def below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_it_holds_the_wheel_as_it_is_built(root: Path, tmp_path: Path) -> None:
    """Each file of the wheel, and no other that is the program's."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        built = {
            name: archive.read(name) for name in archive.namelist() if not name.endswith(OF_THE_INSTALLER)
        }
    application = below(root / "opt/bootstrap")
    own = {n: c for n, c in application.items() if n.startswith(("bootstrap/", "platform_bootstrap-"))}
    assert {n for n in own if not n.endswith(OF_THE_INSTALLER)} == set(built)
    assert [name for name in built if own[name] != built[name]] == []


@pytest.mark.skipif(
    not DEBIAN.exists() and not os.environ.get("CI"), reason="Debian has another Python, or is not here"
)
def test_its_python_is_debians_and_each_package_is_named(root: Path) -> None:
    assert (root / "usr/bin/python3").read_bytes() == DEBIAN.read_bytes()
    assert (root / "usr/lib" / DEBIAN.name / "json/__init__.py").is_file()
    bill = json.loads((root / "opt/bootstrap/bootstrap.cdx.json").read_text())
    found = {each["name"]: each["purl"] for each in bill["components"]}
    for package in (f"{DEBIAN.name}-minimal", f"lib{DEBIAN.name}-stdlib", "libc6"):
        command = ["/usr/bin/dpkg-query", "--show", "--showformat", "${Version}", package]
        version = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert found[package].endswith("@" + version.replace("+", "%2B"))
    assert "python" not in found


def test_it_has_no_shell_and_nothing_that_installs(root: Path) -> None:
    programs = [path for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
    assert not [path for path in programs if path.name in ("sh", "bash", "dash", "busybox", "pip", "apt")]
    assert not [path for path in root.rglob("*") if path.name in ("ensurepip", "sitecustomize.py", "pip")]


@pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="another root folder needs root")
def test_the_program_runs_in_it_under_an_account_of_no_rights(root: Path) -> None:
    (root / "dev").mkdir()
    (root / "dev" / "null").touch()
    (root / "dev" / "null").chmod(0o666)
    command = ["/usr/bin/python3", "-s", "-E", "-B", "/opt/bootstrap"]
    for arguments in (("--version",), ("snapshot", "list", "/")):
        done = subprocess.run(
            ["/usr/sbin/chroot", "--userspec=65532:65532", str(root), *command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONUTF8": "1"},
            cwd=new_home(),
        )
        assert (done.returncode, done.stderr) == (0, "")
