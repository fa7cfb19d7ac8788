"""The audit log cannot stop Vault: two devices, a file that is cut, a volume that is full (B6, OK4)."""

import hashlib
import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.support.cluster import Kube
from tests.lab.support.connections import PODS, pods
from tests.lab.support.logs import followed
from tests.lab.support.logs import lines as log_lines
from tests.lab.support.platform import Platform
from tests.lab.support.processor import process
from tests.lab.support.state import authority, statements
from tests.lab.support.vault import active_pod, as_root, as_run
from tests.lab.support.waiting import until
from tests.support.collector import Collector
from tests.support.program import run_bootstrap, said

pytestmark = pytest.mark.lab
ROTATED = 400.0  # seconds until so much was asked: a part is 1 MiB here
DEVICES = {"file": "/vault/audit/audit.log", "stdout": "stdout"}


def listed(kube: Kube, pod: str) -> list[str]:
    return sorted(kube.in_vault(pod, "ls", "/vault/audit").split())


def parts(kube: Kube, pod: str) -> list[str]:
    return [name for name in listed(kube, pod) if name.startswith("audit-") and name.endswith(".log")]


def digested(kube: Kube, pod: str) -> list[str]:
    return [name.removesuffix(".sha256") for name in listed(kube, pod) if name.endswith(".sha256")]


def text(kube: Kube, pod: str, name: str) -> str:
    return kube.in_vault(pod, "cat", f"/vault/audit/{name}")


def whole_log(kube: Kube, pod: str) -> str:
    return "".join(text(kube, pod, name) for name in (*parts(kube, pod), "audit.log"))


def stream(kube: Kube, pod: str) -> list[str]:
    """The lines of the other device: those of the container's log that are none of Vault's own."""
    log = kube.run("logs", pod, "-n", "vault", "-c", "vault", "--tail=-1")
    return [line for line in log.splitlines() if line.startswith("{")]


def ask_often(kube: Kube, platform: Platform, pod: str, seconds: float) -> list[str]:
    """The ids of requests, each answered."""
    asked: list[str] = []
    with as_run(kube, authority(platform), pod) as vault:
        over = time.monotonic() + seconds
        while not asked or time.monotonic() < over:
            answer = vault.ask("GET", "sys/mounts")
            assert answer.status_code == 200, answer.text
            asked.append(str(answer.json()["request_id"]))
    return asked


def test_b6_both_devices_are_on_before_the_first_secret(kube: Kube, platform: Platform) -> None:
    pod = active_pod(kube)
    with as_run(kube, authority(platform), pod) as vault:
        devices = vault.read("sys/audit")
    assert {name.rstrip("/"): d["options"]["file_path"] for name, d in devices.items()} == DEVICES
    first = [json.loads(lines[0])["request"]["path"] for each in PODS if (lines := stream(kube, each))]
    assert "sys/audit/test" in first
    everything = [
        json.loads(line)
        for each in PODS  # another node may have become the active one
        for line in kube.in_vault(
            each, "sh", "-c", "cat /vault/audit/audit*.log 2>/dev/null || true"
        ).splitlines()
    ]
    written = {
        line["request"]["id"] for line in everything if line["request"]["path"].startswith("secret/data/")
    }
    seen = {json.loads(line)["request"]["id"] for each in PODS for line in stream(kube, each)}
    assert written and written <= seen


@pytest.mark.whole
def test_b6_the_log_is_cut_without_a_lost_or_a_doubled_line(kube: Kube, platform: Platform) -> None:
    pod = active_pod(kube)
    before, over, asked = len(parts(kube, pod)), time.monotonic() + ROTATED, list[str]()
    while len(parts(kube, pod)) < before + 2:
        assert time.monotonic() < over, f"{len(asked)} requests, and the log was not cut twice"
        asked += ask_often(kube, platform, pod, 10)
    time.sleep(15)
    names = parts(kube, pod)
    assert 2 <= len(names) <= 9
    lines = [
        json.loads(line) for name in (*names, "audit.log") for line in text(kube, pod, name).splitlines()
    ]
    met = Counter((line["request"]["id"], line["type"]) for line in lines)
    assert max(met.values()) == 1
    # What is older than the parts that are kept is gone; from the first kept one on nothing is missing.
    first = next(n for n, each in enumerate(asked) if (each, "response") in met)
    assert [e for e in asked[first + 1 :] if (e, "request") not in met or (e, "response") not in met] == []
    print(f"{len(asked)} requests, {len(names)} parts")
    for name in names[:-1]:
        digest, _, of = text(kube, pod, f"{name}.sha256").partition("  ")
        assert of.strip() == name
        assert digest == hashlib.sha256(text(kube, pod, name).encode()).hexdigest()


