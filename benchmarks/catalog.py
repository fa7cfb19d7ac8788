"""A catalog of 10,000 entries: parsed and validated, against plain ``CSafeLoader``; memory of ``check`` by size.

    python -m benchmarks.catalog [--entries N] [--rounds N] [--out FILE]

CPU seconds of one process, the collector on, as a user runs it. Each round measures both in turn, so that a busy
machine slows both; the ratio of a round is what counts, and the median of the rounds is the result.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TARGET_TIME, TARGET_MEMORY = 0.55, 1.6
PER_FILE = 100


def files(entries: int) -> dict[str, str]:
    from tests.unit.intent_fake import SECRET

    def entry(n: int) -> str:
        return SECRET.replace("web-session", f"s{n}").replace("web/session", f"web/s{n}")

    starts = range(0, entries, PER_FILE)
    return {
        f"secrets/f{s}.yaml": "---\n".join(map(entry, range(s, min(s + PER_FILE, entries)))) for s in starts
    }


def measured(entries: int) -> dict[str, float]:
    """One round: CPU seconds of the loader alone, and of all that is done with a commit's catalog."""
    import yaml

    from bootstrap.intent.load import examine
    from tests.unit.intent_fake import changed

    texts = files(entries)
    repository = changed(dict(texts))
    blobs = [text.encode() for text in texts.values()]
    begun = time.process_time()
    plain = [list(yaml.load_all(blob, Loader=yaml.CSafeLoader)) for blob in blobs]
    loader = time.process_time() - begun
    assert sum(map(len, plain)) == entries
    del plain
    begun = time.process_time()
    intent, findings = examine(repository)
    ours = time.process_time() - begun
    assert intent is not None and len(intent.secrets) == entries + 5 and not findings
    return {"loader": loader, "ours": ours}


def memory(entries: int) -> float:
    """Peak resident MiB of a process that examines a catalog; five entries more are in each.

    ``VmHWM``, which begins anew with a program; ``ru_maxrss`` would begin at the size of this one.
    """
    program = (
        "from pathlib import Path\n"
        "from benchmarks.catalog import files\n"
        "from bootstrap.intent.load import examine\n"
        "from tests.unit.intent_fake import changed\n"
        f"examine(changed(dict(files({entries}))))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) / 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603  # this program
    return float(done.stdout)


def result(entries: int, rounds: int) -> dict[str, Any]:
    taken = [measured(entries) for _ in range(rounds)]
    ratios = sorted(t["ours"] / t["loader"] for t in taken)
    small, large = memory(100), memory(entries)
    return {
        "entries": entries,
        "rounds": rounds,
        "machine": {"python": platform.python_version(), "machine": platform.machine(), "cpus": _cpus()},
        "versions": _versions(),
        "loader_seconds": round(statistics.median(t["loader"] for t in taken), 3),
        "ours_seconds": round(statistics.median(t["ours"] for t in taken), 3),
        "time_ratio": {
            "median": round(statistics.median(ratios), 3),
            "least": round(ratios[0], 3),
            "most": round(ratios[-1], 3),
            "target": TARGET_TIME,
        },
        "memory_mib": {"100": round(small, 1), str(entries): round(large, 1)},
        "memory_ratio": {"is": round(large / small, 3), "target": TARGET_MEMORY},
    }


def _cpus() -> int:
    import os

    return os.cpu_count() or 0


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("pyyaml", "pydantic", "pydantic-core")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = json.dumps(result(given.entries, given.rounds), indent=2) + "\n"
    sys.stdout.write(text)
    if given.out:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
