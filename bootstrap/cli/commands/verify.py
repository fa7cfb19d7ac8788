"""``bootstrap verify``: the invariants, proven live, each with its evidence."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Any, Final

from bootstrap.cli import compose, terminal
from bootstrap.cli.exits import BROKEN, PROOFS_LEFT_OUT, RETIREMENT_WAITS
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options, Output
from bootstrap.cli.require_run import need_begun
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import Proof, State

WIDTH: Final = 110
INDENTED: Final[Mapping[str, Any]] = {
    "initial_indent": " " * 9,
    "subsequent_indent": " " * 11,
    "break_long_words": False,
    "break_on_hyphens": False,
}
# The first that is met is the exit code.
CODES: Final[Mapping[State, int]] = {
    State.BROKEN: BROKEN,
    State.LEFT_OUT: PROOFS_LEFT_OUT,
    State.WAITS: RETIREMENT_WAITS,
}


def verify(options: Options, *, deep: bool = False) -> int:
    """The exit code, 0 when every proof was made and holds. PreconditionError where nothing was begun."""
    prepared = compose.prepare(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        need_begun(world)
        proofs = tuple(prove(world, deep=deep))
    found = {proof.state for proof in proofs}
    if options.output is Output.JSON:
        document = {"ok": State.BROKEN not in found, "proofs": [asdict(proof) for proof in proofs]}
        terminal.document(json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*lines(proofs))
    return next((code for state, code in CODES.items() if state in found), 0)


def lines(proofs: Sequence[Proof]) -> Iterator[str]:
    counted = dict.fromkeys(State, 0)
    for proof in proofs:
        counted[proof.state] += 1
        yield f"{proof.state:<8} {proof.requirement:<5} {proof.title}"
        yield from wrap(proof.evidence, WIDTH, **INDENTED)
        if proof.ok is not True and proof.hint:
            yield f"         hint: {proof.hint}"
    yield ", ".join(f"{count} {state}" for state, count in counted.items())
    if left := [proof.title for proof in proofs if proof.state is State.LEFT_OUT]:
        yield from wrap(f"proofs left out: {'; '.join(left)}", WIDTH, break_long_words=False)
