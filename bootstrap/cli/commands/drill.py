"""``bootstrap drill``: rehearse a disaster in a throw-away cluster, timed and signed; ``verify`` needs no cluster."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootstrap.cli import terminal
from bootstrap.cli.evidence_files import read
from bootstrap.cli.exits import BROKEN
from bootstrap.cli.options import Options, Output, OutputOption, common_options
from bootstrap.model.errors import DefinitionError, EvidenceError

if TYPE_CHECKING:
    from bootstrap.operations.drill.report import Report

app = typer.Typer(name="drill", invoke_without_command=True)

SnapshotOption = Annotated[
    Path | None, typer.Option("--snapshot", metavar="FILE", help="What is rehearsed with; wants --root.")
]
LabOption = Annotated[
    str,
    typer.Option(
        "--lab", metavar="NAME", help="Make a new lab of this name for it, and delete it at the end."
    ),
]
OutOption = Annotated[
    Path,
    typer.Option("--out", metavar="REPORT.json", help="Where the report is written; REPORT.html beside it."),
]
KeysOption = Annotated[
    Path, typer.Option("--keys", metavar="DIR", help="A folder with ledger.pub: keys/ of the repository.")
]


@app.callback()
@common_options()
def drill(
    called: typer.Context,
    options: Options,
    snapshot: SnapshotOption = None,
    lab: LabOption = "",
    out: OutOption = Path("drill.json"),
) -> int:
    """Rebuild the platform from a snapshot in an empty, throw-away cluster; exit 6 where anything differs.

    The road of `up --restore`, with nothing that acts outward, and records of its own (--records names an empty
    folder; else they go with the command). Then the proofs of `verify --deep`, each secret against the ledger in the
    snapshot, and a signed report: times by step, what the snapshot lacks, what differs. The cluster is a lab that is
    made for it and deleted (--lab), or that of --kubeconfig: delete it afterwards, it holds every value.
    """
    if called.invoked_subcommand is not None:
        return 0
    if snapshot is None:
        raise DefinitionError(
            "a drill wants a snapshot",
            code="E_USAGE",
            where="bootstrap drill",
            hint="--snapshot FILE; `bootstrap snapshot list FOLDER` says of each how far it goes",
        )
    if lab and (options.kubeconfig is not None or options.context):
        raise DefinitionError(
            "a drill is rehearsed in a lab of its own, or in the cluster of a kubeconfig",
            code="E_USAGE",
            where="--lab",
            hint="leave out --lab, or --kubeconfig and --context",
        )
    from bootstrap.cli.commands.drill_live import rehearsed

    report = rehearsed(options, snapshot, out, lab)
    _tell(report, out, options.output)
    return 0 if report.equal else BROKEN


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="A drill's report.")],
    keys: KeysOption,
    output: OutputOption = Output.TEXT,
) -> int:
    """Verify a report offline; exit 6 where any byte is wrong, or another key signed it."""
    from bootstrap.ledger.bundle import KEY_FILE, bundle_key
    from bootstrap.operations.drill.report import read_report

    key = bundle_key({KEY_FILE: read(keys / KEY_FILE)})
    try:
        found = read_report(read(report), key, str(report))
    except EvidenceError as error:
        error.hint = error.hint or "take another copy of the report, as `bootstrap drill` wrote it"
        raise
    _tell(found, report, output)
    return 0


def _tell(report: "Report", place: Path, output: Output) -> None:
    if output is Output.JSON:
        terminal.document(json.dumps(report.content, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*_lines(report, place))


def _lines(report: "Report", place: Path) -> Iterator[str]:
    r = report.content
    rto, rpo, secrets = r["rto"], r["rpo"], r["secrets"]
    yield f"outcome      {r['outcome']}"
    yield from (f"  - {each}" for each in report.differing)
    yield f"snapshot     {r['snapshot']['file']} of {r['snapshot']['time']}, SHA-256 {r['snapshot']['sha256']}"
    yield f"recovered    in {rto['milliseconds'] / 1000:.1f} s"
    for phase in rto["phases"]:
        yield f"  - {phase['title']}: {phase['milliseconds'] / 1000:.1f} s"
    yield from _waits(rto)
    yield (
        f"behind       raft index {rpo['raftIndex']}, {rpo['ageSeconds']} s old; {rpo['recordsBehind']} known records"
        f" are not in it, {rpo['secondsBehind']} s"
    )
    yield f"compared     {secrets['versions']} versions of {secrets['secrets']} secrets"
    yield f"proofs       {sum(p['ok'] is True for p in r['proofs'])} of {len(r['proofs'])} hold"
    yield from (f"  - {p['state']}: {p['title']}" for p in r["proofs"] if p["ok"] is not True)
    yield f"by           {r['who']}, {r['begun']} to {r['ended']}, cluster {r['cluster']}"
    yield f"report       {place} (signed with the ledger key)"


def _waits(rto: dict[str, Any]) -> Iterator[str]:
    """Nothing where none was read."""
    if waited := rto["waitedMilliseconds"]:
        times = rto["milliseconds"] / waited
        yield f"servers      took {waited / 1000:.1f} s of it themselves; the whole is {times:.2f} times that"
    for wait in rto["waits"]:
        if wait["milliseconds"]:
            yield f"  - {wait['title']}: {wait['milliseconds'] / 1000:.1f} s"
