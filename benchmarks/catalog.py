"""A catalog of 10,000 entries: read and judged, against plain ``CSafeLoader``; memory of ``check`` by its size.

    python -m benchmarks.catalog [--entries N] [--rounds N] [--out FILE]

CPU seconds of one process with the cyclic collector on, as a user runs it. Each round measures all three in turn, so
that a busy machine slows all; the ratio of a round is what counts, the median of the rounds is the result. Memory
is that of the real command on a real repository, with an encrypted file for each entry.
"""

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import give, machine
from bootstrap.adapters.sops.writer import encrypt_yaml
from tests.support.intent_fake import SECRET, changed, valid

TARGET_TIME, TARGET_MEMORY = 1.3, 1.6
PER_FILE = 100
SMALL = 100
AUTHOR = (
    "-c",
    "user.name=benchmark",
    "-c",
    "user.email=benchmark@example.org",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "gc.auto=0",
)


def files(entries: int, source: str = "web.sops.yaml") -> dict[str, str]:
    """Catalog files of PER_FILE entries; ``source`` may hold ``{n}``, for an encrypted file each."""

    def entry(n: int) -> str:
        text = SECRET.replace("web-session", f"s{n}").replace("web/session", f"web/s{n}")
        return text.replace("web.sops.yaml", source.format(n=n))

    starts = range(0, entries, PER_FILE)
    return {
        f"secrets/f{s}.yaml": "---\n".join(map(entry, range(s, min(s + PER_FILE, entries)))) for s in starts
    }


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    gc.collect()
    assert gc.isenabled()
    begun = time.process_time()
    found = work()
    taken = time.process_time() - begun
    assert gc.isenabled()
    return taken, found


def measured(entries: int) -> dict[str, float]:
    """One round: CPU seconds of the loader, of reading and judging the catalog, and of all that ``check`` does."""
    import yaml

    from bootstrap.intent.load import examine, read_catalog

    texts = files(entries)
    repository = changed(dict(texts))
    blobs = [text.encode() for text in texts.values()]
    taken = {}
    taken["loader"], plain = seconds(
        lambda: [list(yaml.load_all(blob, Loader=yaml.CSafeLoader)) for blob in blobs]
    )
    assert isinstance(plain, list) and sum(map(len, plain)) == entries
    del plain
    for name, work in (("catalog", read_catalog), ("check", examine)):
        taken[name], answer = seconds(partial(work, repository))
        assert isinstance(answer, tuple)
        intent, findings = answer
        assert len(intent.secrets) == entries + 5 and not findings
        del answer, intent
    return taken


def memory(entries: int, folder: Path) -> float:
    """Peak resident MiB of ``bootstrap check``; five entries more are in the repository.

    ``VmHWM``, which begins anew with a program; ``ru_maxrss`` would begin at the size of this one.
    """
    commit(folder, entries)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from bootstrap.cli.app import main\n"
        f"sys.argv = ['bootstrap', 'check', '--repo', {str(folder)!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603  # this program
    *_, told, peak = done.stdout.splitlines()
    assert told.startswith("0 errors, 1 warning"), done.stdout  # no key is given: the files were not opened
    return float(peak) / 1024


def commit(folder: Path, entries: int) -> None:
    """A repository of one commit, packed by ``git``, with an encrypted file for each entry."""
    from bootstrap.adapters.age import root as age
    from bootstrap.model.sensitive import Sensitive

    readers = (*age.generate().recipients, *age.generate().recipients)
    tree = {**valid(), **{path: text.encode() for path, text in files(entries, "many/{n}.age").items()}}
    tree["keys/root.txt"] = "".join(f"{reader}\n" for reader in readers).encode()
    encrypted = [f"encrypted/many/{n}.age" for n in range(entries)]
    for path in [*encrypted, *(path for path in tree if path.startswith("encrypted/root-material/"))]:
        tree[path] = age.encrypt(readers, Sensitive(path.encode()))
    tree["encrypted/web.sops.yaml"] = encrypt_yaml({"session": Sensitive(b"a value")}, readers)
    for path, data in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    for words in (("init", "-q"), ("add", "."), (*AUTHOR, "commit", "-q", "-m", "all"), ("repack", "-adq")):
        subprocess.run(["git", *words], cwd=folder, check=True)  # noqa: S603, S607  # the git of this machine


def result(entries: int, rounds: int) -> dict[str, Any]:
    before = machine("pyyaml", "pydantic", "pydantic-core", "dulwich")
    taken = [measured(entries) for _ in range(rounds)]
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        peaks = memory(SMALL, Path(small)), memory(entries, Path(large))
    return {
        "machine": before,
        "entries": entries,
        "rounds": rounds,
        "loader seconds": round(statistics.median(t["loader"] for t in taken), 3),
        "catalog": compared([(t["catalog"], t["loader"]) for t in taken]) | {"target": TARGET_TIME},
        "check": compared([(t["check"], t["loader"]) for t in taken]),
        "memory": {
            "MiB": {str(SMALL): round(peaks[0], 1), str(entries): round(peaks[1], 1)},
            "ratio": round(peaks[1] / peaks[0], 3),
            "target": TARGET_MEMORY,
        },
    }


def compared(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    ratios = sorted(ours / other for ours, other in pairs)
    return {
        "seconds": round(statistics.median(ours for ours, _ in pairs), 3),
        "ratio": round(statistics.median(ratios), 3),
        "of the quickest": round(min(ours for ours, _ in pairs) / min(other for _, other in pairs), 3),
        "spread": [round(ratios[0], 3), round(ratios[-1], 3)],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = result(given.entries, given.rounds)
    give(found, given.out)
    return 0 if all(found[name]["ratio"] <= found[name]["target"] for name in ("catalog", "memory")) else 1


if __name__ == "__main__":
    sys.exit(main())
