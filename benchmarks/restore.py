"""How long a platform of many secrets takes to come back, against what the servers themselves took in the same run.

    python -m benchmarks.restore [--secrets 100 --secrets 1000] [--lab NAME] [--out FILE]

Needs root and the built servers. Each size: a platform of three nodes in a new lab, a snapshot of it, and a drill in a
lab of its own, whose signed report has the numbers. Ends with the largest ratio to the servers' own time.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import platforms
from benchmarks.machine import give, machine
from benchmarks.platforms import say
from bootstrap.lab.state import find
from tests.lab.support import many
from tests.lab.support.lost import snapshot
from tests.support.program import run_bootstrap

TARGET = 1.25
SIZES = (100, 1000)
PAYLOAD = 200  # bytes of a value
NAMED = 500  # milliseconds that a step took, to be named


def measured(name: str, number: int) -> dict[str, Any]:
    assert find(f"{name}-drill") is None, f"lab {name}-drill is there"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        with platforms.durable_lab(name) as lab:
            ours = platforms.platform(Path(folder), lab, replicas=3)
            many.add(ours, "many", number, PAYLOAD)
            say(f"up, with {number} secrets more")
            platforms.command(ours, "up")
            file = snapshot(ours, ours.folder, Path(folder) / "one.snapshot")
        say("the drill")
        out = Path(folder) / "drill.json"
        command = ("drill", "--repo", ours.folder, "--root", f"file:{ours.root_key}", "--non-interactive")
        done = run_bootstrap(
            *command, "--snapshot", file, "--lab", f"{name}-drill", "--out", out, "-o", "json"
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        rto = report["rto"]
        return {
            "secrets": report["secrets"]["secrets"],
            "snapshot bytes": file.stat().st_size,
            "rto seconds": rto["milliseconds"] / 1000,
            "servers seconds": rto["waitedMilliseconds"] / 1000,
            "waits": {each["id"]: each["milliseconds"] / 1000 for each in rto["waits"]},
            "phases": {each["id"]: each["milliseconds"] / 1000 for each in rto["phases"]},
            "steps": {
                step["id"]: step["milliseconds"] / 1000
                for phase in rto["phases"]
                for step in phase["steps"]
                if step["milliseconds"] >= NAMED
            },
            "proofs seconds": rto["proofsMilliseconds"] / 1000,
            "comparison seconds": rto["comparisonMilliseconds"] / 1000,
            "ratio": round(rto["milliseconds"] / rto["waitedMilliseconds"], 2),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--secrets", type=int, action="append", help="how many; may be given again")
    parser.add_argument("--lab", default="bench")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("a lab needs root\n")
        return 2
    before = machine("cryptography")
    found = [measured(given.lab, number) for number in given.secrets or SIZES]
    result = {"machine": before, "load after": machine()["load"], "sizes": found, "target": TARGET}
    give(result, given.out)
    worst = max(each["ratio"] for each in found)
    sys.stdout.write(f"largest ratio {worst:.2f}\n")
    return int(worst > TARGET)


if __name__ == "__main__":
    sys.exit(main())
