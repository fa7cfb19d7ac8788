"""`bootstrap set` on real servers: the next version, on record, with its consumers; and a version that another wrote.

In the order of the file, on the road of the whole run. It takes an entry that no other test of the lab looks at.
"""

import base64
import json
import subprocess

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.state import authority, by_ledger_key, statements
from tests.lab.support.vault import as_run
from tests.support.program import (
    BOOTSTRAP,
    assert_decent,
    assert_refused,
    hostile,
    new_home,
    run_bootstrap,
    said,
)

pytestmark = pytest.mark.lab
NAME, PATH, FIELD = "alert-webhook", "platform/monitoring/alert-webhook", "url"
NEW = "https://paging.example/hook/n3w-t0ken-ü?a=b&c='d'\n".encode()
GIVEN = ("--field", FIELD, "--value", "-")
BY_HAND = "https://paging.example/hook/written-by-hand"


def set_value(road: Road, value: bytes, *more: str) -> "subprocess.CompletedProcess[str]":
    """The value on standard input."""
    home = new_home()
    command = [str(BOOTSTRAP), "set", NAME, *road.platform.to_cluster(), *more]
    done = subprocess.run(command, env=hostile(home), cwd=home, input=value, capture_output=True, timeout=900)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def served(kube: Kube) -> bytes:
    return base64.b64decode(kube.need("secret", "alert-webhook", "monitoring")["data"][FIELD])


def assert_holds(road: Road) -> None:
    """Every proof, and `up` has nothing to do."""
    done = run_bootstrap("verify", *road.platform.to_cluster(), "--deep")
    assert done.returncode == 0, said(done)
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert "nothing to do" in done.stdout


def test_inv3_a_value_is_set_and_its_consumer_holds_it(road: Road, kube: Kube) -> None:
    before = len(by_ledger_key(kube))
    done = set_value(road, NEW, *GIVEN, "--reason", "the paging service issued a new address")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    assert f"version 2 of secret/{PATH}" in done.stdout
    assert "waits" not in done.stdout
    assert "ends in a line end" in done.stderr
    assert "n3w-t0ken" not in done.stdout + done.stderr
    assert served(kube) == NEW
    intent, record = by_ledger_key(kube)[before:]
    assert (intent["phase"], record["phase"]) == ("INTENT", "ACCEPTED")
    assert intent["commitments"] == record["commitments"]
    assert record["details"]["reason"] == "the paging service issued a new address"
    with as_run(kube, authority(road.platform)) as vault:
        assert vault.read(f"secret/data/{PATH}")["metadata"]["version"] == 2
        first, second = (vault.read(f"secret/data/{PATH}?version={n}")["data"] for n in (1, 2))
    assert second == {**first, FIELD: NEW.decode()}


def test_inv3_every_proof_holds_after_it_and_up_leaves_it(road: Road, kube: Kube) -> None:
    assert_holds(road)
    assert served(kube) == NEW
    found = json.loads(run_bootstrap("status", *road.platform.to_cluster(), "-o", "json").stdout)
    (line,) = [each for each in found["secrets"] if each["name"] == NAME]
    assert (line["authority"], line["version"]) == ("Vault", "2")


def test_the_same_value_is_not_written_again(road: Road, kube: Kube) -> None:
    before = len(statements(kube))
    done = set_value(road, NEW, *GIVEN, "--reason", "once more", "-o", "json")
    assert done.returncode == 0, said(done)
    found = json.loads(done.stdout)
    assert (found["version"], found["changed"]) == (2, False)
    assert len(statements(kube)) == before


def test_inv4_a_version_of_another_is_not_written_over_until_it_is_adopted(road: Road, kube: Kube) -> None:
    with as_run(kube, authority(road.platform)) as vault:
        data = vault.read(f"secret/data/{PATH}")["data"]
        body = {"options": {"cas": 2}, "data": {**data, FIELD: BY_HAND}}
        answer = vault.ask("POST", f"secret/data/{PATH}", body)
        assert answer.status_code == 200, answer.text
    done = run_bootstrap("verify", *road.platform.to_cluster(), "-o", "json")
    proofs = {proof["id"]: proof for proof in json.loads(done.stdout)["proofs"]}
    assert proofs["explained"]["state"] == "BROKEN"
    done = set_value(road, NEW, *GIVEN, "--reason", "again")
    assert_refused(done, 5, "E_VERSION_UNEXPLAINED", "--adopt 3")
    done = set_value(road, b"", "--adopt", "3", "--reason", "a rotation by hand")
    assert done.returncode == 0, said(done)
    assert served(kube) == BY_HAND.encode()
    last = by_ledger_key(kube)[-1]
    assert (last["phase"], last["details"]["how"], last["details"]["version"]) == ("ACCEPTED", "adopted", "3")
    assert set(last["commitments"]) == {FIELD, "token"}
    assert_holds(road)


def test_h4_the_exported_ledger_tells_it(road: Road) -> None:
    bundle = new_home() / "bundle.json"
    done = run_bootstrap("ledger", "export", *road.platform.to_cluster(), "--out", bundle)
    assert done.returncode == 0, said(done)
    done = run_bootstrap("ledger", "verify", bundle, "--keys", road.platform.folder / "keys", "-o", "json")
    assert done.returncode == 0, said(done)
    (line,) = [s for s in json.loads(done.stdout)["secrets"] if s["name"] == NAME]
    assert [(v["version"], v["how"]) for v in line["versions"]] == [(2, "set"), (3, "adopted")]


def test_a_set_that_is_killed_is_ended_by_up(road: Road, kube: Kube) -> None:
    home = new_home()
    command = [str(BOOTSTRAP), "set", NAME, *road.platform.to_cluster(), *GIVEN, "--reason", "killed"]
    with subprocess.Popen(
        command,
        env=hostile(home),
        cwd=home,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"https://paging.example/hook/killed")
        process.stdin.close()
        for line in process.stderr:
            if b"set-value" in line and b"acting" in line:
                break
        process.kill()
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    with as_run(kube, authority(road.platform)) as vault:
        versions = vault.read(f"secret/metadata/{PATH}")["current_version"]
    recorded = [
        s for s in statements(kube) if s["phase"] == "ACCEPTED" and s["details"].get("secret") == NAME
    ]
    assert len(recorded) == versions - 1
    done = set_value(road, NEW, *GIVEN, "--reason", "after the killed one")
    assert done.returncode == 0, said(done)
    assert served(kube) == NEW
    assert_holds(road)
