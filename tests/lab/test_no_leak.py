"""No value of a run is anywhere but where it belongs (B1, B2, S3).

Every value of the repository is known to the test. After a whole run each place where one could have been left is
searched for it in every form; and into each place the same search finds a decoy that is put there on purpose.
"""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab.support.canaries import Canaries, plant
from tests.lab.support.cluster import ApiAudit, Kube, Lab
from tests.lab.support.platform import Platform
from tests.lab.support.scan import Scanner, forms
from tests.lab.support.state import JOURNAL, actual, authority, differences, expected
from tests.lab.support.vault import VaultAudit, as_run
from tests.lab.support.watch import Processes
from tests.support.program import assert_decent, new_home, run_bootstrap, said

pytestmark = pytest.mark.lab
TEMPORARY = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/run"))
Found = dict[str, list[str]]


@dataclass
class Run:
    """One road whose values are known, and everything that was seen of it."""

    platform: Platform
    kube: Kube
    canaries: Canaries
    home: Path
    streams: dict[str, str]
    processes: Processes
    api: ApiAudit
    begun: float
    out: Path
    inside: VaultAudit = field(init=False)

    def __post_init__(self) -> None:
        self.inside = VaultAudit(self.kube)
        self.inside.start = dict.fromkeys(self.inside.pods, 0)  # all of it belongs to this run

    @property
    def declared(self) -> set[tuple[str, str]]:
        """Secrets that hold values because that is what they are for."""
        sources = self.platform.sources
        entries = [*sources.secrets().values(), *sources.internals().values()]
        return {(c["namespace"], c["secret"]) for spec in entries for c in spec.get("consumers", [])}


@pytest.fixture(scope="module")
def run(lab: Lab, empty_cluster: Kube, tmp_path_factory: pytest.TempPathFactory) -> Run:
    canaries = Canaries.new()
    out = tmp_path_factory.mktemp("leak")
    platform = plant(out / "repository", lab, canaries)
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


# ---------------------------------------------------------------- the places


def streams(run: Run, scanner: Scanner) -> Found:
    return {name: scanner.find(text) for name, text in run.streams.items()}


def processes(run: Run, scanner: Scanner) -> Found:
    return {where: scanner.find(content) for content, where in run.processes.seen.items()}


def objects(run: Run, scanner: Scanner) -> Found:
    """Every object of every kind, but what is in declared Secrets."""
    kinds = run.kube.run("api-resources", "--verbs=list", "-o", "name").split()
    kinds = [k for k in kinds if k != "secrets"]
    text = run.kube.run("get", ",".join(kinds), "-A", "-o", "json", "--ignore-not-found")
    found = {}
    for item in json.loads(text)["items"]:
        meta = item["metadata"]
        found[f"{item['kind']} {meta.get('namespace', '')}/{meta['name']}"] = scanner.find(json.dumps(item))
    assert len(found) > 200
    return found


def other_secrets(run: Run, scanner: Scanner) -> Found:
    return {
        f"Secret {s['metadata']['namespace']}/{s['metadata']['name']}": scanner.find(json.dumps(s))
        for s in run.kube.list("secret")
        if (s["metadata"]["namespace"], s["metadata"]["name"]) not in run.declared
    }


def journal(run: Run, scanner: Scanner) -> Found:
    found = {
        o["metadata"]["name"]: scanner.find(json.dumps(o)) for o in run.kube.list("configmap", labels=JOURNAL)
    }
    assert found
    return found


def events(run: Run, scanner: Scanner) -> Found:
    return {o["metadata"]["name"]: scanner.find(json.dumps(o)) for o in run.kube.list("events")}


def api_audit(run: Run, scanner: Scanner) -> Found:
    content = run.api.bytes()
    assert len(content) > 100_000
    return {"audit log of the API server": scanner.find(content)}


def vault_audit(run: Run, scanner: Scanner) -> Found:
    content = run.inside.text()
    assert "secret/data/applications/orders/payment-token" in content
    return {"audit log of Vault": scanner.find(content)}


def container_logs(run: Run, scanner: Scanner) -> Found:
    found = {}
    for path in sorted((run.kube.lab.state / "var-log").rglob("*.log")):
        found[str(path)] = scanner.find_in_file(path)
    assert len(found) > 10
    return found


def etcd(run: Run, scanner: Scanner) -> Found:
    """The API server's store, as it lies on the disk."""
    files = [p for p in (run.kube.lab.state / "etcd").rglob("*") if p.is_file()]
    assert files
    return {str(p): scanner.find_in_file(p) for p in files}


def temporary(run: Run, scanner: Scanner) -> Found:
    return scanner.find_in_folders(TEMPORARY, since=run.begun - 1, but=[run.platform.root_key])


