"""A lab for one drill: made new, and deleted again however the drill ends, since it holds every value."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bootstrap.cli import terminal
from bootstrap.cli.commands.lab import playbooks
from bootstrap.cli.work import narrated
from bootstrap.lab.local import require_linux_root
from bootstrap.lab.providers import labs
from bootstrap.lab.state import claim
from bootstrap.model.errors import BootstrapError, Interrupted


@contextmanager
def throw_away(name: str) -> Iterator[Path]:
    """The kubeconfig of a new lab. PreconditionError E_LAB_ROOT, E_DRILL_LAB before anything is made; the errors of
    `lab up` and `lab down`. What stopped the drill counts more than what stops the deletion, which is reported."""
    require_linux_root("--lab")
    claim(name)
    try:
        with narrated(f"lab {name}") as on_event:
            lab = labs(name, None, playbooks(), on_event).up(name)
        yield lab.kubeconfig
    except BaseException as error:
        with suppress(BootstrapError):
            _delete(name)
            if isinstance(error, Interrupted):
                error.hint = (
                    f"lab {name} is gone, and nothing is left; a drill is not gone on with but begun anew"
                )
        raise
    _delete(name)


def _delete(name: str) -> None:
    try:
        with narrated(f"lab {name}") as on_event:
            labs(name, None, playbooks(), on_event).down(name)
    except BaseException:
        terminal.err(f"lab {name} is not gone, and may hold every value: bootstrap lab down --name {name}")
        raise
