"""``bootstrap verify``: the invariants, proven live, each with its evidence."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from textwrap import wrap
from typing import Any, Final

import typer

from bootstrap.cli import compose
from bootstrap.cli.exits import BROKEN
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options, Output
from bootstrap.cli.require_run import need_begun
from bootstrap.operations.verify.invariants import Proof, prove

WIDTH: Final = 110
INDENTED: Final[Mapping[str, Any]] = {
    "initial_indent": " " * 9,
    "subsequent_indent": " " * 11,
    "break_long_words": False,
    "break_on_hyphens": False,
}
WORDS: Final = {True: "holds", False: "BROKEN", None: "left out"}


def verify(options: Options, *, deep: bool = False) -> int:
    """The exit code: 0 when every proof holds, 6 when one does not. PreconditionError where nothing was begun."""
    prepared = compose.prepare(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        need_begun(world)
        proofs = tuple(prove(world, deep=deep))
    failed = [proof for proof in proofs if proof.ok is False]
    if options.output is Output.JSON:
        document = {"ok": not failed, "proofs": [asdict(proof) for proof in proofs]}
        typer.echo(json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines(proofs)))
    return BROKEN if failed else 0


def lines(proofs: Iterable[Proof]) -> Iterator[str]:
    counted = dict.fromkeys(WORDS.values(), 0)
    for proof in proofs:
        word = WORDS[proof.ok]
        counted[word] += 1
        yield f"{word:<8} {proof.requirement:<5} {proof.title}"
        yield from wrap(proof.evidence, WIDTH, **INDENTED)
        if not proof.ok and proof.hint:
            yield f"         hint: {proof.hint}"
    yield ", ".join(f"{count} {word}" for word, count in counted.items())
