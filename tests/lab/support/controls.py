"""How a value is put into each place of a real platform on purpose: the same search must find it."""

import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab.support.places import Run
from tests.lab.support.state import JOURNAL, authority
from tests.lab.support.vault import as_run
from tests.support.program import run_bootstrap
from tests.support.scan import Scanner, forms
from tests.support.watch import Processes

CONTROLS: dict[str, Callable[[Run, str], None]] = {}


def control(function: Callable[[Run, str], None]) -> Callable[[Run, str], None]:
    CONTROLS[function.__name__.removeprefix("into_")] = function
    return function


@control
def into_pipe(run: Run, decoy: str) -> None:
    done = run_bootstrap("check", "--repo", f"/nowhere/{decoy}")
    run.streams["control"] = done.stderr


@control
def into_json(run: Run, decoy: str) -> None:
    run.streams["control"] = json.dumps({"finding": decoy})


def _watched(run: Run, decoy: str, *words: str) -> None:
    with Processes() as watched:
        code = "import time; time.sleep(1)"
        subprocess.run([sys.executable, "-c", code, *words], env={"DECOY": decoy}, check=True)
    run.processes.seen |= watched.seen


@control
def into_arguments(run: Run, decoy: str) -> None:
    _watched(run, "", decoy)


@control
def into_environment(run: Run, decoy: str) -> None:
    _watched(run, decoy)


@control
def into_object_metadata(run: Run, decoy: str) -> None:
    run.kube.run("create", "configmap", "decoy", "-n", "default")
    run.kube.run("label", "configmap", "decoy", "-n", "default", f"decoy={decoy}")


@control
def into_annotations(run: Run, decoy: str) -> None:
    run.kube.run("create", "configmap", "decoy", "-n", "default")
    run.kube.run("annotate", "configmap", "decoy", "-n", "default", f"decoy={decoy}")


@control
def into_pod_specs(run: Run, decoy: str) -> None:
    """One that is never scheduled."""
    spec = {"nodeName": "nowhere", "containers": [{"name": "a", "image": "a", "args": [decoy]}]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "decoy", "namespace": "default"},
        "spec": spec,
    }
    run.kube.run("create", "-f", "-", stdin=json.dumps(pod))


@control
def into_ledger(run: Run, decoy: str) -> None:
    run.kube.run("create", "configmap", "ledger-decoy", "-n", "bootstrap-system", f"--from-literal=a={decoy}")


@control
def into_records(run: Run, decoy: str) -> None:
    (run.platform.folder / "records/decoy").write_text(decoy)


@control
def into_kubectl_cache(run: Run, decoy: str) -> None:
    (Path(run.kube.cache) / "decoy").write_text(decoy)


@control
def into_git_objects(run: Run, decoy: str) -> None:
    words = ["git", "-C", str(run.platform.folder), "hash-object", "-w", "--stdin"]
    subprocess.run(words, input=decoy.encode(), check=True, capture_output=True)


@control
def into_image_layers(run: Run, decoy: str) -> None:
    """An archive of an image with a file of it, in a folder of the test's."""
    layer = run.out / "decoy.tar"
    (run.out / "decoy-file").write_text(decoy)
    with tarfile.open(layer, "w") as archive:
        archive.add(run.out / "decoy-file", "etc/decoy")
    run.planted["decoy.tar"] = Scanner({"decoy": decoy.encode()}).find_in_file(layer)


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
def into_operator_logs(run: Run, decoy: str) -> None:
    run.kube.in_vault("vault-0", "sh", "-c", f"echo {decoy} > /proc/1/fd/1")
    time.sleep(2)


@control
def into_etcd(run: Run, decoy: str) -> None:
    run.kube.run("create", "configmap", "decoy", "-n", "default", f"--from-literal=a={decoy}")


@control
def into_temporary_files(run: Run, decoy: str) -> None:
    Path("/dev/shm/decoy").write_text(decoy)


@control
def into_helper_homes(run: Run, decoy: str) -> None:
    (run.home / "tmp/decoy").write_text(decoy)


@control
def into_repository(run: Run, decoy: str) -> None:
    (run.platform.folder / "decoy").write_text(decoy)


@control
def into_bundle(run: Run, decoy: str) -> None:
    (run.out / "bundle.json").write_bytes((run.out / "bundle.json").read_bytes() + decoy.encode())
