"""A handover against the raw requests that it consists of, on one node, in one run: ends with `floor ratio N.NN`.

    python -m benchmarks.handover [--secrets N] [--payload BYTES] [--lab NAME] [--out FILE]

Needs root and the built servers. The lab is new, its etcd waits for the disk, and it is gone afterwards. The floor is
measured right before and right after the handover, on the same Vault; the ratio is to the mean of the two.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import floor, platforms
from benchmarks.machine import give, machine
from benchmarks.platforms import say
from tests.lab.support import many
from tests.lab.support.cluster import Kube
from tests.lab.support.state import authority

TARGET = 1.3
IN_FLIGHT = 32


def measured(name: str, number: int, payload: int) -> dict[str, Any]:
    with platforms.durable_lab(name) as lab, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        kube = Kube(lab)
        ours = platforms.platform(Path(folder), lab, replicas=1)
        say("up, without the many")
        begun = platforms.command(ours, "up")
        say(f"up took {begun.wall:.1f} s; the floor")
        floors = [_floor(kube, authority(ours), "before", number, payload)]
        many.add(ours, "many", number, payload)
        say(f"up, with {number} secrets more")
        handed = platforms.command(ours, "up")
        say(f"handover {handed.steps['handover']:.1f} s of {handed.wall:.1f} s; the floor again")
        floors.append(_floor(kube, authority(ours), "after", number, payload))
        again = platforms.command(ours, "up")
        return {
            "versions": platforms.versions(kube),
            "floor seconds": [round(each, 2) for each in floors],
            "handover seconds": handed.steps["handover"],
            "up seconds": {
                "first": round(begun.wall, 1),
                "handover": round(handed.wall, 1),
                "again": round(again.wall, 1),
            },
            "up processor seconds": round(handed.cpu, 1),
            "steps": handed.steps,
            "ratio": round(handed.steps["handover"] / statistics.mean(floors), 2),
        }


def _floor(kube: Kube, ca: Path, prefix: str, number: int, payload: int) -> float:
    names = [f"{prefix}-{n}" for n in range(number)]
    with floor.target(kube, ca) as target:
        seconds = floor.transfer(target, names, "x" * payload, in_flight=IN_FLIGHT)
    say(f"floor {seconds:.2f} s, {number / seconds:.0f} secrets a second")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--secrets", type=int, default=1000)
    parser.add_argument("--payload", type=int, default=200)
    parser.add_argument("--lab", default="bench")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("a lab needs root\n")
        return 2
    before = machine("hvac", "cryptography")
    found = measured(given.lab, given.secrets, given.payload)
    result = {
        "machine": before,
        "load after": machine()["load"],
        "secrets": given.secrets,
        "payload": given.payload,
        "etcd": "waits for the disk (fsync on)",
        "in flight": IN_FLIGHT,
        **found,
        "target": TARGET,
    }
    give(result, given.out)
    sys.stdout.write(f"floor ratio {found['ratio']:.2f}\n")
    return int(found["ratio"] > TARGET)


if __name__ == "__main__":
    sys.exit(main())
