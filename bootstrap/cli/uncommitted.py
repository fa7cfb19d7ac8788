"""What lies in a work tree and is not used, because it is not as in the commit: one line on stderr."""

from typing import TYPE_CHECKING, Final

from bootstrap.cli import terminal
from bootstrap.model import layout

if TYPE_CHECKING:
    from bootstrap.adapters.git.repository import GitRepository

SHOWN: Final = 5  # paths that are named


def name_unused(repository: "GitRepository") -> None:
    # What an earlier run wrote below records/ is for people to commit; it is read from the folder as it is.
    unused = [path for path in repository.unused_changes() if not path.startswith(layout.RECORDS)]
    if unused:
        more = f" and {len(unused) - SHOWN} more" if len(unused) > SHOWN else ""
        terminal.err(f"not used: {', '.join(unused[:SHOWN])}{more}: not as in commit {repository.commit}")
