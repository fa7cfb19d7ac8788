"""``bootstrap unseal``: the holders' way after a restart where no unsealer runs."""

import json

from bootstrap.cli import compose, terminal
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options, Output
from bootstrap.steps.vault.unseal import sealed_pods, unseal_all


def unseal(options: Options) -> int:
    """0 when every node is unsealed; the errors of ``unseal_all`` otherwise."""
    prepared = compose.prepare(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        took = unseal_all(world) if sealed_pods(world) else ()
    if options.output is Output.JSON:
        terminal.document(json.dumps({"unsealed": list(took)}))
    else:
        terminal.out(f"unsealed {', '.join(took)}" if took else "nothing to do: no node is sealed")
    return 0
