"""No value of a run is anywhere but where it belongs (B1, B2, S3).

Every value of the repository is known to the test. After a whole run each place where one could have been left is
searched for it in every form; and into each place the same search finds a decoy that is put there on purpose.
"""

import json
import secrets
import time
from pathlib import Path

import pytest

from tests.lab.support.cluster import ApiAudit, Kube, Lab
from tests.lab.support.controls import CONTROLS
from tests.lab.support.places import PLACES, Found, Run
from tests.lab.support.platform import make_platform
from tests.lab.support.state import actual, authority, differences, expected
from tests.lab.support.vault import as_run
from tests.leaks.sinks import LAB, in_room
from tests.support.canaries import Canaries, plant
from tests.support.program import assert_decent, new_home, run_bootstrap, said
from tests.support.scan import Scanner
from tests.support.watch import Processes

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def run(lab: Lab, empty_cluster: Kube, tmp_path_factory: pytest.TempPathFactory) -> Run:
    canaries = Canaries.new()
    out = tmp_path_factory.mktemp("leak")
    platform = make_platform(out / "repository", lab)
    plant(platform.folder, out / "repository", canaries)
    api, home, begun = ApiAudit(lab.audit_log), new_home(), time.time()
    with Processes() as processes:
        done = run_bootstrap("up", *platform.to_cluster(), "-o", "json", home=home)
        assert done.returncode == 0, said(done)
        assert_decent(done)
        streams = {"up stdout": done.stdout, "up stderr": done.stderr}
        for command in (
            ["check", "--repo", str(platform.folder), "--root", f"file:{platform.root_key}"],
            ["plan", "--repo", str(platform.folder), "-o", "json"],
            ["status", *platform.to_cluster(), "-o", "json"],
            ["verify", *platform.to_cluster(), "-o", "json"],
            ["ledger", "export", *platform.to_cluster(), "--out", str(out / "bundle.json")],
            ["ledger", "show", str(out / "bundle.json")],
        ):
            done = run_bootstrap(*command, home=home)
            assert done.returncode == 0, said(done)
            streams |= {f"{command[0]} stdout": done.stdout, f"{command[0]} stderr": done.stderr}
    return Run(platform, empty_cluster, canaries, home, streams, processes, api, begun, out)


def hits(found: Found) -> Found:
    return {where: what for where, what in found.items() if what}


def needles(run: Run) -> dict[str, bytes]:
    sources = run.platform.sources
    found = {**run.canaries.needles, "root key": sources.identity.encode()}
    for name in ("ledger", "vault-ca", "unseal", "commitment"):
        text = sources.open_raw(f"encrypted/root-material/{name}.age").decode()
        found[f"{name} key"] = max(text.splitlines(), key=len).encode()
    with as_run(run.kube, authority(run.platform)) as vault:  # those that were made in the cluster
        for path, name in (
            ("applications/orders/session-key", "key"),
            ("platform/database/superuser", "password"),
            ("platform-data/postgres/orders", "password"),
        ):
            found[f"generated {path}"] = vault.read(f"secret/data/{path}")["data"][name].encode()
    return found


def scanner_of(run: Run) -> Scanner:
    """Pieces of what the test made itself; a private key of the program begins as every key of its kind does."""
    found = needles(run)
    return Scanner(
        found, whole=[name for name in found if name.endswith(" key") or name.startswith("generated")]
    )


# ---------------------------------------------------------------- the tests


def test_the_road_takes_any_value_as_it_is(run: Run) -> None:
    assert differences(expected(run.platform), actual(run.kube, run.platform)) == []


def test_the_search_finds_where_the_values_do_belong(run: Run) -> None:
    """The declared Secrets hold every canary that was not made anew: so the forms are the right ones."""
    texts = [
        json.dumps(s)
        for s in run.kube.list("secret")
        if (s["metadata"]["namespace"], s["metadata"]["name"]) in run.declared
    ]
    scanner = Scanner(run.canaries.needles, whole=run.canaries.needles)
    found = {hit.split(" (")[0] for hit in scanner.find("".join(texts))}
    replaced = {"session", "superuser"}
    assert found == set(run.canaries.needles) - replaced


def test_each_place_that_a_server_makes_is_among_these() -> None:
    assert set(in_room(LAB)) <= set(PLACES)
    assert set(PLACES) == set(CONTROLS)


def test_the_processes_were_really_watched(run: Run) -> None:
    assert run.processes.rounds > 50
    assert any(b"bootstrap\0up\0" in content for content in run.processes.seen)
    assert any(b"prove-escrow" in content for content in run.processes.seen)


@pytest.mark.parametrize("place", PLACES)
def test_b1_b2_no_value_is_left_in(run: Run, place: str) -> None:
    allowed = {"Secret database/orders-db-app"} if place == "other_secrets" else set()
    found = hits(PLACES[place](run, scanner_of(run)))
    if place == "other_secrets":
        # The custody's Secret and Vault's certificates hold keys of their own, and none of these.
        assert set(found) <= allowed, found
    else:
        assert found == {}


@pytest.mark.parametrize("place", PLACES)
def test_a_decoy_would_be_found_in(run: Run, place: str) -> None:
    decoy = f"d3coy-{secrets.token_hex(12)}"
    scanner = Scanner({"decoy": decoy.encode()})
    assert hits(PLACES[place](run, scanner)) == {}
    try:
        CONTROLS[place](run, decoy)
        assert hits(PLACES[place](run, scanner))
    finally:
        Path("/dev/shm/decoy").unlink(missing_ok=True)
        for namespace in ("default", "bootstrap-system"):
            run.kube.try_run(
                "delete",
                "configmap,secret,event,pod",
                "decoy",
                "-n",
                namespace,
                "--ignore-not-found",
                "--force",
            )
        run.kube.try_run(
            "delete", "configmap", "ledger-decoy", "-n", "bootstrap-system", "--ignore-not-found"
        )
