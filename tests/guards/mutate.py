"""Mutation testing of ``model``, ``steps`` and ``ledger``: what no test misses is listed with its reason, or a failure.

    python -m tests.guards.mutate                           # all of it: `make mutants`
    python -m tests.guards.mutate steps/kinds/handover.py   # what begins so

A line of ``survivors.txt`` is `NAME | FUNCTION | WHAT WAS TAKEN OUT | REASON`; by its name a mutant is known as long as
the text around it is the same. Exit 1: one survives that is not listed, or one is listed that does not survive.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.guards.forked import UNCHANGED, Forks, Items, forked
from tests.guards.holders import held_by, modules
from tests.guards.mutants import Mutant, mutants
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


def survivors(forks: Forks, items: Items, chosen: Sequence[str]) -> Iterator[Mutant]:
    """Those tests run first that were red for more mutants of the same module."""
    for module in chosen:
        file, red = ROOT / "bootstrap" / module, Counter[str]()
        live = loaded(file)
        mine = [item for name, item in items.items() if name.startswith(held_by(module))]
        for mutant in mutants(file, module):
            mine.sort(key=lambda item: -red[item.nodeid])
            told = forks.after(partial(changed, mutant, file, live), mine)
            red[told] += 1
            if not told:
                yield mutant
            elif told.startswith(UNCHANGED):
                raise RuntimeError(f"{mutant}: {told}")


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
    wrong: list[str] = []

    def work(forks: Forks, items: Items) -> None:
        found, known = {}, listed(SURVIVORS.read_text())
        for mutant in survivors(forks, items, chosen):
            found[mutant.name] = mutant
            if mutant.name not in known:
                print(f"line {mutant.line}: {mutant}", flush=True)
        among = {m.name for module in chosen for m in mutants(ROOT / "bootstrap" / module, module)}
        print(f"{len(among)} mutants of {len(chosen)} modules, {len(found)} survive")
        among |= set(known) if not starts else set()  # what is no mutant any more is listed in vain, too
        wrong.extend(told(found, known, among))
        print(*wrong, sep="\n")

    ended = forked(sorted({path for module in chosen for path in held_by(module)}), work)
    return ended or int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
