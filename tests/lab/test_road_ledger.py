"""The exported ledger: verifies offline with the wheel alone, and no byte of it is free (H4)."""

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer

from bootstrap.ledger.bundle import verify_bundle
from bootstrap.model.errors import EvidenceError
from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.state import statements
from tests.support.program import assert_decent, assert_refused, run_bootstrap, said

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]
SAMPLE, BY_COMMAND = 200, 8
ALONE = """
import sys
sys.path = [p for p in sys.path if 'site-packages' not in p] + [{wheel!r}, {libraries!r}]
import bootstrap
assert bootstrap.__file__.startswith({wheel!r}), bootstrap.__file__
sys.argv = ['bootstrap', *{arguments!r}]
from bootstrap.cli.app import main
main()
"""


def test_h4_the_bundle_verifies_offline(road: Road, bundle: Path) -> None:
    done = run_bootstrap("ledger", "verify", bundle, "--keys", road.platform.folder / "keys", "-o", "json")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    report = json.loads(done.stdout)
    assert report["verified"] is True
    assert {s["name"] for s in report["secrets"]} == set(road.platform.sources.secrets())
    assert {s["authority"] for s in report["secrets"]} == {"Vault"}
    assert all(s["committed"] and s["retired"] and s["txn"] for s in report["secrets"])


def test_h4_the_bundle_holds_each_record_once_in_order(road: Road, bundle: Path, kube: Kube) -> None:
    records = statements(kube)
    assert [s["seq"] for s in records] == list(range(len(records)))
    for phase in ("INTENT", "COMMIT", "RETIRED"):
        names = [s["secret"]["name"] for s in records if s["phase"] == phase]
        assert sorted(names) == sorted(road.platform.sources.secrets()), phase
    assert len(json.loads(bundle.read_bytes())["records"]) == len(records)


def test_h4_vault_countersigns_from_before_the_first_handover(
    road: Road, bundle: Path, kube: Kube, tmp_path: Path
) -> None:
    """By the real transit engine; what a holder of the ledger key adds alone is refused."""
    phases = [s["phase"] for s in statements(kube)]
    announced = phases.index("COUNTERSIGNER")
    assert announced < phases.index("INTENT")
    assert phases[-1] == "COUNTERSIGNED"
    done = run_bootstrap("ledger", "verify", bundle, "--keys", road.platform.folder / "keys", "-o", "json")
    assert done.returncode == 0, said(done)
    report = json.loads(done.stdout)
    assert report["countersigner"].startswith("bootstrap-transit/countersign (")
    assert any(f"records 0 to {announced - 1} were written while" in line for line in report["rests_on"])


def test_exporting_twice_gives_the_same_bytes(road: Road, bundle: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.json"
    done = run_bootstrap("ledger", "export", *road.platform.to_cluster(), "--out", again)
    assert done.returncode == 0, said(done)
    assert again.read_bytes() == bundle.read_bytes()


def test_h4_any_changed_byte_is_seen(road: Road, bundle: Path, tmp_path: Path, whole: bool) -> None:
    data = bundle.read_bytes()
    keys = {"ledger.pub": (road.platform.folder / "keys/ledger.pub").read_bytes()}
    verify_bundle(data, keys)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choice = random.Random(seed)
    places = range(len(data)) if whole else sorted(choice.sample(range(len(data)), SAMPLE))
    accepted = []
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << choice.randrange(8)
        try:
            verify_bundle(bytes(changed), keys)
            accepted.append(place)
        except EvidenceError:
            continue
    print(f"{len(places)} of {len(data)} bytes changed, each by one bit")
    assert accepted == []
    for place in choice.sample(list(places), BY_COMMAND):
        changed = bytearray(data)
        changed[place] ^= 1
        (tmp_path / "changed.json").write_bytes(changed)
        done = run_bootstrap("ledger", "verify", tmp_path / "changed.json", "--keys", road.platform.keys)
        assert done.returncode == 6, f"byte {place}: {said(done)}"
        assert_decent(done)


@pytest.mark.parametrize(
    "change", ["shortened", "lengthened", "a record less", "records swapped", "no escrow"]
)
def test_h4_other_changes_are_seen(road: Road, bundle: Path, tmp_path: Path, change: str) -> None:
    data = bundle.read_bytes()
    document = json.loads(data)
    match change:
        case "shortened":
            data = data[:-1]
        case "lengthened":
            data += b"\n"
        case "a record less":
            del document["records"][-1]
        case "records swapped":
            document["records"][3:5] = reversed(document["records"][3:5])
        case "no escrow":
            assert document["escrow"] is not None
            document["escrow"] = None
        case _:
            pytest.fail(f"no such change: {change}")
    if change not in ("shortened", "lengthened"):
        data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    (tmp_path / "changed.json").write_bytes(data)
    done = run_bootstrap("ledger", "verify", tmp_path / "changed.json", "--keys", road.platform.keys)
    assert_refused(done, 6, "E_(BUNDLE|HEAD|CHAIN|RECORD|COUNTERSIGN)")


def test_another_key_does_not_verify_it(bundle: Path, tmp_path: Path) -> None:
    done = run_bootstrap("keygen", "--out", tmp_path / "other", "--no-passphrase", "--non-interactive")
    assert done.returncode == 0, said(done)
    done = run_bootstrap("ledger", "verify", bundle, "--keys", tmp_path / "other/keys")
    assert_refused(done, 6, "E_SIG")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, unpacked; nothing of the checkout is left to lean on."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout = folder / "checkout"
    kept = shutil.ignore_patterns(".venv", ".git", "build", "*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, checkout, ignore=kept)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(checkout)], check=True)
    (built,) = folder.glob("*.whl")
    zipfile.ZipFile(built).extractall(folder / "content")
    shutil.rmtree(checkout)
    return folder / "content"


def alone(wheel: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The wheel and its libraries, no checkout, no network where this machine lets us take it away."""
    libraries = str(Path(typer.__file__).parents[1])
    code = ALONE.format(wheel=str(wheel), libraries=libraries, arguments=list(arguments))
    offline = ["unshare", "--net"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*offline, sys.executable, "-I", "-S", "-c", code], cwd="/", env={}, capture_output=True, text=True
    )


def test_the_wheel_carries_phases_playbooks_and_testbed(wheel: Path) -> None:
    for folder in ("phases", "playbooks", "testbed"):
        listed = subprocess.run(
            ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert listed.stdout
        for path in listed.stdout.splitlines():
            assert (wheel / "bootstrap/_data" / path).is_file(), path


def test_ok3_the_wheel_alone_verifies_the_bundle(
    road: Road, bundle: Path, wheel: Path, tmp_path: Path
) -> None:
    keys = str(road.platform.keys)
    done = alone(wheel, "ledger", "verify", str(bundle), "--keys", keys)
    assert done.returncode == 0, said(done)
    changed = bytearray(bundle.read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "changed.json").write_bytes(changed)
    done = alone(wheel, "ledger", "verify", str(tmp_path / "changed.json"), "--keys", keys)
    assert done.returncode == 6, said(done)


def test_the_wheel_alone_plans(road: Road, wheel: Path) -> None:
    done = alone(wheel, "plan", "--repo", str(road.platform.folder), "-o", "json")
    assert done.returncode == 0, said(done)
    known = run_bootstrap("plan", "--repo", road.platform.folder, "-o", "json")
    assert done.stdout == known.stdout
