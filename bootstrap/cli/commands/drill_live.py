"""What of ``bootstrap drill`` meets a cluster: its world, which is closed outward, and the report's two files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bootstrap.cli import compose
from bootstrap.cli.commands.ledger import write_out
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options
from bootstrap.cli.uncommitted import name_unused
from bootstrap.model.errors import DefinitionError
from bootstrap.operations.drill.inward import inward
from bootstrap.operations.drill.page import page
from bootstrap.operations.drill.rehearsal import Drill
from bootstrap.operations.drill.report import Report, signed
from bootstrap.operations.records import newest_heads
from bootstrap.steps.authority.restoring import STALE

TEXT_SUFFIX = ".html"


def rehearsed(options: Options, snapshot: Path, out: Path, lab: str = "") -> Report:
    """In the cluster of the kubeconfig, or in a new lab of the name ``lab``. The errors of ``Drill.run`` and
    ``throw_away``; DefinitionError E_DRILL_RECORDS, and E_OUT before anything is begun."""
    _refuse_out(out)
    prepared = compose.prepare(options)
    name_unused(prepared.repository)
    known = compose.records(replace(options, records=None), prepared.repository)
    whole, intent = prepared.intent, inward(prepared.intent, newest_heads(prepared.intent.heads, known))
    prepared = compose.with_intent(options, prepared, intent)
    with _own_records(options) as records:
        options = replace(options, records=records)
        unlocked = compose.unlock(options, prepared, restore=snapshot, rehearsed=True)
        with (
            _there(options, lab) as options,
            narration(prepared.plan, live=True) as narrator,
            compose.world(
                options, prepared, narrator, approvals=frozenset({STALE}), unlocked=unlocked
            ) as world,
        ):
            road = compose.runner(options, prepared, world, accept_plan_change=False)
            report = Drill(world, whole).run(road.run)
            signer = world.material.signer()
            content = signed(report, signer)
            shown = page(report, content, signer.key_id).encode()
            write_out({out: content, out.with_suffix(TEXT_SUFFIX): shown})
    return report


@contextmanager
def _there(options: Options, lab: str) -> Iterator[Options]:
    """The options of the cluster in which it is rehearsed."""
    if not lab:
        yield options
        return
    from bootstrap.cli.commands.drill_lab import throw_away

    with throw_away(lab) as kubeconfig:
        yield replace(options, kubeconfig=kubeconfig)


@contextmanager
def _own_records(options: Options) -> Iterator[Path]:
    """A folder of the drill's own. DefinitionError E_DRILL_RECORDS for one that holds something: what a drill writes
    is another history, and may not lie beside the platform's."""
    if options.records is None:
        with tempfile.TemporaryDirectory(prefix="bootstrap-drill-") as temporary:
            yield Path(temporary)
        return
    folder = options.records
    own = compose.records_folder(replace(options, records=None))
    if (own is not None and folder.resolve().is_relative_to(own.resolve())) or _holds_something(folder):
        raise DefinitionError(
            "the records of a drill are another history, and lie apart from the platform's",
            code="E_DRILL_RECORDS",
            where=str(folder),
            hint="--records with a new or empty folder outside the repository's records/, or none",
        )
    yield folder


def _holds_something(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def _refuse_out(out: Path) -> None:
    folder = out.absolute().parent
    if out.suffix == TEXT_SUFFIX or not folder.is_dir() or (out.exists() and not out.is_file()):
        why = "its folder is not there, or the page beside it has that name, or no file has"
    elif not os.access(folder, os.W_OK):
        why = "its folder cannot be written"
    else:
        return
    raise DefinitionError(
        f"{out} cannot be the report: {why}",
        code="E_OUT",
        where=str(out),
        hint="--out REPORT.json, in a folder that is there",
    )
