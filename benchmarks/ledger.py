"""`ledger verify` against the signatures alone that it checks, and its memory by the length of the ledger.

    python -m benchmarks.ledger [--secrets N] [--rounds N] [--out FILE]

CPU seconds, of one process for the ratio: each round checks the signatures bare, then verifies the whole bundle. The
whole command, and its peak memory, are those of a process of its own.
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import give, machine
from bootstrap.ledger import chain
from bootstrap.ledger.bundle import KEY_FILE, export, verify_bundle
from bootstrap.ledger.chain import Chain, Ledger
from bootstrap.ledger.head import head_file
from bootstrap.ledger.record import Fact, RecordType
from tests.support.ledger_facts import ESCROW, RUN, TIME, Key, fact, story
from tests.support.program import BOOTSTRAP

TARGET_TIME, TARGET_MEMORY = 3.0, 2.0
SMALL, LARGE = 1_000, 10_000
BATCH = 64


def facts(secrets: int) -> Iterator[Fact]:
    """Three records a secret, in the order in which a handover writes them, behind those of the initialisation."""
    yield from story()[:3]
    names = [f"application-{n}" for n in range(secrets)]
    for start in range(0, secrets, BATCH):
        for kind in (RecordType.INTENT, RecordType.COMMIT):
            yield from (fact(kind, name) for name in names[start : start + BATCH])
    yield from (fact(RecordType.RETIRED, name) for name in names)


def bundle(secrets: int) -> bytes:
    key = Key()
    entries = tuple(chain.write(facts(secrets), after=Chain(), run=RUN, time=TIME, signer=key))
    head = head_file(Ledger().extended(entries), ESCROW, known=None, key=key.public, sign=lambda: key)
    return export([entry.envelope for entry in entries], head, ESCROW)


def round_of(data: bytes, number: int) -> tuple[float, float]:
    """CPU seconds of so many bare signature checks, and of the bundle."""
    key, message = Key(), b"x" * 1_100
    signature = key.sign(message)
    gc.collect()
    begun = time.process_time()
    for _ in range(number):
        assert key.public.accepts(signature, message)
    between = time.process_time()
    assert verify_bundle(data, {KEY_FILE: key.pem}).size == number
    return between - begun, time.process_time() - between


def command(folder: Path, data: bytes) -> dict[str, float]:
    """Seconds and peak MiB of the real command; ``VmHWM``, which begins anew with a program."""
    (folder / "bundle.json").write_bytes(data)
    (folder / KEY_FILE).write_bytes(Key().pem)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from bootstrap.cli.entry import main\n"
        "sys.argv = ['bootstrap', 'ledger', 'verify', 'bundle.json', '--keys', '.']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0], file=sys.stderr)\n"
    )
    before, begun = os.times(), time.monotonic()
    line = [str(BOOTSTRAP.with_name("python")), "-c", program]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603  # this program
    wall, after = time.monotonic() - begun, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": round(wall, 2), "cpu seconds": round(cpu, 2), "MiB": round(int(done.stderr) / 1024, 1)}


def result(secrets: int, rounds: int) -> dict[str, Any]:
    before = machine("cryptography", "rfc8785")
    small, number = bundle(SMALL), 3 * SMALL + 3
    round_of(small, number)  # what is imported late is there
    taken = [round_of(small, number) for _ in range(rounds)]
    ratios = sorted(whole / bare for bare, whole in taken)
    with tempfile.TemporaryDirectory() as folder:
        of_small = command(Path(folder), small)
        of_large = command(Path(folder), bundle(secrets))
    return {
        "machine": before,
        "rounds": rounds,
        "records": number,
        "signatures alone": round(statistics.median(bare for bare, _ in taken), 3),
        "verified": {
            "seconds": round(statistics.median(whole for _, whole in taken), 3),
            "ratio": round(statistics.median(ratios), 2),
            "spread": [round(ratios[0], 2), round(ratios[-1], 2)],
            "target": TARGET_TIME,
        },
        "command": {str(number): of_small, str(3 * secrets + 3): of_large},
        "memory": {"ratio": round(of_large["MiB"] / of_small["MiB"], 2), "target": TARGET_MEMORY},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--secrets", type=int, default=LARGE)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = result(given.secrets, given.rounds)
    give(found, given.out)
    return int(any(found[name]["ratio"] > found[name]["target"] for name in ("verified", "memory")))


if __name__ == "__main__":
    sys.exit(main())
