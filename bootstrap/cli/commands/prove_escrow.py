"""``bootstrap prove-escrow``: what a fresh process can do with commit, root key and records alone (B4)."""

import json
from dataclasses import replace

from bootstrap.cli import compose, terminal
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options
from bootstrap.steps.vault.escrow import prove_escrow


def prove(options: Options, cluster_uid: str) -> int:
    """One JSON object on stdout; no questions are asked."""
    options = replace(options, non_interactive=True)
    prepared = compose.prepare(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        terminal.document(json.dumps(prove_escrow(world, cluster_uid), sort_keys=True))
    return 0
