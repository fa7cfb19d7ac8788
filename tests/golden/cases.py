"""A command and what it says, as one readable text: argv, exit code, both streams, files that it wrote."""

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.inside import run

RECORDED = Path(__file__).with_name("recorded")
FOLDER = "{WORKSPACE}"  # stands for the path of the temporary folder, which is all that is normalised


@dataclass(frozen=True)
class Case:
    """``writes`` are files that the command makes: it then gets a workspace of its own, and they are recorded."""

    name: str
    argv: tuple[str, ...]
    stdin: str = ""
    writes: tuple[str, ...] = ()


def case(name: str, line: str, stdin: str = "", writes: tuple[str, ...] = ()) -> Case:
    return Case(name, tuple(shlex.split(line)), stdin, writes)


def told(case: Case, workspace: Path, *, writes: bool = False) -> str:
    """Runs the case; the text that is recorded. With ``writes`` it may write where it is."""
    if writes:
        return _ran(case, workspace)
    if case.writes:
        with TemporaryDirectory(prefix="golden-") as folder:
            return _ran(case, _copied(workspace, Path(folder).resolve() / workspace.name))
    before = _listed(workspace)
    text = _ran(case, workspace)
    assert _listed(workspace) == before, f"{case.name} writes: say so, or the next case meets it"
    return text


def _copied(workspace: Path, target: Path) -> Path:
    """What the cases that write need of it."""
    for folder in ("good", "trees", "crds", "empty"):
        shutil.copytree(workspace / folder, target / folder)
    shutil.copy2(workspace / "good.root.key", target)
    return target


def _listed(folder: Path) -> set[str]:
    """Every path but those of Git itself."""
    found = set()
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", "faults")]
        found |= {f"{here}/{name}" for name in (*folders, *files)}
    return found


def _ran(case: Case, workspace: Path) -> str:
    done = run(case.argv, workspace, case.stdin)
    parts = [f"$ bootstrap {shlex.join(case.argv)}\n", f"exit {done.code}\n"]
    parts += [_section("stdout", done.out), _section("stderr", done.err)]
    parts += [_section(path, _content(workspace / path)) for path in case.writes]
    return "".join(parts).replace(str(workspace), FOLDER)


def _content(path: Path) -> str:
    return path.read_text() if path.exists() else "(not there)\n"


def _section(name: str, text: str) -> str:
    if not text:
        return ""
    end = "" if text.endswith("\n") else "\n(no newline at the end)\n"
    return f"--- {name}\n{text}{end}"


def recorded(group: str, name: str) -> Path:
    return RECORDED / group / f"{name}.txt"
