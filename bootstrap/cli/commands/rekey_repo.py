"""``bootstrap rekey-repo``: another root, or other holders; every encrypted file of the work tree follows (S1)."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.options import REPO, NonInteractiveOption, Options, RepoOption, RootOption
from bootstrap.cli.recipients import given_as, public_text
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.layout import SOPS_RULES

if TYPE_CHECKING:
    from bootstrap.operations.rekey.repository import Rekeyed
    from bootstrap.ports import IntentRepository


def rekey_repo(
    root: RootOption = "",
    repo: RepoOption = REPO,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="A holder from now on: age1..., or a file with a certificate. Without it, keys/root.* as it is.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Open and seal everything, write nothing.")
    ] = False,
    non_interactive: NonInteractiveOption = False,
) -> None:
    """Seal every encrypted file for the holders of the root, in memory; for a new root or a new holder."""
    from bootstrap.adapters.sops.commit_files import declared_recipients
    from bootstrap.cli import compose
    from bootstrap.operations.rekey.repository import rekey, write_rekeyed

    options = Options(repo=repo, root=root, non_interactive=non_interactive)
    folder = compose.work_tree(repo)
    repository = compose.repository(options)
    opened = compose.root_key(options, repository)
    if opened is None:
        raise PreconditionError(
            "the files are opened with the root key that they are sealed for now",
            code="E_ROOT_NEEDED",
            hint="add --root file:PATH",
        )
    declared = declared_recipients(repository)
    with given_as("--to"):
        recipients = tuple(dict.fromkeys(map(public_text, to))) if to else declared
    if not recipients:
        raise DefinitionError("keys/ names no holder", code="E_KEYS", where="keys", hint="add --to age1...")
    public = _public(repository, declared, recipients) if to else {}
    with given_as("--to") if to else nullcontext():
        done = rekey(repository, opened, recipients, public)
    if not dry_run:
        write_rekeyed(folder, done, terminal.out)
    _tell(done, set(declared) - set(recipients), dry_run=dry_run)


def _public(
    repository: "IntentRepository", before: tuple[str, ...], recipients: tuple[str, ...]
) -> dict[str, bytes]:
    """``keys/root.*``; and ``.sops.yaml``, where its rules name the holders as ``init`` wrote them."""
    from bootstrap.adapters.root.holders import Holders, public_root

    new = Holders(recipients=recipients)
    files = public_root(new)
    if before and SOPS_RULES in repository.paths():
        content = repository.read(SOPS_RULES)
        old, now = (",".join(each.names).encode() for each in (Holders(recipients=before), new))
        if old in content:
            files[SOPS_RULES] = content.replace(old, now)
    return files


def _tell(done: "Rekeyed", gone: set[str], *, dry_run: bool) -> None:
    from bootstrap.adapters.age.identity import shown

    written = "would be written" if dry_run else "written"
    terminal.err(f"{len(done.files)} files {written}, {len(done.kept)} were as they should be")
    if not done.files and not done.public:
        return
    terminal.err(
        "what old Git history still opens: every earlier commit, for everybody who could open it then, and each"
        " value in it until it is rotated; `bootstrap status` says which are"
    )
    for recipient in sorted(gone):
        named = recipient.startswith(("age1", "ssh-"))
        who = shown(recipient) if named else "a certificate that keys/root.asc named"
        terminal.err(f"  no longer a holder, and still able to read history: {who}")
    by_hand = "" if SOPS_RULES in done.public else " .sops.yaml names recipients too;"
    terminal.err(f"next: git add and commit;{by_hand} bootstrap check --root")