@pytest.mark.whole
def test_g6_no_more_parts_are_kept_than_half_a_volume_takes(kube: Kube, platform: Platform) -> None:
    pod = active_pod(kube)
    for n in range(12):
        kube.in_vault(pod, "sh", "-c", f"echo part >/vault/audit/audit-20200101T0000{n:02}Z.log")
    time.sleep(15)
    assert len(parts(kube, pod)) <= 9


def test_how_full_the_volumes_are_is_said(platform: Platform) -> None:
    status = run_bootstrap("status", *platform.to_cluster())
    assert "vault-0: data " in status.stdout and " % full" in status.stdout, said(status)


# ---------------------------------------------------------------- what is on record


def digest_lines(kube: Kube, pod: str) -> dict[str, str]:
    """What the renewer says of the parts, part to digest."""
    log = kube.run("logs", pod, "-n", "vault", "-c", "renewer", "--tail=200")
    last = [line for line in log.splitlines() if line.startswith("parts:")][-1]
    return dict(each.split("=") for each in last.removeprefix("parts:").split())


def on_record(kube: Kube, pod: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement in statements(kube):
        if statement["phase"] == "AUDIT-LOG":
            found |= statement["details"]
    return {part.partition("/")[2]: digest for part, digest in found.items() if part.startswith(f"{pod}/")}


@pytest.mark.whole
def test_b6_the_ledger_has_the_digests_of_what_was_cut_and_verify_misses_what_is_other_or_gone(
    kube: Kube, platform: Platform
) -> None:
    pod = active_pod(kube)
    ask_often(kube, platform, pod, 20)
    until(lambda: len(digest_lines(kube, pod)) >= 2, 40)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    recorded = on_record(kube, pod)
    kept = [name for name in parts(kube, pod) if name in recorded]
    assert len(kept) >= 2
    for name in kept:
        assert recorded[name] == hashlib.sha256(text(kube, pod, name).encode()).hexdigest()
    assert proof(platform) == (0, "")
    at = f"/vault/audit/{kept[-1]}"
    kube.in_vault(pod, "sh", "-c", f"cp {at} /vault/audit/aside && echo >>{at}")
    until(lambda: digest_lines(kube, pod).get(kept[-1]) != recorded[kept[-1]], 40)
    assert proof(platform) == (6, f"not as recorded: {pod}/{kept[-1]}")
    kube.in_vault(pod, "rm", at, f"{at}.sha256")
    until(lambda: kept[-1] not in digest_lines(kube, pod), 40)
    assert proof(platform) == (6, f"gone before older ones: {pod}/{kept[-1]}")
    kube.in_vault(pod, "mv", "/vault/audit/aside", at)
    until(lambda: digest_lines(kube, pod).get(kept[-1]) == recorded[kept[-1]], 40)
    assert proof(platform) == (0, "")


def proof(platform: Platform) -> tuple[int, str]:
    """How `verify` ends, and what it says against the parts that are kept."""
    found = run_bootstrap("verify", *platform.to_cluster(), "-o", "json")
    (evidence,) = [each["evidence"] for each in json.loads(found.stdout)["proofs"] if each["id"] == "audit"]
    named = re.search(r"(not as recorded|gone before older ones): \S+", evidence)
    return found.returncode, named[0] if named else ""


# ---------------------------------------------------------------- shipped elsewhere


@pytest.mark.whole
def test_b6_a_collector_reads_each_line_once_while_the_log_is_cut(
    kube: Kube, platform: Platform, tmp_path: Path
) -> None:
    """Of the pod's own volume, and also while it was away; what it has read of a part has that part's digest."""
    pod = active_pod(kube)
    volume = Path(f"/proc/{process(kube, pod, 'vault')}/root/vault/audit")
    collector, before = Collector(volume, tmp_path), parts(kube, pod)
    with collector.running():
        ask_often(kube, platform, pod, 15)
    ask_often(kube, platform, pod, 15)
    with collector.running():
        ask_often(kube, platform, pod, 15)
        lines = whole_log(kube, pod).splitlines()
        sent = collector.wait_for(lines)
    assert [line for line, n in Counter(sent).items() if n > 1] == []
    cut = [name for name in parts(kube, pod) if name not in before][:-1]
    print(f"{len(sent)} lines, {len(lines)} of them still kept, {len(cut)} parts cut meanwhile")
    assert len(cut) >= 2
    for name in cut:
        own = set(text(kube, pod, name).splitlines())
        shipped = "".join(f"{line}\n" for line in sent if line in own)
        assert text(kube, pod, f"{name}.sha256").split()[0] == hashlib.sha256(shipped.encode()).hexdigest()


# ---------------------------------------------------------------- a full volume


@contextmanager
def small_volume(kube: Kube, pod: str) -> Iterator[None]:
    """A file system of 1 MiB lies over the audit volume of a running Vault, which writes to it by now."""
    inside = ("nsenter", "-t", str(process(kube, pod, "vault")), "-m", "--", "/bin/busybox")
    mount = "mount -t tmpfs -o size=1m,mode=0777 small /vault/audit"
    subprocess.run([*inside, *mount.split()], check=True)
    try:
        kube.in_vault(pod, "kill", "-HUP", "1")
        yield
    finally:
        subprocess.run([*inside, "umount", "-l", "/vault/audit"], check=True)
        kube.in_vault(pod, "kill", "-HUP", "1")
        # Else an `up` puts on record what lay on the small volume.
        until(lambda: says_its_parts(kube, pod), 60)


def says_its_parts(kube: Kube, pod: str) -> bool:
    """That those said are those there: by the loop beside Vault, and by the renewer that says on what it found."""
    there = {f"{name}={text(kube, pod, f'{name}.sha256').split()[0]}" for name in digested(kube, pod)}
    found = kube.in_vault(pod, "cat", "/vault/leaf/parts").split()
    return there == set(found) == {f"{name}={digest}" for name, digest in digest_lines(kube, pod).items()}


def test_b6_vault_answers_on_while_its_audit_volume_is_full(
    kube: Kube, platform: Platform, tmp_path: Path
) -> None:
    """Each line is in the other device meanwhile; after it, in both again."""
    pod = active_pod(kube)
    with small_volume(kube, pod):
        assert ask_often(kube, platform, pod, 3)
        kube.in_vault(pod, "sh", "-c", "cat /dev/zero >/vault/audit/filler 2>/dev/null || true")
        assert "100%" in kube.in_vault(pod, "df", "-P", "/vault/audit")
        with followed(kube, tmp_path, (pod,)):  # the kubelet cuts that log, too
            asked = ask_often(kube, platform, pod, 20)
            time.sleep(3)
        cut = kube.in_vault(pod, "sh", "-c", "cat /vault/audit/*.log 2>/dev/null | wc -c")
    lines = [json.loads(text) for _, text in log_lines(tmp_path / pod) if text.startswith("{")]
    met = {(line["request"]["id"], line["type"]) for line in lines}
    assert [e for e in asked if not {(e, "request"), (e, "response")} <= met] == []
    print(f"{len(asked)} requests answered, {cut.strip()} bytes of the log on the full volume")
    seconds = until(lambda: ask_often(kube, platform, pod, 1)[-1] in whole_log(kube, pod), 30)
    print(f"in the file again {seconds:.0f} s after the signal")


@pytest.mark.whole
def test_g4_a_volume_that_is_soon_full_is_an_event_of_its_pod(kube: Kube, platform: Platform) -> None:
    """The kubelet asks each five minutes, and writes it; nothing restarts, and no pod of ours may write one."""
    pod, there = active_pod(kube), pods(kube)
    earlier = "--field-selector", f"involvedObject.name={pod},type=Warning"
    kube.run("delete", "events", "-n", "vault", *earlier)
    with small_volume(kube, pod):
        kube.in_vault(pod, "sh", "-c", "head -c 900000 /dev/zero >/vault/audit/filler")
        seconds = until(lambda: bool(warnings(kube, pod)), 360)
        status = run_bootstrap("status", *platform.to_cluster())
        assert f"{pod}: data" in status.stdout and "soon FULL" in status.stdout, said(status)
    print(f"an Event after {seconds:.0f} s: {warnings(kube, pod)}")
    assert pods(kube) == there


def warnings(kube: Kube, pod: str) -> list[str]:
    found = [e for e in kube.list("events", "vault") if e["involvedObject"]["name"] == pod]
    return [e["message"] for e in found if "volumes that are soon full: audit " in e["message"]]


def test_b6_each_device_that_is_lost_is_named_and_repaired_by_up(kube: Kube, platform: Platform) -> None:
    for name, place in DEVICES.items():
        with as_root(kube, authority(platform), active_pod(kube)) as root:
            assert root.ask("DELETE", f"sys/audit/{name}").status_code == 204
        found = run_bootstrap("verify", *platform.to_cluster())
        assert found.returncode == 6, said(found)
        assert f"E_AUDIT_OFF: no audit device {name}/ that writes to {place}" in found.stdout, said(found)
        done = run_bootstrap("up", *platform.to_cluster())
        assert done.returncode == 0, said(done)
        found = run_bootstrap("verify", *platform.to_cluster())
        assert found.returncode == 0, said(found)
