"""How long opening takes, against the bare library and against a loop round the real program.

    python -m benchmarks.decrypt [--rounds 5] [--out benchmarks/results/decrypt.json]

Each round measures every candidate once, one after the other, so that load on the machine falls on all of
them; a ratio is the median of the rounds' ratios. Both times are taken: wall clock, and CPU of the process
with its children, which a busy machine disturbs less.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage

from benchmarks.machine import give, machine
from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.lab.build import binaries
from bootstrap.model.sensitive import Sensitive

FILES = 1000
PROGRAM_RUNS = 100  # of the real programs in a round: they cost the same each time
BASE = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds for one unit (one file, one value, one start)."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    name: str
    most: float  # the target: ours divided by the other
    ours: Sequence[Took]
    other: Sequence[Took]

    def ratios(self, clock: str) -> list[float]:
        return [getattr(a, clock) / getattr(b, clock) for a, b in zip(self.ours, self.other, strict=True)]

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "target": self.most}
        for clock in ("wall", "cpu"):
            ratios = self.ratios(clock)
            found[clock] = {
                "ratio": round(statistics.median(ratios), 4),
                "spread": [round(min(ratios), 4), round(max(ratios), 4)],
                "ours ms": round(1000 * statistics.median(getattr(t, clock) for t in self.ours), 4),
                "other ms": round(1000 * statistics.median(getattr(t, clock) for t in self.other), 4),
            }
        return found


class Memory:
    """A commit of files that are there already: reading Git is measured elsewhere."""

    commit, tree, location = "0" * 40, "0" * 40, "memory"

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        return self._files[path]

    def blob(self, _: str) -> str:
        return "0" * 40

    def unused_changes(self) -> Sequence[str]:
        return ()


def cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(work: Callable[[], None], units: int) -> Took:
    begun, used = time.perf_counter(), cpu()
    work()
    return Took(wall=(time.perf_counter() - begun) / units, cpu=(cpu() - used) / units)


def interleaved(rounds: int, *candidates: tuple[Callable[[], None], int]) -> list[list[Took]]:
    for work, _ in candidates:
        work()  # imports and caches
    found: list[list[Took]] = [[] for _ in candidates]
    for _ in range(rounds):
        for into, (work, units) in zip(found, candidates, strict=True):
            into.append(timed(work, units))
    return found


def raw_age(rounds: int, folder: Path) -> list[Comparison]:
    identity = pyrage.x25519.Identity.generate()
    root = AgeRoot([str(identity)])
    files = {
        f"encrypted/{n:04}.age": age.encrypt(root.recipients, Sensitive(b"value %d" % n * 8))
        for n in range(FILES)
    }
    (folder / "id").write_text(str(identity))
    on_disk = [folder / f"{n}.age" for n in range(PROGRAM_RUNS)]
    for path, content in zip(on_disk, files.values(), strict=False):
        path.write_bytes(content)
    program = binaries("age")["age"]

    def ours() -> None:
        opened = CommitFiles(Memory(files), root)
        for path in files:
            opened.open(path)

    def bare() -> None:
        for content in files.values():
            pyrage.decrypt(content, [identity])

    def loop() -> None:
        for path in on_disk:
            start([program, "-d", "-i", folder / "id", path])

    mine, library, real = interleaved(rounds, (ours, FILES), (bare, FILES), (loop, PROGRAM_RUNS))
    return [
        Comparison(name="1,000 age files: bare pyrage loop", most=1.5, ours=mine, other=library),
        Comparison(name="1,000 age files: age -d loop", most=0.06, ours=mine, other=real),
    ]


def one_sops_key(rounds: int, folder: Path) -> list[Comparison]:
    root = age.generate()
    tree = {f"k{n:04}": Sensitive(b"value %d" % n * 4) for n in range(FILES)}
    content = encrypt_yaml(tree, root.recipients)
    (folder / "x.yaml").write_bytes(content)
    program = binaries("sops")["sops"]
    environment = {"SOPS_AGE_KEY": root.export().reveal().decode(), "SOPS_DISABLE_VERSION_CHECK": "1"}

    def ours() -> None:
        opened = CommitFiles(Memory({"x.yaml": content}), root)
        for name in tree:
            found = opened.open("x.yaml")
            assert isinstance(found, dict) and found[name] == tree[name]

    def loop() -> None:
        for n in range(PROGRAM_RUNS // 4):
            start([program, "-d", "--extract", f'["k{n:04}"]', folder / "x.yaml"], environment)

    mine, real = interleaved(rounds, (ours, FILES), (loop, PROGRAM_RUNS // 4))
    return [
        Comparison(name="1,000 values under one SOPS key: sops -d loop", most=0.05, ours=mine, other=real)
    ]


def help_page(rounds: int, _: Path) -> list[Comparison]:
    def ours() -> None:
        start([BASE / "bootstrap", "--help"])

    def bare() -> None:
        start([sys.executable, "-c", "import typer"])

    mine, typer = interleaved(rounds * 2, (ours, 1), (bare, 1))
    return [Comparison(name="bootstrap --help: python -c 'import typer'", most=2.5, ours=mine, other=typer)]


def start(words: Sequence[str | Path], environment: dict[str, str] | None = None) -> None:
    subprocess.run(  # noqa: S603  (programs of our own build, no shell)
        words, env={"PATH": "/usr/bin:/bin", **(environment or {})}, capture_output=True, check=True
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    before = {
        **machine("pyrage", "cryptography", "pyyaml", "typer"),
        "age": "1.3.1",
        "sops": "3.13.3",
    }
    with tempfile.TemporaryDirectory() as name:
        parts = (raw_age, one_sops_key, help_page)
        found = [c.report() for part in parts for c in part(given.rounds, Path(name))]
    result = {"machine": before, "rounds": given.rounds, "comparisons": found}
    give(result, given.out)
    return 0 if all(c["cpu"]["ratio"] <= c["target"] for c in found) else 1


if __name__ == "__main__":
    sys.exit(main())
