"""Each place as it is after a run, and how a value is put there on purpose."""

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.adapters.git.access import GitAccess
from bootstrap.adapters.git.limits import Meter
from bootstrap.adapters.git.location import parse_location
from bootstrap.adapters.git.ssh import ssh_client
from bootstrap.adapters.local.ansible import AnsiblePlaybooks
from bootstrap.ledger.bundle import export
from bootstrap.model.names import SYSTEM_NAMESPACE
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Refused
from tests.leaks.children import SCRIPTS, left_by
from tests.leaks.program_run import ROOT, TEMPORARY, Run, on_terminal, temporary
from tests.support.program import run_bootstrap
from tests.support.scan import Scanner
from tests.support.watch import Processes

Found = dict[str, list[str]]
JOURNAL = {"bootstrap.dev/record": "journal"}


@dataclass(frozen=True)
class Place:
    """``look`` gives what is there by where; ``plant`` puts a text there."""

    look: Callable[[Run, Scanner], Found]
    plant: Callable[[Run, str], None]


def texts(scanner: Scanner, found: dict[str, str] | dict[str, bytes]) -> Found:
    assert found
    return {where: scanner.find(content) for where, content in found.items()}


# ---------------------------------------------------------------- what commands write


def terminal(run: Run, scanner: Scanner) -> Found:
    return texts(scanner, run.terminal)


def into_terminal(run: Run, decoy: str) -> None:
    run.terminal["control"] = on_terminal(run, "check", "--repo", f"/nowhere/{decoy}")


def pipe(run: Run, scanner: Scanner) -> Found:
    return texts(scanner, {**run.said, **run.failed})


def into_pipe(run: Run, decoy: str) -> None:
    run.failed["control"] = run_bootstrap("check", "--repo", f"/nowhere/{decoy}").stderr


def report(name: str) -> Place:
    """One form of output; a file's name stands in each of them."""

    def look(run: Run, scanner: Scanner) -> Found:
        return texts(scanner, {k: v for k, v in {**run.said, **run.failed}.items() if name in k})

    def plant(run: Run, decoy: str) -> None:
        copy = run.folder / f"control-{name}"
        subprocess.run(["git", "clone", "-q", str(run.repository), str(copy)], check=True)
        (copy / f"encrypted/{decoy}.txt").write_text("x")
        who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", "-C", str(copy), "add", "-A", "-f"], check=True)
        subprocess.run(["git", "-C", str(copy), *who, "commit", "-q", "-m", "x"], check=True)
        done = run_bootstrap("check", "--repo", copy, "-o", name)
        assert done.returncode != 0
        run.failed[f"control {name}"] = done.stdout

    return Place(look, plant)


def shell_history(run: Run, scanner: Scanner) -> Found:
    """What a hint tells the reader to type is kept in a file of theirs."""
    lines = (line for text in run.failed.values() for line in text.splitlines())
    return texts(scanner, {"hints": "\n".join(line for line in lines if "hint" in line)})


def into_shell_history(run: Run, decoy: str) -> None:
    """A folder that is no repository: the hint says how to make it one."""
    (run.folder / decoy).mkdir()
    run.failed["control"] = run_bootstrap("check", "--repo", run.folder / decoy).stderr


# ---------------------------------------------------------------- what a run leaves in a cluster, on the simulator


def objects(run: Run) -> Iterator[dict[str, Any]]:
    for ref, obj in run.platform.cluster.everything().items():
        yield obj | {"kind": ref.kind, "apiVersion": ref.api}


def config_maps(run: Run, begins: str) -> dict[str, str]:
    return {
        o["metadata"]["name"]: json.dumps(o.get("data"))
        for o in objects(run)
        if o["kind"] == "ConfigMap" and o["metadata"]["name"].startswith(begins)
    }


def named(begins: str) -> Place:
    def plant(run: Run, decoy: str) -> None:
        meta = {"name": f"{begins}decoy", "namespace": SYSTEM_NAMESPACE, "labels": JOURNAL}
        run.platform.cluster.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"x": decoy}}
        )

    return Place(lambda run, scanner: texts(scanner, config_maps(run, begins)), plant)


