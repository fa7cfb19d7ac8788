"""All that the speed of the program is measured by, in one run on new labs: see README.md beside this file.

    python -m benchmarks.everything [--nodes 1,3] [--sizes 100,1000,10000] [--payloads 200,4096,65536] [--growing]
                                    [--out FILE]

Needs root and the built servers. Handovers of all sizes and payloads come in an order that is drawn, and the draw is in
the result; the raw requests are measured before and after each, the peers between two of them. `--growing` takes the
sizes in their order instead, and looks at the platform after each, not at its end alone: what looks cost goes by how
many secrets there are. `benchmarks.report` makes the table and the plot of the result.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import floor, peers, platforms
from benchmarks.machine import give, machine
from benchmarks.platforms import Taken, say
from tests.lab.support import many
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform
from tests.lab.support.processor import cores
from tests.lab.support.state import authority

IN_FLIGHT = 32
PAYLOAD = 200  # bytes, where sizes are compared
MANY = 1000  # secrets, where payloads are
FEW = 50  # secrets of the slow peers
ROUNDS = 3  # of looks at a small platform
IDLE = 30.0
Cell = tuple[int, int]  # secrets, bytes


class Bench:
    """One lab, of one number of replicas."""

    def __init__(self, lab: Lab, folder: Path, replicas: int) -> None:
        self.kube, self.replicas, self.secrets = Kube(lab), replicas, 0
        self.platform: Platform = platforms.platform(folder, lab, replicas=replicas)
        self.vault = next(Path("/var/cache/bootstrap-lab/servers").glob("vault-*/vault"))

    def begin(self) -> Taken:
        return platforms.command(self.platform, "up")

    def cell(self, secrets: int, payload: int) -> dict[str, Any]:
        """A handover of so many secrets more, between two measurements of the raw requests."""
        say(f"{self.replicas} nodes: {secrets} secrets of {payload} bytes")
        floors = [self._floor(secrets, payload)]
        many.add(self.platform, f"many-{secrets}-{payload}", secrets, payload)
        handed = platforms.command(self.platform, "up")
        self.secrets += secrets
        floors.append(self._floor(secrets, payload))
        seconds = handed.steps["handover"]
        say(f"handover {seconds:.1f} s, floor {floors[0]:.1f} and {floors[1]:.1f} s")
        return {
            "secrets": secrets,
            "payload": payload,
            "floor": [round(each, 3) for each in floors],
            "handover": seconds,
            "ratio": round(seconds / statistics.mean(floors), 2),
            "milliseconds a secret": round(1000 * seconds / secrets, 2),
            "recorded": handed.steps.get("recorded"),
            "up": round(handed.wall, 2),
            "processor": round(handed.cpu, 1),
            "MiB": round(handed.peak, 1),
        }

    def peers(self, draw: random.Random) -> dict[str, Any]:
        names, value = [f"peer-{n}" for n in range(FEW)], "x" * PAYLOAD
        found: dict[str, Any] = {"secrets": FEW, "payload": PAYLOAD}
        for way in draw.sample(("floor", "shell", "hvac"), 3):
            with floor.target(self.kube, authority(self.platform)) as target:
                if way == "floor":
                    seconds = floor.transfer(target, names, value, in_flight=IN_FLIGHT)
                elif way == "shell":
                    seconds = peers.shell_loop(target, self.vault, names, value)
                else:
                    seconds = peers.hvac_sequential(target, names, value)
            found[way] = round(1000 * seconds / FEW, 2)  # milliseconds a secret
            say(f"{way}: {found[way]} ms a secret")
        return found

    def looks(self, folder: Path) -> dict[str, Any]:
        """What the finished platform answers in, as it stands; a small one is asked three times."""
        rounds = ROUNDS if self.secrets <= 2 * MANY else 1
        say(f"looks at {self.secrets} secrets, {rounds} times")
        every = [self._look(folder) for _ in range(rounds)]
        return {
            "secrets": self.secrets,
            "commands": {
                what: {
                    "seconds": sorted(round(each[what].wall, 2) for each in every),
                    "processor": sorted(round(each[what].cpu, 1) for each in every),
                    "MiB": round(max(each[what].peak for each in every), 1),
                }
                for what in every[0]
            },
        }

    def _look(self, folder: Path) -> dict[str, Taken]:
        bundle, keys = str(folder / "bundle.json"), str(self.platform.folder / "keys")
        Path(bundle).unlink(missing_ok=True)
        commands = {
            "up again": ("up",),
            "status": ("status",),
            "verify": ("verify",),
            "ledger export": ("ledger", "export", "--out", bundle),
        }
        taken = {what: platforms.command(self.platform, *words) for what, words in commands.items()}
        return taken | {"ledger verify": platforms.offline("ledger", "verify", bundle, "--keys", keys)}

    def idle(self) -> dict[str, float]:
        return {name: round(each, 4) for name, each in cores(self.kube, IDLE, "unsealer", "vault").items()}

    def _floor(self, secrets: int, payload: int) -> float:
        names = [f"raw-{n}" for n in range(secrets)]
        with floor.target(self.kube, authority(self.platform)) as target:
            return floor.transfer(target, names, "x" * payload, in_flight=IN_FLIGHT)


def measured(
    replicas: int, cells: Sequence[Cell], name: str, draw: random.Random, *, growing: bool
) -> dict[str, Any]:
    with platforms.durable_lab(name) as lab, tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        folder = Path(place)
        bench = Bench(lab, folder, replicas)
        begun = bench.begin()
        say(f"{replicas} nodes: up took {begun.wall:.1f} s")
        done: list[dict[str, Any]] = []
        at = draw.randrange(len(cells))
        found: dict[str, Any] = {}
        looks: list[dict[str, Any]] = []
        for number, (secrets, payload) in enumerate(cells):
            if number == at:
                found["peers"] = bench.peers(draw)
            done.append(bench.cell(secrets, payload))
            if growing or number == len(cells) - 1:
                looks.append(bench.looks(folder))
        return {
            "nodes": replicas,
            "versions": platforms.versions(bench.kube),
            "up": {"seconds": round(begun.wall, 1), "steps": begun.steps},
            "order": [list(cell) for cell in cells],
            "handovers": done,
            "looks": looks,
            "idle cores": bench.idle(),
            **found,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nodes", type=_numbers, default=[1, 3])
    parser.add_argument("--sizes", type=_numbers, default=[100, 1000, 10000])
    parser.add_argument("--payloads", type=_numbers, default=[200, 4096, 65536])
    parser.add_argument("--growing", action="store_true")
    parser.add_argument("--lab", default="bench")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("a lab needs root\n")
        return 2
    draw = random.Random(given.seed)  # noqa: S311 - an order, no secret
    before = machine("hvac", "cryptography", "urllib3")
    most = min(MANY, max(given.sizes))
    cells = sorted({*((size, PAYLOAD) for size in given.sizes), *((most, each) for each in given.payloads)})
    topologies = draw.sample(given.nodes, len(given.nodes))
    runs = [
        measured(
            replicas,
            cells if given.growing else draw.sample(cells, len(cells)),
            given.lab,
            draw,
            growing=given.growing,
        )
        for replicas in topologies
    ]
    result = {
        "machine": before,
        "load after": machine()["load"],
        "etcd": "waits for the disk (fsync on)",
        "in flight": IN_FLIGHT,
        "seed": given.seed,
        "order": "growing" if given.growing else "drawn",
        "runs": runs,
    }
    give(result, given.out)
    return 0


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
