"""Writes what is recorded anew: ``.venv/bin/python -m tests.golden.write [PART OF A NAME ...]``.

Read the difference in Git before it is committed: it is the change of behaviour.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden import commands
from tests.golden.cases import RECORDED, recorded, told
from tests.golden.workspace import make_workspace


def main(wanted: list[str]) -> None:
    with TemporaryDirectory(prefix="golden-") as folder:
        workspace = make_workspace(Path(folder).resolve() / "w")
        _commands(workspace, wanted)


def _commands(workspace: Path, wanted: list[str]) -> None:
    known = set()
    for case in commands.cases():
        path = recorded("commands", case.name)
        known.add(path)
        if not wanted or any(part in case.name for part in wanted):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(told(case, workspace), newline="")
    for path in set((RECORDED / "commands").iterdir()) - known:
        path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
