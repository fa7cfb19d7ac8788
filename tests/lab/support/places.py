"""Each place of a real platform in which a value could be left, as it is after a run."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.lab.build import CACHE
from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.platform import Platform
from tests.lab.support.state import JOURNAL
from tests.lab.support.vault import VaultAudit
from tests.support.canaries import Canaries
from tests.support.scan import Scanner
from tests.support.watch import Processes

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
    planted: Found = field(default_factory=dict)  # into places that are not written by tests
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


# ---------------------------------------------------------------- the places


def pipe(run: Run, scanner: Scanner) -> Found:
    return {name: scanner.find(text) for name, text in run.streams.items()}


def as_json(run: Run, scanner: Scanner) -> Found:
    found = {n: scanner.find(t) for n, t in run.streams.items() if t.lstrip().startswith(("{", "["))}
    assert len(found) > 2
    return found


def _processes(run: Run, scanner: Scanner, which: str) -> Found:
    return {w: scanner.find(content) for content, w in run.processes.seen.items() if w.startswith(which)}


def arguments(run: Run, scanner: Scanner) -> Found:
    return _processes(run, scanner, "command line")


def environment(run: Run, scanner: Scanner) -> Found:
    return _processes(run, scanner, "environment")


def _everything(run: Run) -> Iterator[dict[str, Any]]:
    """Every object of every kind, but Secrets."""
    kinds = run.kube.run("api-resources", "--verbs=list", "-o", "name").split()
    kinds = [k for k in kinds if k != "secrets"]
    yield from json.loads(run.kube.run("get", ",".join(kinds), "-A", "-o", "json", "--ignore-not-found"))[
        "items"
    ]


def _parts(run: Run, scanner: Scanner, take: Callable[[dict[str, Any]], object]) -> Found:
    found = {}
    for item in _everything(run):
        meta = item["metadata"]
        found[f"{item['kind']} {meta.get('namespace', '')}/{meta['name']}"] = scanner.find(
            json.dumps(take(item))
        )
    assert len(found) > 200
    return found


def objects(run: Run, scanner: Scanner) -> Found:
    return _parts(run, scanner, lambda item: item)


def object_metadata(run: Run, scanner: Scanner) -> Found:
    """Of Secrets too."""
    secrets = {
        f"Secret {s['metadata']['namespace']}/{s['metadata']['name']}": scanner.find(
            json.dumps(s["metadata"])
        )
        for s in run.kube.list("secret")
    }
    return secrets | _parts(run, scanner, lambda item: item["metadata"])


def annotations(run: Run, scanner: Scanner) -> Found:
    return _parts(run, scanner, lambda item: item["metadata"].get("annotations"))


def pod_specs(run: Run, scanner: Scanner) -> Found:
    return _parts(run, scanner, lambda item: item.get("spec") if item["kind"] == "Pod" else None)


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


def ledger(run: Run, scanner: Scanner) -> Found:
    maps = run.kube.list("configmap", "bootstrap-system")
    found = {
        o["metadata"]["name"]: scanner.find(json.dumps(o))
        for o in maps
        if o["metadata"]["name"].startswith("ledger-")
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


def operator_logs(run: Run, scanner: Scanner) -> Found:
    """Of every container: the operator's, Vault's, the unsealer's among them."""
    found = {}
    for path in sorted((run.kube.lab.state / "var-log").rglob("*.log")):
        found[str(path)] = scanner.find_in_file(path)
    assert any("external-secrets" in path for path in found)
    assert any("vault-0" in path for path in found)
    return found


def etcd(run: Run, scanner: Scanner) -> Found:
    """The API server's store, as it lies on the disk."""
    files = [p for p in (run.kube.lab.state / "etcd").rglob("*") if p.is_file()]
    assert files
    return {str(p): scanner.find_in_file(p) for p in files}


def image_layers(run: Run, scanner: Scanner) -> Found:
    """There is no image of the program: those that the lab builds, after there was a value."""
    archives = [*(CACHE / "images").rglob("*.tar")]
    assert archives
    later = [path for path in archives if path.stat().st_mtime >= run.begun - 1]
    return {**run.planted, **{str(path): scanner.find_in_file(path) for path in later}}


def temporary_files(run: Run, scanner: Scanner) -> Found:
    kept = [run.platform.root_key, *of_other_tests(run.out)]
    return scanner.find_in_folders(TEMPORARY, since=run.begun - 1, but=kept)


def of_other_tests(mine: Path) -> list[Path]:
    """What pytest gave to runs beside this one, whose folder holds ``mine``: they write values of their own there."""
    for own in mine.resolve().parents:
        if own.parent.name.startswith("pytest-of-"):
            return [each for each in own.parent.iterdir() if each.resolve() != own]
    return []


def helper_homes(run: Run, scanner: Scanner) -> Found:
    """The home that every command had."""
    return scanner.find_in_folders([run.home])


def kubectl_cache(run: Run, scanner: Scanner) -> Found:
    folder = Path(run.kube.cache)
    assert any(folder.rglob("*"))
    return scanner.find_in_folders([folder])


def records(run: Run, scanner: Scanner) -> Found:
    folder = run.platform.folder / "records"
    assert any(folder.rglob("escrow.json"))
    return scanner.find_in_folders([folder])


def repository(run: Run, scanner: Scanner) -> Found:
    return scanner.find_in_folders([run.platform.folder])


def git_objects(run: Run, scanner: Scanner) -> Found:
    """Unpacked: what is deflated shows nothing to a search."""
    words = [
        "git",
        "-C",
        str(run.platform.folder),
        "cat-file",
        "--batch-all-objects",
        "--batch",
        "--unordered",
    ]
    content = subprocess.run(words, check=True, capture_output=True).stdout
    assert b"kind: Platform" in content
    return {"objects": scanner.find(content)}


def bundle(run: Run, scanner: Scanner) -> Found:
    return scanner.find_in_folders([run.out], but=[run.platform.root_key, run.platform.folder])


PLACES: dict[str, Callable[[Run, Scanner], Found]] = {
    place.__name__.removeprefix("as_"): place
    for place in (
        pipe,
        as_json,
        arguments,
        environment,
        objects,
        object_metadata,
        annotations,
        pod_specs,
        other_secrets,
        journal,
        ledger,
        events,
        api_audit,
        vault_audit,
        operator_logs,
        etcd,
        image_layers,
        temporary_files,
        helper_homes,
        kubectl_cache,
        records,
        repository,
        git_objects,
        bundle,
    )
}