def home(run: Run, scanner: Scanner) -> Found:
    return scanner.find_in_folders([run.home])


def repository(run: Run, scanner: Scanner) -> Found:
    """Work tree, Git's store, and the records that `up` wrote."""
    return scanner.find_in_folders([run.platform.folder])


def bundle(run: Run, scanner: Scanner) -> Found:
    return scanner.find_in_folders([run.out], but=[run.platform.root_key])


PLACES: dict[str, Callable[[Run, Scanner], Found]] = {
    place.__name__: place
    for place in (
        streams,
        processes,
        objects,
        other_secrets,
        journal,
        events,
        api_audit,
        vault_audit,
        container_logs,
        etcd,
        temporary,
        home,
        repository,
        bundle,
    )
}


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
    found = {hit.split(" (")[0] for hit in Scanner(run.canaries.needles).find("".join(texts))}
    replaced = {"session", "superuser"}
    assert found == set(run.canaries.needles) - replaced


def test_the_processes_were_really_watched(run: Run) -> None:
    assert run.processes.rounds > 50
    assert any(b"bootstrap\0up\0" in content for content in run.processes.seen)
    assert any(b"prove-escrow" in content for content in run.processes.seen)


@pytest.mark.parametrize("place", PLACES)
def test_b1_b2_no_value_is_left_in(run: Run, place: str) -> None:
    allowed = {"Secret database/orders-db-app"} if place == "other_secrets" else set()
    found = hits(PLACES[place](run, Scanner(needles(run))))
    if place == "other_secrets":
        # The custody's Secret and Vault's certificates hold keys of their own, and none of these.
        assert set(found) <= allowed, found
    else:
        assert found == {}


CONTROLS: dict[str, Callable[[Run, str], None]] = {}


def control(function: Callable[[Run, str], None]) -> Callable[[Run, str], None]:
    CONTROLS[function.__name__.removeprefix("into_")] = function
    return function


@control
def into_streams(run: Run, decoy: str) -> None:
    done = run_bootstrap("check", "--repo", f"/nowhere/{decoy}")
    run.streams["control"] = done.stderr


@control
def into_processes(run: Run, decoy: str) -> None:
    with Processes() as watched:
        code = "import time; time.sleep(1)"
        subprocess.run([sys.executable, "-c", code], env={"DECOY": decoy}, check=True)
    run.processes.seen |= watched.seen


@control
def into_objects(run: Run, decoy: str) -> None:
    run.kube.run(
        "create",
        "configmap",
        "decoy",
        "-n",
        "default",
        f"--from-literal=a={forms(decoy.encode())['base64+1'].decode()}",
    )


@control
def into_other_secrets(run: Run, decoy: str) -> None:
    run.kube.run("create", "secret", "generic", "decoy", "-n", "default", f"--from-literal=a=x{decoy}")


@control
def into_journal(run: Run, decoy: str) -> None:
    run.kube.run(
        "create", "configmap", "decoy", "-n", "bootstrap-system", f"--from-literal=a={decoy.encode().hex()}"
    )
    run.kube.run("label", "configmap", "decoy", "-n", "bootstrap-system", JOURNAL)


@control
def into_events(run: Run, decoy: str) -> None:
    about = {"kind": "Namespace", "name": "default", "apiVersion": "v1"}
    meta = {"name": "decoy", "namespace": "default"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": about, "message": decoy}
    run.kube.run("create", "-f", "-", stdin=json.dumps(event))


@control
def into_api_audit(run: Run, decoy: str) -> None:
    run.kube.try_run("get", "configmap", decoy)
    time.sleep(2)


@control
def into_vault_audit(run: Run, decoy: str) -> None:
    with as_run(run.kube, authority(run.platform)) as vault:
        vault.ask("GET", f"secret/data/decoy/{decoy}")


@control
def into_container_logs(run: Run, decoy: str) -> None:
    run.kube.in_vault("vault-0", "sh", "-c", f"echo {decoy} > /proc/1/fd/1")
    time.sleep(2)


@control
def into_etcd(run: Run, decoy: str) -> None:
    run.kube.run("create", "configmap", "decoy", "-n", "default", f"--from-literal=a={decoy}")


@control
def into_temporary(run: Run, decoy: str) -> None:
    Path("/dev/shm/decoy").write_text(decoy)


@control
def into_home(run: Run, decoy: str) -> None:
    (run.home / "tmp/decoy").write_text(decoy)


@control
def into_repository(run: Run, decoy: str) -> None:
    (run.platform.folder / "decoy").write_text(decoy)


@control
def into_bundle(run: Run, decoy: str) -> None:
    (run.out / "bundle.json").write_bytes((run.out / "bundle.json").read_bytes() + decoy.encode())


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
                "delete", "configmap,secret,event", "decoy", "-n", namespace, "--ignore-not-found"
            )
