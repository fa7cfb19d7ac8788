"""A snapshot of a real platform: saved with no root key, judged offline, opened entry by entry with the root (INV1).

On the road of the whole run; nothing of it is changed.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.support.program import assert_decent, assert_refused, run_bootstrap, said

pytestmark = pytest.mark.lab
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def without_root(road: Road) -> list[str]:
    options = road.platform.to_cluster()
    at = options.index("--root")
    return options[:at] + options[at + 2 :]


@pytest.fixture(scope="module")
def folder(road: Road, without_root: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three in a row."""
    folder = tmp_path_factory.mktemp("snapshots")
    for _ in range(3):
        done = run_bootstrap("snapshot", "save", *without_root, "--out", folder, "-o", "json")
        assert done.returncode == 0, said(done)
        assert_decent(done)
    return folder


def offline(road: Road, file: Path, *more: object) -> Done:
    root = ("--repo", road.platform.folder, "--root", f"file:{road.platform.root_key}", "--non-interactive")
    return run_bootstrap("snapshot", "verify", file, *root, *more)


def snapshots(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_inv1_saved_without_the_root_and_listed_without_any_key(folder: Path) -> None:
    files = snapshots(folder)
    assert [path.suffix for path in files] == [".snapshot"] * 3
    done = run_bootstrap("snapshot", "list", folder, "-o", "json")
    assert done.returncode == 0, said(done)
    listed = json.loads(done.stdout)
    assert [each["file"] for each in listed] == [str(path) for path in files]
    assert len({each["raftIndex"] for each in listed}) == 3


def test_inv1_vaults_signature_is_verified_without_the_root(road: Road, folder: Path, tmp_path: Path) -> None:
    """By the signed head that `up` wrote; a file that lost its signature, or has another, is refused."""
    file, keys = snapshots(folder)[0], road.platform.folder / "keys"
    done = run_bootstrap("snapshot", "verify", file, "--keys", keys, "-o", "json")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    (signed_by,) = {json.loads(done.stdout)["signedBy"]}
    assert len(signed_by) == 64
    data = file.read_bytes()
    mark = b'"signature":"'
    at = data.rindex(mark) + len(mark)
    other = b"A" if data[at : at + 1] != b"A" else b"B"
    (tmp_path / "other").write_bytes(data[:at] + other + data[at + 1 :])
    done = run_bootstrap("snapshot", "verify", tmp_path / "other", "--keys", keys)
    assert_refused(done, 6, "E_SNAPSHOT_SIGNATURE")


def test_inv1_every_entry_opens_with_the_root(road: Road, folder: Path) -> None:
    done = offline(road, snapshots(folder)[-1], "-o", "json")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    found = json.loads(done.stdout)
    assert found["entries"] > 100
    assert found["bootstrapSecrets"]
    assert found["withoutRecord"] == []
    policies = [policy for token in found["tokens"] for policy in token["policies"]]
    assert "root" not in policies
    assert {"accessor": found["saver"], "policies": ["bootstrap-snapshot"]} in found["tokens"]


def test_inv1_a_flipped_byte_and_a_cut_are_found_without_a_key(folder: Path, tmp_path: Path) -> None:
    data = snapshots(folder)[0].read_bytes()
    at = len(data) // 2
    for name, content in (
        ("flipped", data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]),
        ("cut", data[:-700]),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        done = run_bootstrap("snapshot", "verify", path)
        assert_refused(done, 6, "E_SNAPSHOT_DAMAGED" if name == "flipped" else "E_SNAPSHOT_CUT")


def test_s1_a_stolen_file_opens_with_no_other_root(road: Road, folder: Path, tmp_path: Path) -> None:
    done = run_bootstrap("keygen", "--out", tmp_path, "--no-passphrase", "--non-interactive")
    assert done.returncode == 0, said(done)
    other = ("--repo", road.platform.folder, "--root", f"file:{tmp_path / 'root.key'}", "--non-interactive")
    done = run_bootstrap("snapshot", "verify", snapshots(folder)[0], *other)
    assert_refused(done, 4, "E_SNAPSHOT_ROOT", (road.platform.keys / "root.txt").read_text().split()[-1])


def test_b5_no_token_of_it_is_left_and_nothing_was_changed(road: Road, folder: Path, kube: Kube) -> None:
    done = run_bootstrap("verify", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert "nothing to do" in done.stdout
