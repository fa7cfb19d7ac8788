"""Mutation testing of ``model``, ``steps`` and ``ledger``: what no test misses is listed with its reason, or a failure.

    python -m tests.guards.mutate                           # all of it: `make mutants`
    python -m tests.guards.mutate steps/kinds/handover.py   # what begins so

A line of ``survivors.txt`` is `NAME | FUNCTION | WHAT WAS TAKEN OUT | REASON`; by its name a mutant is known as long as
the text around it is the same. Exit 1: one survives that is not listed, or one is listed that does not survive.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.guards.forked import UNCHANGED, Forks, Items, forked
from tests.guards.holders import held_by, modules
from tests.guards.mutants import Mutant, mutants
from tests.guards.reach import Run
from tests.guards.swap import Live, loaded, swap
from tests.guards.table import ROOT

SURVIVORS = Path(__file__).with_name("survivors.txt")


def listed(text: str) -> dict[str, str]:
    """Name to the rest of its line; ValueError for a line without a reason."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" | ")
            if rest.count(" | ") < 2 or not rest.rpartition(" | ")[2].strip():
                raise ValueError(f"no reason: {line}")
            found[name] = rest
    return found


def survivors(forks: Forks, items: Items, runs: Mapping[str, Run], module: str) -> Iterator[Mutant]:
    """Those tests run first that were red for more mutants of the same function, then of the same module; of equal
    ones the quickest. Where no test runs the function, all that are meant to hold the module are asked."""
    file, red = ROOT / "bootstrap" / module, Counter[tuple[str, str]]()
    live = loaded(file)
    mine = [item for name, item in items.items() if name.startswith(held_by(module))]
    for mutant in mutants(file, module):
        asked = [item for item in mine if (str(file), mutant.function) in runs[item.nodeid].functions] or mine
        asked.sort(
            key=lambda i: (-red[i.nodeid, mutant.function], -red[i.nodeid, ""], runs[i.nodeid].seconds)
        )
        told = forks.after(partial(changed, mutant, file, live), asked)
        red.update([(told, mutant.function), (told, "")])
        if not told or told.startswith(UNCHANGED):  # what no test can be shown, none misses
            yield mutant


def changed(mutant: Mutant, file: Path, live: Live) -> None:
    if mutant.function not in swap(live, compile(mutant.tree, str(file), "exec")):
        raise LookupError("no function runs it")


def told(found: dict[str, Mutant], known: dict[str, str], among: set[str]) -> list[str]:
    """What is wrong: a survivor that is not listed, and a listed one that does not survive any more."""
    new = [f"{name} | {mutant} | REASON?" for name, mutant in found.items() if name not in known]
    gone = [
        f"listed, and it does not survive: {name} | {known[name]}"
        for name in known
        if name in among - found.keys()
    ]
    return new + gone


def main(starts: Sequence[str]) -> int:
    chosen = [m for m in modules() if m.startswith(tuple(starts) or "")]
    if not chosen:
        print(f"no module begins with {' or '.join(starts)}: steps/kinds is a start", file=sys.stderr)
        return 2
    wrong: list[str] = []

    def work(forks: Forks, items: Items) -> None:
        found: dict[str, Mutant] = {}
        known = listed(SURVIVORS.read_text())
        runs = forks.watched(list(items.values()))
        for module in chosen:
            begun, before = time.monotonic(), len(found)
            for mutant in survivors(forks, items, runs, module):
                found[mutant.name] = mutant
                if mutant.name not in known:
                    print(f"line {mutant.line}: {mutant}", flush=True)
            print(f"{module}: {len(found) - before} survive, {time.monotonic() - begun:.0f} s", flush=True)
        among = {m.name for module in chosen for m in mutants(ROOT / "bootstrap" / module, module)}
        print(f"{len(among)} mutants of {len(chosen)} modules, {len(found)} survive")
        among |= set(known) if not starts else set()  # what is no mutant any more is listed in vain, too
        wrong.extend(told(found, known, among))
        print(*wrong, sep="\n")

    ended = forked(sorted({path for module in chosen for path in held_by(module)}), work)
    return ended or int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
