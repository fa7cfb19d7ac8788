"""``bootstrap keygen``: make the root of trust and the keys under it, once, offline (S1)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.prompt import choose_passphrase
from bootstrap.cli.recipients import given_as, public_text
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive

Gpg = Annotated[bool, typer.Option("--gpg", help="An OpenPGP root instead of an age one.")]
Recipient = Annotated[
    list[str] | None,
    typer.Option(
        "--recipient", help="Public key of a second holder: age1..., ssh-ed25519 ..., or a file with it."
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        help="A holder who has a key already: age1..., ssh-ed25519 ..., or a file with the public half."
        " No root.key is made.",
    ),
]
NoPassphrase = Annotated[bool, typer.Option("--no-passphrase", help="Leave root.key unprotected.")]
PassphraseFrom = Annotated[str, typer.Option("--passphrase", help="Where the passphrase comes from: fd:N.")]
NonInteractive = Annotated[bool, typer.Option("--non-interactive", help="Never ask.")]


def keygen(
    out: Annotated[Path, typer.Option("--out", help="Folder to write root.key, keys/ and encrypted/ to.")],
    gpg: Gpg = False,
    recipient: Recipient = None,
    to: To = None,
    no_passphrase: NoPassphrase = False,
    passphrase: PassphraseFrom = "",
    non_interactive: NonInteractive = False,
) -> None:
    """Make the root of trust and the keys under it."""
    if to:
        if gpg or no_passphrase or passphrase:
            raise DefinitionError(
                "--to makes no root.key, so there is no kind and no passphrase to choose",
                code="E_USAGE",
                where="--to",
                hint="leave out --gpg, --no-passphrase and --passphrase; or leave out --to for a new root",
            )
        for path in keys_for(out, (*to, *(recipient or ()))):
            terminal.out(path)
        terminal.err("the root is the key of each holder: try it with bootstrap check --root")
        return
    chosen = choose_passphrase(passphrase, none=no_passphrase, ask=not non_interactive)
    for path in make_keys(out, gpg=gpg, others=recipient or (), passphrase=chosen):
        terminal.out(path)
    terminal.err(f"keep {out / 'root.key'} offline, in two places; nothing can be rebuilt without it")


def make_keys(
    out: Path, *, gpg: bool, others: list[str] | tuple[str, ...], passphrase: Sensitive | None
) -> tuple[Path, ...]:
    """Writes a whole set of keys below ``out``; DefinitionError E_EXISTS, E_RECIPIENT."""
    from bootstrap.adapters.root.holders import holders, new_root
    from bootstrap.operations.keygen import write_keyset

    root = new_root(gpg=gpg)
    with given_as("--recipient"):
        holding = holders(root, [public_text(other) for other in others])
    return write_keyset(out, root, holding, passphrase)


def keys_for(out: Path, to: Sequence[str]) -> tuple[Path, ...]:
    """As ``make_keys``, for holders who have their keys: the public halves are all that is needed."""
    from bootstrap.adapters.root.holders import holders
    from bootstrap.operations.keygen import write_keyset

    with given_as("--to"):
        holding = holders(None, [public_text(each) for each in to])
    return write_keyset(out, None, holding, None)
