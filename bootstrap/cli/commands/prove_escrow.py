"""``bootstrap prove-escrow``: what a fresh process can do with commit, root key and records alone (B4)."""

import json
from collections.abc import Callable
from dataclasses import replace

from bootstrap.cli import compose, terminal
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import prove_escrow, prove_following


def prove(options: Options, cluster_uid: str) -> int:
    return _answered(options, lambda world: prove_escrow(world, cluster_uid))


def prove_next(options: Options, cluster_uid: str) -> int:
    return _answered(options, lambda world: prove_following(world, cluster_uid))


def _answered(options: Options, proof: Callable[[World], dict[str, str]]) -> int:
    """One JSON object on stdout; no questions are asked."""
    options = replace(options, non_interactive=True)
    prepared = compose.prepare(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        terminal.document(json.dumps(proof(world), sort_keys=True))
    return 0