def part(take: Callable[[dict[str, Any]], object], kind: str, body: Callable[[str], dict[str, Any]]) -> Place:
    """A part of every object; one with the text in that part is made."""

    def look(run: Run, scanner: Scanner) -> Found:
        found = {
            f"{o['kind']} {o['metadata'].get('namespace', '')}/{o['metadata']['name']}": json.dumps(
                take(o), default=repr
            )
            for o in objects(run)
        }
        assert any(value != "null" for value in found.values())
        return texts(scanner, found)

    def plant(run: Run, decoy: str) -> None:
        made = body(decoy)
        made["metadata"] = {"name": decoy, "namespace": "default", **made.get("metadata", {})}
        created = run.platform.cluster.create({"apiVersion": "v1", "kind": kind, **made})
        assert not isinstance(created, Refused)

    return Place(look, plant)


def _without_annotations(obj: dict[str, Any]) -> object:
    return {name: value for name, value in obj["metadata"].items() if name != "annotations"}


def _pod_spec(obj: dict[str, Any]) -> object:
    spec = obj.get("spec") or {}
    return spec if obj["kind"] == "Pod" else (spec.get("template") if isinstance(spec, dict) else None)


def bundle(run: Run, scanner: Scanner) -> Found:
    """As it is exported, whose payloads are base64."""
    return texts(scanner, {"bundle": _bundle(run)})


def into_bundle(run: Run, decoy: str) -> None:
    """As one more record of the ledger that is exported."""
    payload = base64.b64encode(f'{{"note":"{decoy}"}}'.encode()).decode()
    run.more_envelopes.append(json.dumps({"payload": payload}).encode())


def _bundle(run: Run) -> bytes:
    ledger = run.platform.world().ledger.read()
    head = next(p for p in sorted(run.platform.records.rglob("head.json"))).read_bytes()
    escrow = next(p for p in sorted(run.platform.records.rglob("escrow.json"))).read_bytes()
    return export([*(e.envelope for e in ledger.entries), *run.more_envelopes], head, escrow)


def folder_of(where: Callable[[Run], Path], name: str) -> Place:
    def plant(run: Run, decoy: str) -> None:
        path = where(run) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(decoy)

    return Place(lambda run, scanner: scanner.find_in_folders([where(run)]), plant)


# ---------------------------------------------------------------- what processes show and leave


def processes(which: str) -> Place:
    def look(run: Run, scanner: Scanner) -> Found:
        return texts(scanner, {w: c for c, w in run.processes.seen.items() if w.startswith(which)})

    def plant(run: Run, decoy: str) -> None:
        words = [decoy] if which == "command" else []
        with Processes() as watched:
            code = "import time; time.sleep(2)"
            subprocess.run([sys.executable, "-c", code, *words], env={"DECOY": decoy}, check=True)
        run.processes.seen |= watched.seen

    return Place(look, plant)


def temporary_files(run: Run, scanner: Scanner) -> Found:
    """What is there and was not before the run; and the folder that the environment named, which is not listened to."""
    new = [path for path in temporary() if path not in run.before and path not in run.folder.parents]
    single = {str(p): scanner.find_in_file(p) for p in new if p.is_file()}
    return single | scanner.find_in_folders([*filter(Path.is_dir, new), run.home])


def into_temporary_files(run: Run, decoy: str) -> None:
    """In the machine's folder: that the home is searched is shown by other places."""
    run.left.append(Path(tempfile.mkstemp(prefix="bootstrap-decoy-", dir=TEMPORARY[0])[1]))
    run.left[-1].write_text(decoy)


def memory(run: Run, scanner: Scanner) -> Found:
    """Shared memory outlives its process; and that swap holds what was in memory is said."""
    said = " ".join((ROOT / "docs/explanation/trust.md").read_text().split())
    assert "may be in swap" in said
    return scanner.find_in_folders([Path("/dev/shm")], since=run.begun - 1)


def into_memory(run: Run, decoy: str) -> None:
    run.left.append(Path("/dev/shm/bootstrap-decoy"))
    run.left[-1].write_text(decoy)


def wheel(run: Run, scanner: Scanner) -> Found:
    return texts(scanner, _wheel(ROOT, run) | run.planted)


def into_wheel(run: Run, decoy: str) -> None:
    """In a folder that is packed."""
    tree = run.folder / "tree"
    skip = shutil.ignore_patterns(".*", "tests", "docs", "__pycache__", "benchmarks")
    shutil.copytree(ROOT, tree, ignore=skip)
    (tree / "playbooks/decoy.yaml").write_text(decoy)
    run.planted |= _wheel(tree, run)


def _wheel(tree: Path, run: Run) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(dir=run.folder) as out:
        words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out]
        subprocess.run(words, cwd=tree, check=True, capture_output=True)
        (made,) = Path(out).glob("*.whl")
        with zipfile.ZipFile(made) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def child(name: str) -> Place:
    guarded, loose = SCRIPTS[name]

    def look(run: Run, scanner: Scanner) -> Found:
        return texts(scanner, left_by(guarded, run.canaries.token.encode()) | run.planted)

    def plant(run: Run, decoy: str) -> None:
        run.planted |= left_by(loose, decoy.encode())

    return Place(look, plant)


