"""``bootstrap rekey-unseal``: another unseal share for Vault, by a rekey that it verifies; on record."""

import json

from bootstrap.cli import compose, terminal
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options, Output
from bootstrap.operations.records import write_records
from bootstrap.operations.unseal_rekey.runner import UnsealRekey


def rekey_unseal(options: Options) -> int:
    """0 when the share of the next generation is the only one that opens Vault."""
    prepared = compose.prepare(options)
    compose.need_records(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        done = UnsealRekey(world).run()
        write_records(world)
        folder = world.records.folder
    if options.output is Output.JSON:
        terminal.document(json.dumps({"generation": done.generation, "records": folder}, sort_keys=True))
    else:
        terminal.out(done.note, f"records      {folder} (ciphertext and signatures only: commit them)")
    return 0
