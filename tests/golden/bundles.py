"""Bundles that earlier versions of the program exported, and changes of them that must not go unseen."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.golden.cases import Case, case

FOLDER = Path(__file__).with_name("bundles")
NAMES = tuple(sorted(path.name for path in FOLDER.iterdir()))
BITS = 6  # of each bundle that are turned, one at a time


def cases() -> Iterator[Case]:
    for name in NAMES:
        yield case(f"verify-{name}", f"ledger verify {name}/bundle.json --keys {name}/keys")
        yield case(f"verify-{name}-json", f"ledger verify {name}/bundle.json --keys {name}/keys -o json")
        yield case(f"show-{name}", f"ledger show {name}/bundle.json")
    yield case("verify-under-another-key", "ledger verify pgp/bundle.json --keys finished/keys")
    yield case("verify-no-keys", "ledger verify finished/bundle.json --keys finished")


def content(name: str) -> bytes:
    return (FOLDER / name / "bundle.json").read_bytes()


def changes(name: str) -> Iterator[tuple[str, bytes]]:
    """Each change by its name, with the bytes that it leaves; the same ones each time."""
    good = content(name)
    draw = random.Random(name)
    for _ in range(BITS):
        at, bit = draw.randrange(len(good)), draw.randrange(8)
        yield f"byte {at}, bit {bit}", good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
    yield "cut short", good[: len(good) // 2]
    yield "a line more", good + b"\n"
    yield "nothing", b""
    for what, change in EDITS.items():
        document = json.loads(good)
        change(document)
        yield what, written(document)


def written(document: dict[str, list[str]]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _drop(document: dict[str, list[str]]) -> None:
    document["records"].pop(len(document["records"]) // 2)


def _cut(document: dict[str, list[str]]) -> None:
    document["records"].pop()


def _swap(document: dict[str, list[str]]) -> None:
    records = document["records"]
    records[3], records[4] = records[4], records[3]


def _twice(document: dict[str, list[str]]) -> None:
    document["records"].append(document["records"][-1])


def _no_escrow(document: dict[str, list[str]]) -> None:
    document.pop("escrow")


EDITS: dict[str, Callable[[dict[str, list[str]]], None]] = {
    "a record left out": _drop,
    "the last record left out": _cut,
    "two records in another order": _swap,
    "a record twice": _twice,
    "no escrow": _no_escrow,
}
