"""Writes what is recorded anew: ``.venv/bin/python -m tests.golden.write [PART OF A NAME ...]``.

Read the difference in Git before it is committed: it is the change of behaviour.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden import bundles, commands
from tests.golden.cases import RECORDED, recorded, told
from tests.golden.fixed import Replayed, forget_unused
from tests.golden.roads import ROADS, walked
from tests.golden.workspace import make_workspace


def main(wanted: list[str]) -> None:
    with TemporaryDirectory(prefix="golden-") as folder:
        workspace = make_workspace(Path(folder).resolve() / "w")
        _commands(workspace, wanted)
        _roads(workspace, wanted)
    _bundles()


def _bundles() -> None:
    """What is said of bundles made before; the bundles themselves are never written anew."""
    for case in bundles.cases():
        path = recorded("bundles", case.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told(case, bundles.FOLDER), newline="")


def _roads(workspace: Path, wanted: list[str]) -> None:
    Replayed.learns = True
    for name in ROADS:
        if wanted and not any(part in name for part in wanted):
            continue
        folder = RECORDED / "roads" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file, text in walked(name, workspace).items():
            (folder / file).write_text(text, newline="")
    if not wanted:
        forget_unused()


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
