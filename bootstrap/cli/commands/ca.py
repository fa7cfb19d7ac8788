"""``bootstrap ca``: another CA of Vault takes the place of the one in keys/, with both trusted in between (G7)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from bootstrap.cli import terminal
from bootstrap.cli.options import REPO, Options, RepoOption

if TYPE_CHECKING:
    from bootstrap.adapters.git.repository import GitRepository
    from bootstrap.operations.rekey.repository import Rekeyed

app = typer.Typer(
    name="ca", help="Vault's CA: another one, and the end of the one before.", no_args_is_help=True
)


@app.command()
def new(repo: RepoOption = REPO) -> None:
    """Make another CA, which signs from the next up on; the one before stays trusted.

    Writes both halves into the work tree, the private one encrypted to the holders in keys/. No root key is needed.
    """
    from bootstrap.operations.another_ca import another

    _written(repo, another)
    terminal.err("next: git add and commit, bootstrap up; then bootstrap ca drop")


@app.command()
def drop(repo: RepoOption = REPO) -> None:
    """Trust the CA that signs now, and no other, from the next up on.

    Writes keys/vault-ca.crt. While anything of Vault stands on the other one, up refuses it and changes nothing.
    """
    from bootstrap.operations.another_ca import first_alone

    _written(repo, first_alone)
    terminal.err("next: git add and commit, bootstrap up")


def _written(repo: str, change: "Callable[[GitRepository], Rekeyed]") -> None:
    from bootstrap.cli import compose
    from bootstrap.operations.rekey.repository import write_rekeyed

    folder = compose.work_tree(repo)
    write_rekeyed(folder, change(compose.repository(Options(repo=repo))), terminal.out)
