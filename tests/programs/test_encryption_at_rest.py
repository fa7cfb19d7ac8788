"""The file by which etcd is encrypted: its key is 32 bytes, its own, in that file only."""

import base64
import subprocess
from pathlib import Path

import yaml

from bootstrap.lab.encryption import encryption_at_rest
from bootstrap.lab.resources import folder

SCRIPT = folder("playbooks") / "roles/control_plane/files/encryption-at-rest.sh"


def key_of(path: Path) -> bytes:
    document = yaml.safe_load(path.read_text())
    (rule,) = document["resources"]
    assert document["kind"] == "EncryptionConfiguration"
    assert rule["resources"] == ["secrets"]
    assert rule["providers"][1] == {"identity": {}}
    (key,) = rule["providers"][0]["secretbox"]["keys"]
    return base64.b64decode(key["secret"], validate=True)


def test_each_file_has_a_key_of_its_own_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (one, two):
        encryption_at_rest(path)
        assert path.stat().st_mode & 0o777 == 0o600
    assert {len(key_of(one)), len(key_of(two))} == {32}
    assert key_of(one) != key_of(two)
    assert sorted(tmp_path.iterdir()) == [one, two]


def test_a_file_that_is_there_stays_and_nothing_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "encryption.yaml"
    done = [subprocess.run(["/bin/sh", SCRIPT, path], capture_output=True, check=True) for _ in range(2)]
    before = path.read_bytes()
    encryption_at_rest(path)
    assert path.read_bytes() == before
    assert [run.stdout + run.stderr for run in done] == [b"", b""]
