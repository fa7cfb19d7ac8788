"""An archive that names its image by tag and by digest."""

import io
import json
import tarfile
from pathlib import Path

from bootstrap.lab import digests

DIGEST = f"sha256:{'a' * 64}"
NAME = "docker.io/hashicorp/vault:1.21.1"


def test_the_layout_names_its_image_a_second_time(tmp_path: Path) -> None:
    first = {"digest": DIGEST, "size": 7, "annotations": {"org.opencontainers.image.ref.name": NAME}}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [first]}))
    digests.named_by_digest(tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    assert index["manifests"][0] == first
    assert index["manifests"][1] == {
        "digest": DIGEST,
        "size": 7,
        "annotations": {"io.containerd.image.name": f"docker.io/hashicorp/vault@{DIGEST}"},
    }


def test_the_digest_is_the_one_of_the_archive(tmp_path: Path) -> None:
    data = json.dumps({"manifests": [{"digest": DIGEST}]}).encode()
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("index.json")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    assert digests.of(tmp_path / "a.tar") == DIGEST


def test_a_port_in_a_name_is_no_tag() -> None:
    assert digests.reference("127.0.0.1:5000/a/b:1", DIGEST) == f"127.0.0.1:5000/a/b@{DIGEST}"


def test_what_a_lab_of_an_earlier_version_remembers_has_no_digests() -> None:
    assert digests.named({"images": {NAME: "file"}}) == [NAME]
    assert digests.named({"images": {NAME: "file"}, "digests": {NAME: DIGEST}}) == [f"{NAME}@{DIGEST}"]
