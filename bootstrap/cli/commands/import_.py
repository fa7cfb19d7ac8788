"""``bootstrap import``: a catalog from what people have; values are encrypted on the way (G1, B1)."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.options import REPO, NonInteractiveOption, RepoOption, RootOption
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from bootstrap.operations.importing.candidates import Findings, Found
    from bootstrap.ports import RootKey

_MOST_BYTES = 64 * 1024 * 1024


def import_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder (Flux, SOPS), a file (Secrets, startupSecrets, PATH: FIELD lines), or -.",
        ),
    ],
    repo: RepoOption = REPO,
    name: Annotated[str, typer.Option("--name", help="The entries go to secrets/NAME.yaml.")] = "imported",
    root: RootOption = "",
    non_interactive: NonInteractiveOption = False,
) -> None:
    """Make catalog entries of what is there: encrypted files, Secrets, startupSecrets, lists of paths."""
    from bootstrap.adapters.root.holders import read_holders
    from bootstrap.cli.compose import work_tree
    from bootstrap.operations.importing.candidates import Findings
    from bootstrap.operations.importing.writer import write_imported

    folder = work_tree(repo)
    holders = read_holders(folder)
    findings = Findings()
    _read(source, findings, holders.recipients, cache(lambda: _given_root(root, non_interactive)))
    if not findings.found:
        raise DefinitionError(
            f"nothing in {source} can be imported" + "".join(f"\n    {line}" for line in findings.left),
            code="E_IMPORT",
            where=source,
            hint="bootstrap import --help",
        )
    for path in write_imported(folder, findings.found, holders, name):
        terminal.out(path.relative_to(folder))
    _tell(findings)


def _read(
    source: str, into: "Findings", recipients: tuple[str, ...], old: Callable[[], "RootKey | None"]
) -> None:
    from bootstrap.operations.importing.candidates import from_text
    from bootstrap.operations.importing.tree import Keys, from_tree
    from bootstrap.operations.rekey.recipients import expected_of

    if source != "-" and Path(source).is_dir():
        from_tree(Path(source), Keys(expected=expected_of(recipients), old=old), into)
        return
    if source == "-":
        data = sys.stdin.buffer.read(_MOST_BYTES)
    else:
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise DefinitionError(
                f"{source} cannot be read: {error.strerror}", code="E_FILE_MISSING", where=source, hint="ls"
            ) from None
    from_text("stdin" if source == "-" else source, data, into)


def _given_root(root: str, non_interactive: bool) -> "RootKey | None":
    from bootstrap.adapters.root.root_key import open_root
    from bootstrap.cli.prompt import ask_passphrase

    if not root:
        return None
    ask = (lambda _: None) if non_interactive else ask_passphrase
    return open_root(root, ask, interactive=not non_interactive)


def _tell(findings: "Findings") -> None:
    count = "1 entry" if len(findings.found) == 1 else f"{len(findings.found)} entries"
    terminal.err(f"{count}; what still has to be said of each (`bootstrap check` names it):")
    for entry in findings.found:
        terminal.err(f"  {entry.name}: {_wanting(entry)}")
    for line in findings.left:
        terminal.err(f"  not taken: {line}")
    terminal.err("next: fill them in, git add and commit, bootstrap check")


def _wanting(entry: "Found") -> str:
    return (
        "owner, purpose"
        + ("" if entry.namespace else ", consumers")
        + (", how it is renewed" if entry.file else "")
    )
