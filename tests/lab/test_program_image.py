"""The image of this program as an archive: two builds of one commit are one digest (G5)."""

import json
import tarfile
from pathlib import Path

import pytest

from bootstrap.lab import digests, images
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
    assert {"pkg:pypi/cryptography", "pkg:pypi/kubernetes"} <= found
    assert any(purl.startswith("pkg:deb/debian/libc6") for purl in found)
    with tarfile.open(tmp_path / "bootstrap.oci.tar") as archive:
        assert any(name.startswith("blobs/sha256/") for name in archive.getnames())