def ansible(run: Run, scanner: Scanner) -> Found:
    return texts(scanner, _artefacts(run, {"plain": "x"}) | run.planted)


def into_ansible(run: Run, decoy: str) -> None:
    run.planted |= _artefacts(run, {"decoy": decoy})


def _artefacts(run: Run, variables: dict[str, Any]) -> dict[str, bytes]:
    """All that ansible-runner has written by the time of a task."""
    playbooks = run.folder / "playbooks"
    playbooks.mkdir(exist_ok=True)
    task = {"name": "one", "ansible.builtin.debug": {"msg": "said"}}
    play = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
    (playbooks / "one.yaml").write_text(json.dumps(play))
    found: dict[str, bytes] = {}

    def keep(*_: object) -> None:
        for folder in Path(tempfile.gettempdir()).glob("bootstrap-ansible-*"):
            found.update({str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()})

    AnsiblePlaybooks(playbooks).run("one", variables, keep)
    assert found
    return found


def helper_homes(run: Run, scanner: Scanner) -> Found:
    """Beside an ssh that serves a key, and the home that commands were given (a gpg of the user's is in it)."""
    key, hosts = Sensitive(_ssh_key(run), "key"), run.folder / "known_hosts"
    hosts.write_text("git.example.org ssh-ed25519 AAAA\n")
    access = GitAccess(key=key, known_hosts=hosts)
    location = parse_location("ssh://git@git.example.org/r")
    found: Found = {}
    with ssh_client(location, access, Meter("here")):
        for made in Path("/tmp").glob("bootstrap-ssh-*"):
            files = [p for p in made.rglob("*") if p.is_file()]
            assert files
            found |= {str(p): scanner.find_in_file(p) for p in files}
    assert found
    return found | scanner.find_in_folders([run.home])


def into_helper_homes(run: Run, decoy: str) -> None:
    (run.home / ".gnupg").mkdir(exist_ok=True)
    (run.home / ".gnupg/decoy").write_text(decoy)


def _ssh_key(run: Run) -> bytes:
    path = run.folder / "id"
    if not path.exists():
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(words, check=True)
    return path.read_bytes()


def git_objects(run: Run, scanner: Scanner) -> Found:
    """Every object, unpacked: what is deflated shows nothing to a search."""
    return texts(scanner, {"objects": _objects(run.repository)})


def _objects(repository: Path) -> bytes:
    words = ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch", "--unordered"]
    found = subprocess.run(words, check=True, capture_output=True).stdout
    assert b"kind: Platform" in found
    return found


def into_git_objects(run: Run, decoy: str) -> None:
    words = ["git", "-C", str(run.repository), "hash-object", "-w", "--stdin"]
    subprocess.run(words, input=decoy.encode(), check=True, capture_output=True)


PLACES: dict[str, Place] = {
    "terminal": Place(terminal, into_terminal),
    "pipe": Place(pipe, into_pipe),
    "json": report("json"),
    "sarif": report("sarif"),
    "junit": report("junit"),
    "journal": named("journal-"),
    "ledger": named("ledger-"),
    "bundle": Place(bundle, into_bundle),
    "records": folder_of(lambda run: run.platform.records, "decoy"),
    "object_metadata": part(_without_annotations, "ConfigMap", lambda d: {"metadata": {"labels": {"a": d}}}),
    "annotations": part(
        lambda o: o["metadata"].get("annotations"),
        "ConfigMap",
        lambda d: {"metadata": {"annotations": {"a": d}}},
    ),
    "pod_specs": part(_pod_spec, "Pod", lambda d: {"spec": {"containers": [{"name": "a", "args": [d]}]}}),
    "environment": processes("environment"),
    "arguments": processes("command"),
    "temporary_files": Place(temporary_files, into_temporary_files),
    "memory": Place(memory, into_memory),
    "ansible": Place(ansible, into_ansible),
    "helper_homes": Place(helper_homes, into_helper_homes),
    "kubectl_cache": folder_of(lambda run: run.home, ".kube/cache/decoy"),
    "git_objects": Place(git_objects, into_git_objects),
    "shell_history": Place(shell_history, into_shell_history),
    "wheel": Place(wheel, into_wheel),
    **{name: child(name) for name in SCRIPTS},
}
