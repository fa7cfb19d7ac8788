"""``bootstrap import``: a catalog from what people have; values are encrypted on the way (G1, B1)."""

import json
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.options import PANEL, REPO, NonInteractiveOption, Output, OutputOption, RepoOption
from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from bootstrap.adapters.root.holders import Holders
    from bootstrap.operations.importing.candidates import Findings, Options
    from bootstrap.ports import RootKey

_MOST_BYTES = 64 * 1024 * 1024

RootsOption = Annotated[
    list[str],
    typer.Option(
        "--root",
        metavar="file:PATH|fd:N|cmd:CMD|gpg-agent:FPR",
        help="A key that opens what is there; may be given several times.",
        rich_help_panel=PANEL,
    ),
]


class Controller(StrEnum):
    FLUX = "flux"
    ARGOCD = "argocd"


def import_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder (its commit, if in Git), a file (Secrets, startupSecrets, PATH: FIELD lines), or -.",
        ),
    ],
    repo: RepoOption = REPO,
    name: Annotated[str, typer.Option("--name", help="The entries go to secrets/NAME.yaml.")] = "imported",
    owner: Annotated[str, typer.Option("--owner", help="Who answers for each of them.")] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="What each of them is for.")] = "",
    takeover: Annotated[
        Controller | None,
        typer.Option("--takeover", help="Write the commits by which it lets go of what the catalog has."),
    ] = None,
    root: RootsOption = [],  # noqa: B006  # typer copies it
    output: OutputOption = Output.TEXT,
    non_interactive: NonInteractiveOption = False,
) -> None:
    """Make catalog entries of what is there: encrypted files, Secrets, startupSecrets, lists of paths."""
    from bootstrap.adapters.root.holders import read_holders
    from bootstrap.cli.compose import work_tree
    from bootstrap.operations.importing.candidates import Findings, Options
    from bootstrap.operations.importing.there import what_is_there
    from bootstrap.operations.importing.writer import write_imported

    folder = work_tree(repo)
    holders = read_holders(folder)
    there = what_is_there(folder)
    findings = Findings(declared=there.names | there.paths)
    options = Options(
        owner=owner, purpose=purpose, platform=there.platform, taken=there.secrets, paths=there.paths
    )
    if takeover is not None:
        _take_over(source, takeover, holders, options, lambda: _given_roots(root, non_interactive), output)
        return
    _read(source, findings, folder, holders, options, lambda: _given_roots(root, non_interactive))
    _something(findings, source)
    written = write_imported(folder, findings.found, holders, name) if findings.found else []
    _tell(findings, [path.relative_to(folder).as_posix() for path in written], output)


def _read(
    source: str,
    into: "Findings",
    folder: Path,
    holders: "Holders",
    options: "Options",
    roots: Callable[[], Sequence["RootKey"]],
) -> None:
    from bootstrap.adapters.git.tree import files_of
    from bootstrap.operations.importing.candidates import from_text
    from bootstrap.operations.importing.opened import Keys
    from bootstrap.operations.importing.tree import from_files, own_locks
    from bootstrap.operations.rekey.recipients import expected_of

    if source != "-" and Path(source).is_dir():
        keys = Keys(expected_of(holders.recipients), roots)
        from_files(files_of(Path(source)), keys, into, options, own_locks(folder, keys))
        return
    from_text("stdin" if source == "-" else source, _content(source), into, options)


def _content(source: str) -> bytes:
    """All of it: what would be cut is refused. DefinitionError E_FILE_MISSING, E_SIZE."""
    try:
        if source == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DefinitionError(
            f"{source} cannot be read: {error.strerror}",
            code="E_FILE_MISSING",
            where=source,
            hint="give a folder or a file that is there, or - for what comes on stdin",
        ) from None
    if len(data) > _MOST_BYTES:
        raise DefinitionError(
            f"larger than {_MOST_BYTES >> 20} MiB", code="E_SIZE", where=source, hint="import it in parts"
        )
    return data


def _take_over(
    source: str,
    controller: Controller,
    holders: "Holders",
    options: "Options",
    roots: Callable[[], Sequence["RootKey"]],
    output: Output,
) -> None:
    from bootstrap.adapters.git.tree import files_of
    from bootstrap.operations.importing.candidates import Findings
    from bootstrap.operations.importing.opened import Keys
    from bootstrap.operations.importing.takeover import KEEP, REMOVE, Tree, lines, take_over
    from bootstrap.operations.importing.tree import look_into
    from bootstrap.operations.rekey.recipients import expected_of

    if not Path(source).is_dir():
        raise DefinitionError(
            f"{source} is no folder of a repository",
            code="E_IMPORT",
            where=source,
            hint="give the folder that the controller applies",
        )
    files = files_of(Path(source))
    read = look_into(files, Keys(expected_of(holders.recipients), roots), Findings(), options)
    tree = Tree(files=files, live=read.live, adoption=read.adoption, manifests=read.manifests)
    done = take_over(tree, options.taken, controller)
    if output is Output.JSON:
        found = {"secrets": done.secrets, "branches": [KEEP, REMOVE], "byHand": done.by_hand}
        terminal.document(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in lines(done):
        terminal.out(line)


def _given_roots(roots: Sequence[str], non_interactive: bool) -> list["RootKey"]:
    from bootstrap.adapters.root.root_key import open_root
    from bootstrap.cli.prompt import ask_passphrase

    ask = (lambda _: None) if non_interactive else ask_passphrase
    return [open_root(root, ask, interactive=not non_interactive) for root in roots if root]


def _something(findings: "Findings", source: str) -> None:
    from bootstrap.operations.importing.report import lines

    if not findings.found and not findings.there:
        typed = next(
            (left.file for left in findings.left if left.file and left.why.startswith("E_TYPE ")), ""
        )
        raise DefinitionError(
            f"nothing in {source} can be imported" + "".join(f"\n    {line}" for line in lines(findings)),
            code="E_IMPORT",
            where=source,
            hint=f"sops edit {typed}" if typed else "bootstrap import --help",
        )


def _tell(findings: "Findings", written: list[str], output: Output) -> None:
    from bootstrap.operations.importing.report import document, lines

    if output is Output.JSON:
        terminal.document(json.dumps(document(findings, written), indent=2, ensure_ascii=False))
        return
    for path in written:
        terminal.out(path)
    for line in lines(findings):
        terminal.err(line)
    if written:
        terminal.err("next: git add and commit, bootstrap check")
