"""The ledger of a cluster, for ``ledger show`` and ``ledger export``."""

from collections.abc import Iterator
from contextlib import contextmanager

from bootstrap.cli import compose
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options
from bootstrap.cli.require_run import need_begun
from bootstrap.ledger.bundle import export, verify_bundle
from bootstrap.ledger.head import head_of
from bootstrap.ledger.report import Report
from bootstrap.ledger.tally import report_of
from bootstrap.operations.records import current_head
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_bytes


def live_report(options: Options) -> Report:
    """Every signature is checked against the commit's ``keys/ledger.pub``."""
    with _world(options) as world:
        ledger = world.ledger.read()
        return report_of(ledger, head_of(ledger, escrow=escrow_bytes(world)), verified=True)


def live_bundle(options: Options) -> tuple[bytes, Report]:
    """The bundle's bytes, and what they prove: it is verified before it is given away."""
    with _world(options) as world:
        envelopes = [entry.envelope for entry in world.ledger.read().entries]
        data = export(envelopes, current_head(world), escrow_bytes(world))
        return data, verify_bundle(data, world.intent.keys)


@contextmanager
def _world(options: Options) -> Iterator[World]:
    prepared = compose.prepare(options)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        need_begun(world)
        yield world
