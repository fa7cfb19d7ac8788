"""Reads and writes that go on while certificates of minutes are renewed: how many were asked, how many failed.

    python -m benchmarks.renewals [--minutes 60] [--leaf 300] [--lab NAME] [--out FILE]

Needs root and the built servers. A client's writes and reads, each pair on a new connection, and the reads of the
operator, twenty and ten a second, on a platform of three nodes in a new lab. Exit 1: one failed, a pod was made anew
or restarted, or a node serves a certificate that it served at the beginning.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from benchmarks import platforms
from benchmarks.machine import give, machine
from benchmarks.platforms import say
from tests.lab.support.cluster import Kube
from tests.lab.support.connections import PODS, pods, serials
from tests.lab.support.platform import Platform
from tests.lab.support.traffic import PAIRS, READERS, Told, traffic
from tests.lab.support.vault import active_pod
from tests.support.program import commit_all


def measured(name: str, minutes: float, leaf: int) -> dict[str, Any]:
    with platforms.durable_lab(name) as lab, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        kube, ours = Kube(lab), platforms.platform(Path(folder), lab, replicas=3)
        short_lived(ours, leaf)
        say("up")
        platforms.command(ours, "up")
        before, there = serials(kube, ours), pods(kube)
        say(f"{minutes:g} minutes of reads and writes")
        begun, started = time.monotonic(), datetime.now(UTC)
        told = meanwhile(kube, ours, minutes * 60)
        after = serials(kube, ours)
        return {
            "versions": platforms.versions(kube),
            "began": started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begun),
            "leaf seconds": leaf,
            "requests of the client": told.done,
            "certificates that it saw": len(told.serials),
            "reads of the operator": sum(map(len, told.refreshed.values())),
            "objects that the operator reads": READERS,
            "failed": told.failed,
            "nodes renewed": sum(before[pod] != after[pod] for pod in PODS),
            "pods made anew or restarted": sum(there[pod] != now for pod, now in pods(kube).items()),
        }


def meanwhile(kube: Kube, ours: Platform, seconds: float) -> Told:
    found = []
    with suppress(requests.RequestException), traffic(kube, ours, active_pod(kube)) as told:
        found.append(told)
        time.sleep(seconds)  # a token that cannot be revoked afterwards ends by itself
    return found[0]


def short_lived(ours: Platform, leaf: int) -> None:
    file = ours.folder / "bootstrap.yaml"
    lives = f"    tls: {{leaf: {leaf}s, intermediate: {2 * 3600}s}}\n    seal:"
    file.write_text(file.read_text().replace("    seal:", lives))
    commit_all(ours.folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--leaf", type=int, default=300, help="seconds of a certificate's life")
    parser.add_argument("--lab", default="bench")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("a lab needs root\n")
        return 2
    before = machine("cryptography")
    found = measured(given.lab, given.minutes, given.leaf)
    result = {"machine": before, "load after": machine()["load"], "a second": 2 * PAIRS, **found}
    give(result, given.out)
    whole = (
        found["requests of the client"]
        and found["nodes renewed"] == len(PODS)
        and not found["pods made anew or restarted"]
    )
    return int(bool(found["failed"]) or not whole)


if __name__ == "__main__":
    sys.exit(main())
