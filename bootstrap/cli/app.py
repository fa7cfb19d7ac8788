"""The command tree: parse, call, and the one catch. Nothing heavy is imported before a command needs it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.arguments import refuse_repeated
from bootstrap.cli.commands.ca import app as ca
from bootstrap.cli.commands.check_options import Beyond, BundleOption, HistoryOption, Report, ReportOption
from bootstrap.cli.commands.drill import app as drill
from bootstrap.cli.commands.hosts import app as hosts
from bootstrap.cli.commands.import_ import import_command
from bootstrap.cli.commands.init import init
from bootstrap.cli.commands.keygen import keygen
from bootstrap.cli.commands.lab import app as lab
from bootstrap.cli.commands.ledger import app as ledger
from bootstrap.cli.commands.rekey_repo import rekey_repo
from bootstrap.cli.commands.schema import schema
from bootstrap.cli.commands.snapshot import app as snapshot
from bootstrap.cli.commands.status_options import View, ViewOption
from bootstrap.cli.exits import caught
from bootstrap.cli.hardening import harden
from bootstrap.cli.options import SOURCE, Options, common_options
from bootstrap.cli.signals import listen

HELP = """From a Git repository, an offline root key and an empty cluster to a platform whose secrets Vault owns.

stdout is data, stderr is narration. Exit codes: 0 done, 1 failed, 2 usage or definition, 3 changes pending,
4 precondition, 5 a human decision is needed, 6 an invariant or evidence is broken, 7 held by another run,
8 done but a retirement waits, 9 proofs were left out, 129, 130 and 143 interrupted.
"""

app = typer.Typer(
    name="bootstrap",
    help=HELP,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from bootstrap.cli.compose import version

        terminal.out(f"bootstrap {version()}")
        raise typer.Exit


@app.callback(help=HELP)
def bootstrap(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version.")
    ] = False,
) -> None:
    """What stands before a command."""


app.command()(init)
app.command()(keygen)
app.command()(schema)
app.command("import")(import_command)
app.command()(rekey_repo)
app.add_typer(ca)

ApproveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--approve",
        metavar="STEP",
        help="Approve a gated step, new-authority, rollback, recover-quorum or stale-snapshot; recorded.",
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-plan-change", help="Go on with an unfinished run under this other plan; recorded."
    ),
]


PlanOption = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Take that plan only (plan -o json wrote it).")
]
DeepOption = Annotated[
    bool, typer.Option("--deep", help="Ask the servers to try, too (dry runs; they stand in audit logs).")
]
RestoreOption = Annotated[
    Path | None,
    typer.Option(
        "--restore", metavar="FILE", help="Bring the platform back from this snapshot; wants --root."
    ),
]
NoAutoVoidOption = Annotated[
    bool,
    typer.Option("--no-auto-void", help="Stop where the answer of sys/init was lost; void nothing unasked."),
]


@app.command()
@common_options(*SOURCE, "root", "non_interactive")
def check(
    options: Options,
    output: ReportOption = Report.TEXT,
    history: HistoryOption = False,
    bundle: BundleOption = None,
) -> int:
    """Judge a commit: schema, encryption, invariants."""
    from bootstrap.cli.commands import check as command

    return command.check(options, output, Beyond(history=history, bundle=bundle))


@app.command()
@common_options()
def doctor(
    options: Options,
    horizon: Annotated[
        str,
        typer.Option("--horizon", metavar="TIME", help="Name what ends by itself within it, such as 400d."),
    ] = "",
) -> int:
    """Can this machine and this cluster run it?

    With --horizon also what expires within that time: in the commit, and with --kubeconfig on the live platform.
    """
    from bootstrap.cli.commands import doctor as command

    return command.doctor(options, horizon)


@app.command()
@common_options()
def plan(
    options: Options,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 3 when changes are pending; wants --kubeconfig.")
    ] = False,
) -> int:
    """Show what up would do, in order, with its digest.

    With --kubeconfig also how the live system differs; nothing is changed.
    """
    from bootstrap.cli.commands import plan as command

    return command.show(options, detailed_exitcode=detailed_exitcode)


@app.command()
@common_options()
def up(
    options: Options,
    approve: ApproveOption = None,
    accept_plan_change: AcceptOption = False,
    plan: PlanOption = None,
    no_auto_void: NoAutoVoidOption = False,
    restore: RestoreOption = None,
) -> int:
    """Do it; also how to resume, from any machine."""
    from bootstrap.cli.commands import up as command

    return command.up(
        options,
        approvals=frozenset(approve or ()),
        accept_plan_change=accept_plan_change,
        pinned=plan,
        auto_void=not no_auto_void,
        restore=restore,
    )


@app.command()
@common_options(*SOURCE, "root", "kubeconfig", "context", "environment", "records", "non_interactive")
def status(options: Options, output: ViewOption = View.TEXT) -> int:
    """Show phase, authority and health, live."""
    from bootstrap.cli.commands import status as command

    return command.status(options, output)


@app.command()
@common_options()
def verify(
    options: Options,
    deep: DeepOption = False,
) -> int:
    """Prove the invariants live, each with its evidence.

    Exit codes: 6 a proof is broken, 9 proofs were left out (without --root, or for want of a right), 8 a proof
    waits for something that is to come, 0 every proof was made and holds. What each reads, and what it cannot
    see, is in docs/reference/verify.md.
    """
    from bootstrap.cli.commands import verify as command

    return command.verify(options, deep=deep)


@app.command(
    "set", context_settings={"allow_extra_args": True}
)  # the parser would show a value that stands there
@common_options()
def set_(
    called: typer.Context,
    options: Options,
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="Its name in the catalog.")],
    value: Annotated[
        str | None,
        typer.Option(
            "--value", metavar="fd:N|-", help="Where the value is read from; - is standard input, or typed."
        ),
    ] = None,
    field: Annotated[
        str, typer.Option("--field", metavar="FIELD", help="Which field, where the secret has several.")
    ] = "",
    adopt: Annotated[
        int | None,
        typer.Option("--adopt", metavar="VERSION", help="Record a version that another wrote, instead."),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the ledger, in the open.")
    ] = "",
) -> int:
    """Change a value that Vault owns, on record.

    Writes the next version by compare-and-set, waits a minute for consumers to hold it, and records who did it, when
    and why. The value is taken byte by byte, a line end too, and never as an argument.
    """
    from bootstrap.cli.commands import set_ as command

    asked = command.Asked(
        secret=secret, field=field, value=value, adopt=adopt, reason=reason, more=called.args
    )
    return command.set_value(options, asked)


@app.command()
@common_options()
def unseal(options: Options) -> int:
    """Unseal sealed Vault nodes with the root (custody offline)."""
    from bootstrap.cli.commands import unseal as command

    return command.unseal(options)


@app.command("rekey-unseal")
@common_options()
def rekey_unseal(options: Options) -> int:
    """Give Vault another unseal share; the one before opens it no more."""
    from bootstrap.cli.commands import rekey_unseal as command

    return command.rekey_unseal(options)


@app.command()
@common_options()
def abandon(
    options: Options,
    approve: Annotated[
        list[str] | None,
        typer.Option("--approve", metavar="abandon", help="Do it; without, it is only shown."),
    ] = None,
) -> int:
    """Give an unfinished run back: what it owns and nothing committed."""
    from bootstrap.cli.commands import abandon as command

    return command.abandon(options, approvals=frozenset(approve or ()))


@app.command("prove-escrow", hidden=True)
@common_options(*SOURCE, "root", "kubeconfig", "context", "records")
def prove_escrow(cluster: Annotated[str, typer.Option("--cluster", metavar="UID")], options: Options) -> int:
    """The fresh process of the escrow's proof: one JSON object on stdout."""
    from bootstrap.cli.commands import prove_escrow as command

    return command.prove(options, cluster)


@app.command("prove-next-share", hidden=True)
@common_options(*SOURCE, "root", "kubeconfig", "context", "records")
def prove_next_share(
    cluster: Annotated[str, typer.Option("--cluster", metavar="UID")], options: Options
) -> int:
    """The fresh process of a rekey's proof: one JSON object on stdout."""
    from bootstrap.cli.commands import prove_escrow as command

    return command.prove_next(options, cluster)


app.add_typer(ledger)
app.add_typer(snapshot)
app.add_typer(drill)
app.add_typer(hosts)
app.add_typer(lab)


def main() -> None:
    """The entry point of the program; leaves with the exit code."""
    harden()
    listen()
    arguments = sys.argv[1:] or ["--help"]

    def command() -> int | None:
        refuse_repeated(arguments)
        code: int | None = app(arguments, prog_name="bootstrap", standalone_mode=False)
        return code

    sys.exit(caught(command))
