"""What runs beside Vault in its pod, as the shell runs it: the renewer, and the loop that cuts the audit log (G7, B6).

`vault` is a stand-in that answers what the real one does (``tests/lab`` has the real one); paths lie in a folder, and
pauses are short.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.steps.vault.containers import PEERS, RENEWER_SCRIPT, SERVER, UNSEALED, VOLUMES_PROBE
from tests.support.tls_server import authority

VAULT = """\
#!/bin/sh
echo "$*" >>{folder}/asked
case "$1 $2" in
  "write -field=token")
    [ -e {folder}/refuse ] && {{ echo "Code: 403. permission denied" >&2; exit 2; }}
    printf canary-token;;
  "write -format=json") cat {folder}/answer;;
  "status ") cmp -s {folder}/live "$VAULT_CACERT" || exit 1;;
  "server "*) exec sleep 1000;;
esac
"""


@dataclass(frozen=True)
class Pod:
    folder: Path

    def run(self, script: str) -> "subprocess.Popen[bytes]":
        text = script.replace(UNSEALED, "true").replace("/vault/", f"{self.folder}/")
        for pause, short in (
            ("sleep $pause ", "sleep 0.2 "),
            ("sleep 3 ", "sleep 0.1 "),
            ("sleep 2;", "sleep 0.1;"),
        ):
            text = text.replace(pause, short)
        text = text.replace("kill -HUP 1", f"echo reload >>{self.folder}/signals")
        environment = {
            "PATH": f"{self.folder}/bin:{os.defpath}",
            "POD": "vault-1",
            "NAMES": "vault-1.vault-internal,localhost",
            "HOME": str(self.folder / "renewer"),
            "AUDIT_PART": "1000",
        }
        return subprocess.Popen(
            ["sh", "-c", text],
            env=environment,
            stdout=(self.folder / "said").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def text(self, name: str) -> str:
        file = self.folder / name
        return file.read_text() if file.exists() else ""

    def first(self, ends: int) -> None:
        self.put("tls/vault-1.until", f"{ends}\n")

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def issues(self, seconds: int) -> str:
        """The certificate of the next answer; Vault serves it as soon as it is read."""
        ca = authority("an intermediate")
        certificate, key = (part.decode() for part in ca.leaf("vault-1.vault-internal"))
        bundle = (key + certificate + ca.pem.decode()).replace("\n", "\\n")
        ends = int(time.time()) + seconds
        self.put(
            "answer",
            f'{{\n  "data": {{\n    "certificate": "{bundle}",\n    "expiration": {ends},\n    "x": 1\n  }}\n}}\n',
        )
        self.put("live", certificate)
        return certificate


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    for name in ("bin", "leaf", "renewer", "token", "tls", "audit", "data", "config"):
        (tmp_path / name).mkdir()
    program = tmp_path / "bin/vault"
    program.write_text(VAULT.format(folder=tmp_path))
    program.chmod(0o755)
    made = Pod(tmp_path)
    made.put("token/token", "canary-jwt")
    made.put("tls/vault-1.key", "FIRST KEY\n")
    made.put("tls/vault-1.crt", "FIRST CERTIFICATE\n")
    yield made


def until(check: Callable[[], object], seconds: float = 120) -> None:
    over = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < over
        time.sleep(0.05)


@pytest.fixture
def started(pod: Pod) -> Iterator[Callable[[str], None]]:
    running: list[subprocess.Popen[bytes]] = []
    yield lambda script: running.append(pod.run(script))
    for each in running:
        os.killpg(each.pid, signal.SIGKILL)
        each.wait()


Start = Callable[[str], None]


def test_g7_a_renewer_puts_key_certificate_and_intermediate_into_one_file(pod: Pod, started: Start) -> None:
    certificate, now = pod.issues(3000), int(time.time())
    started(RENEWER_SCRIPT)
    until(lambda: "serves a certificate" in pod.text("said"))
    served = pod.text("leaf/served.pem")
    assert served.startswith("-----BEGIN PRIVATE KEY") and served.count("BEGIN CERTIFICATE") == 2
    assert certificate in served and pod.text("renewer/served.crt") == certificate
    assert (pod.folder / "leaf/served.pem").stat().st_mode & 0o077 == 0
    ends, later = int(pod.text("leaf/until")), int(time.time())
    assert f'"expiration": {ends},' in pod.text("answer")
    assert now + (ends - now) * 2 // 3 <= int(pod.text("leaf/due")) <= later + (ends - later) * 2 // 3
    assert pod.text("leaf/turn")


def test_g7_what_up_says_of_the_ca_in_vault_makes_it_due_at_once_and_once(pod: Pod, started: Start) -> None:
    pod.issues(3000)
    started(RENEWER_SCRIPT)
    until(lambda: "serves a certificate" in pod.text("said"))
    asked = pod.text("asked").count("vault-pki/issue")
    later = pod.issues(3000)
    pod.put("tls/issuer", "a1b2\n")
    until(lambda: later in pod.text("leaf/served.pem"))
    until(lambda: pod.text("said").count("serves a certificate") == 2)
    time.sleep(1)
    assert pod.text("asked").count("vault-pki/issue") == asked + 1


def test_s2_it_keeps_no_token_and_shows_none(pod: Pod, started: Start) -> None:
    pod.issues(3000)
    started(RENEWER_SCRIPT)
    until(lambda: "serves a certificate" in pod.text("said"))
    assert sorted(path.name for path in (pod.folder / "renewer").iterdir()) == ["served.crt", "why"]
    asked = pod.text("asked").splitlines()
    assert (
        asked[0]
        == f"write -field=token auth/vault-pods/login role=vault-renewer-vault-1 jwt=@{pod.folder}/token/token"
    )
    assert asked[2] == "token revoke -self"
    assert "canary" not in pod.text("asked") + pod.text("said")


def test_it_asks_once_in_two_thirds_of_a_life(pod: Pod, started: Start) -> None:
    pod.issues(9)
    begun = time.monotonic()
    started(RENEWER_SCRIPT)
    until(lambda: "serves" in pod.text("said"))
    pod.issues(3000)
    until(lambda: pod.text("said").count("serves") == 2)
    assert time.monotonic() - begun >= 4
    time.sleep(1)
    assert pod.text("asked").count("-format=json") == 2


def test_where_it_is_refused_it_says_why_and_what_is_served_stays(pod: Pod, started: Start) -> None:
    pod.put("refuse", "")
    pod.put("leaf/served.pem", "SERVED\n")
    pod.put("leaf/until", f"{int(time.time()) + 100}\n")
    pod.first(int(time.time()) + 1000)
    started(RENEWER_SCRIPT)
    until(lambda: "not renewed: Code: 403. permission denied" in pod.text("said"))
    assert pod.text("leaf/served.pem") == "SERVED\n"
    assert "-format=json" not in pod.text("asked")


def test_one_that_is_refused_asks_again_soon_and_is_let_in(pod: Pod, started: Start) -> None:
    pod.put("refuse", "")
    pod.issues(3000)
    started(RENEWER_SCRIPT)
    until(lambda: pod.text("said").count("not renewed") == 3)
    (pod.folder / "refuse").unlink()
    until(lambda: "serves a certificate" in pod.text("said"))


def test_one_that_is_refused_for_long_asks_no_more_for_a_while(pod: Pod, started: Start) -> None:
    pod.put("refuse", "")
    started(RENEWER_SCRIPT)
    until(lambda: pod.text("said").count("not renewed") == 30)
    time.sleep(1)
    assert pod.text("said").count("not renewed") == 30


def test_g7_what_has_expired_gives_way_to_the_first_one_that_has_not(pod: Pod, started: Start) -> None:
    """Of `up`, in the Secret."""
    pod.put("refuse", "")
    pod.put("leaf/served.pem", "EXPIRED\n")
    for at in ("leaf/until", "tls/vault-1.until"):
        pod.put(at, f"{int(time.time()) - 10}\n")
    started(RENEWER_SCRIPT)
    until(lambda: "not renewed" in pod.text("said"))
    assert pod.text("leaf/served.pem") == "EXPIRED\n"
    pod.first(int(time.time()) + 1000)
    until(lambda: pod.text("leaf/served.pem") == "FIRST KEY\nFIRST CERTIFICATE\n")
    until(lambda: pod.text("leaf/turn"))


def test_a_certificate_that_vault_does_not_take_is_asked_for_again(pod: Pod, started: Start) -> None:
    pod.issues(3000)
    pod.put("live", "another")
    started(RENEWER_SCRIPT)
    until(lambda: "Vault does not serve the certificate" in pod.text("said"))
    until(lambda: pod.text("leaf/due") == "0\n")


# ---------------------------------------------------------------- beside the server


def test_g7_vault_starts_with_its_first_certificate_and_reads_a_later_one(pod: Pod, started: Start) -> None:
    started(SERVER)
    until(lambda: pod.text("leaf/served.pem") == "FIRST KEY\nFIRST CERTIFICATE\n")
    until(lambda: f"server -config={pod.folder}/config/vault-1.json" in pod.text("asked"))
    time.sleep(0.5)
    assert pod.text("signals") == ""
    pod.put("leaf/turn", "1\n")
    until(lambda: pod.text("signals") == "reload\n")
    time.sleep(0.5)
    assert pod.text("signals") == "reload\n"


def test_a_container_that_starts_again_serves_what_it_had(pod: Pod, started: Start) -> None:
    pod.put("leaf/served.pem", "RENEWED\n")
    pod.put("leaf/turn", "1\n")
    started(SERVER)
    until(lambda: pod.text("asked"))
    time.sleep(0.5)
    assert pod.text("leaf/served.pem") == "RENEWED\n"
    assert pod.text("signals") == ""


def test_b6_a_part_of_the_log_is_renamed_then_digested_and_the_oldest_goes(pod: Pod, started: Start) -> None:
    for n in range(9):
        pod.put(f"audit/audit-20200101T00000{n}Z.log", f"{n}\n")
    pod.put("audit/audit.log", "a" * 1000)
    started(SERVER)
    until(lambda: pod.text("signals"))
    audit = pod.folder / "audit"
    until(lambda: len(list(audit.glob("audit-*.log"))) == 8 and len(list(audit.glob("*.sha256"))) == 8)
    kept = sorted(path.name for path in audit.glob("audit-*.log"))
    assert kept[0] == "audit-20200101T000002Z.log" and not kept[-1].startswith("audit-2020")
    assert not (audit / "audit.log").exists()
    for name in kept:
        digest = hashlib.sha256((audit / name).read_bytes()).hexdigest()
        assert (audit / f"{name}.sha256").read_text() == f"{digest}  {name}\n"
    pod.put("audit/audit.log", "a" * 999)
    time.sleep(1.5)
    assert (audit / "audit.log").exists()


def test_b6_what_each_part_is_now_is_handed_on(pod: Pod, started: Start) -> None:
    name = "audit-20200101T000000Z.log"
    pod.put(f"audit/{name}", "as it was cut\n")
    pod.put("audit/audit.log", "still written")
    pod.put("refuse", "")
    started(SERVER)
    started(RENEWER_SCRIPT)
    for text in ("as it was cut\n", "a line less, by another hand\n"):
        pod.put(f"audit/{name}", text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        until(lambda said=f"parts: {name}={digest}\n": said in pod.text("said"))  # type: ignore[misc]  # bound now


def test_how_full_the_volumes_are_is_handed_on(pod: Pod, started: Start) -> None:
    started(SERVER)
    until(lambda: pod.text("leaf/used"))
    pod.put("refuse", "")
    started(RENEWER_SCRIPT)
    until(lambda: "volumes: data " in pod.text("said"))


@pytest.mark.parametrize(
    ("used", "said"),
    [
        ("data 3%, audit 79%", ""),
        ("data 3%, audit 80%", "volumes that are soon full: audit 80 %\n"),
        ("data 100%, audit 99%", "volumes that are soon full: data 100 % audit 99 %\n"),
        ("data unknown, audit unknown", ""),
        ("", ""),
    ],
)
def test_g4_a_volume_that_is_soon_full_is_what_the_kubelet_hears(pod: Pod, used: str, said: str) -> None:
    """And says in an Event; where nothing is known yet, nothing is said."""
    if used:
        pod.put("leaf/used", f"{used}\n")
    started = pod.run(VOLUMES_PROBE)
    assert started.wait() == (1 if said else 0)
    assert pod.text("said") == said


def peers(folder: Path, pod: str = "vault-1", recovery: str = "first") -> Path:
    """It has run; the list of voters."""
    named = {"PATH": os.defpath, "POD": pod, "SURVIVOR": "vault-1", "RECOVERY": recovery}
    script = PEERS.replace("/vault/", f"{folder}/")
    subprocess.run(["sh", "-c", script], env=named, check=True)
    return folder / "data/raft/peers.json"


def test_s4_the_node_that_is_left_is_the_only_voter_and_says_so_once(tmp_path: Path) -> None:
    """Vault removes the list when it has read it; a pod that starts again later does not write another one."""
    (tmp_path / "data/raft").mkdir(parents=True)
    found = peers(tmp_path)
    assert json.loads(found.read_text()) == [
        {"id": "vault-1", "address": "vault-1.vault-internal:8201", "non_voter": False}
    ]
    found.unlink()
    assert not peers(tmp_path).exists()
    assert peers(tmp_path, recovery="second").exists()
    assert not [each for each in found.parent.iterdir() if each != found]


def test_s4_no_other_node_and_no_empty_volume_gets_a_list_of_voters(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert not peers(tmp_path).exists()
    (tmp_path / "data/raft").mkdir()
    assert not peers(tmp_path, pod="vault-0").exists()
    assert not list((tmp_path / "data/raft").iterdir())
    assert peers(tmp_path).exists()
