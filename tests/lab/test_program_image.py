"""The image of this program: two builds of one commit are one digest, and the program runs in it (G5)."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from bootstrap.lab import digests, images, project_image
from bootstrap.lab.build import quiet
from tests.lab.support.cluster import Lab
from tests.support.program import run_bootstrap, said

pytestmark = pytest.mark.lab


@pytest.mark.whole
def test_two_builds_are_one_digest(lab: Lab, tmp_path: Path) -> None:
    wanted = images.of_the_program()
    made = [images.archive(wanted, {}, tmp_path / name, quiet) for name in ("one", "two")]
    assert made[0] != made[1]
    assert digests.of(made[0]) == digests.of(made[1])


def test_the_command_writes_it_with_its_bill_of_materials(lab: Lab, tmp_path: Path) -> None:
    done = run_bootstrap("lab", "image", "--out", tmp_path)
    assert done.returncode == 0, said(done)
    assert (
        done.stdout.strip() == f"{images.of_the_program().name}@{digests.of(tmp_path / 'bootstrap.oci.tar')}"
    )
    bill = json.loads((tmp_path / "bootstrap.cdx.json").read_text())
    found = {each["purl"].partition("@")[0] for each in bill["components"]}
    assert {"pkg:pypi/cryptography", "pkg:pypi/kubernetes", "pkg:generic/python"} <= found
    assert any(purl.startswith("pkg:deb/debian/libc6") for purl in found)
    with tarfile.open(tmp_path / "bootstrap.oci.tar") as archive:
        assert any(name.startswith("blobs/sha256/") for name in archive.getnames())


def test_it_has_no_shell_and_runs_as_nobody_in_particular(tmp_path: Path) -> None:
    root = tmp_path / "root"
    project_image.copy(root)
    programs = [path for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
    assert not [path for path in programs if path.name in ("sh", "bash", "dash", "busybox", "pip", "apt")]
    (root / "dev").mkdir()
    (root / "dev" / "null").touch()
    (root / "dev" / "null").chmod(0o666)
    command = ["/usr/local/bin/python3", "-s", "-E", "-B", "/opt/bootstrap", "--version"]
    done = subprocess.run(
        ["/usr/sbin/chroot", "--userspec=65532:65532", str(root), *command],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONUTF8": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert project_image.version() in done.stdout
