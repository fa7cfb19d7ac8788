"""``bootstrap ledger``: the transfer records. ``verify`` needs two files and no cluster (H4)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.evidence_files import HeadOption, heads_for, opened, read
from bootstrap.cli.options import Options, Output, OutputOption, common_options
from bootstrap.model.errors import DefinitionError, EvidenceError

if TYPE_CHECKING:
    from bootstrap.ledger.report import Report

app = typer.Typer(name="ledger", help="The transfer records: show, verify, export.", no_args_is_help=True)

KeysOption = Annotated[
    Path, typer.Option("--keys", metavar="DIR", help="A folder with ledger.pub: keys/ of the repository.")
]
ClusterOption = Annotated[
    str | None, typer.Option("--cluster", metavar="UID", help="The cluster that it must be the ledger of.")
]
OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the bundle is written.")]


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="An exported ledger.")],
    keys: KeysOption,
    head: HeadOption = None,
    cluster: ClusterOption = None,
    output: OutputOption = Output.TEXT,
) -> int:
    """Verify a bundle offline, from files alone; exit 6 where any byte is wrong.

    Whether it is all, and the right cluster's, is known by heads: --head, or records/*/head.json beside --keys.
    """
    from bootstrap.ledger.bundle import KEY_FILE, verify_bundle

    if cluster is not None and not cluster.strip():
        raise DefinitionError(
            "--cluster is empty: any cluster's ledger would do",
            code="E_USAGE",
            where="--cluster",
            hint="give the UID of its namespace kube-system, or leave the option out",
        )
    key = read(keys / KEY_FILE)
    heads = heads_for(keys, head)
    with _errors_name(bundle), opened(bundle) as source:
        report = verify_bundle(source, {KEY_FILE: key}, heads, all_known=not head, cluster=cluster or "")
    _show(report, output)
    return 0


@app.command()
@common_options()
def show(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="A file; without it, the cluster's ledger.")
    ] = None,
    *,
    options: Options,
) -> int:
    """Show what the records say: of a file without checking signatures, or of the cluster."""
    if bundle is None:
        from bootstrap.cli.commands.ledger_live import live_report

        report = live_report(options)
    else:
        from bootstrap.ledger.bundle import show_bundle

        with _errors_name(bundle), opened(bundle) as source:
            report = show_bundle(source)
    _show(report, options.output)
    return 0


@app.command()
@common_options()
def export(
    out: OutOption,
    options: Options,
) -> int:
    """Write the cluster's ledger as one file that verifies offline.

    The root key is asked for only where records/ holds no signed head of just these records.
    """
    from bootstrap.cli.commands.ledger_live import live_bundle

    data, report = live_bundle(options)
    write_out({out: data})
    if options.output is Output.JSON:
        terminal.document(
            json.dumps({"file": str(out), "size": report.size, "last": report.last}, sort_keys=True)
        )
    else:
        terminal.out(f"{out}: {report.size} records, head sha256:{report.last}")
    return 0


@contextmanager
def _errors_name(bundle: Path) -> Iterator[None]:
    """An error in it names the file, and has a way out."""
    try:
        yield
    except EvidenceError as error:
        error.where = f"{bundle}: {error.where}"
        error.hint = error.hint or "take another copy: exported earlier, or anew with bootstrap ledger export"
        raise


def _show(report: "Report", output: Output) -> None:
    from bootstrap.ledger.text import lines

    if output is Output.JSON:
        terminal.document(json.dumps(report.document(), sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*lines(report))


def write_out(files: Mapping[Path, bytes]) -> None:
    """Whole or not at all; DefinitionError E_OUT (exit 2) where nothing can be written."""
    from bootstrap.adapters.local.whole_files import WholeFile, write_whole

    try:
        write_whole({path: WholeFile(content) for path, content in files.items()})
    except OSError as error:
        raise DefinitionError(
            f"{error.filename} cannot be written: {error.strerror}",
            code="E_OUT",
            where=str(error.filename),
            hint="make room, or name another place with --out; nothing half-written is left",
        ) from None
