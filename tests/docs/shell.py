"""The blocks of pages as one bash script: each as it stands, its end and its words checked."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.docs.pages import Block

PROGRAM = str(Path(sys.executable).parent)
AUTHOR = {
    f"GIT_{who}_{what}": "docs@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def script(blocks: Iterable[Block], folder: Path) -> str:
    """``folder`` gets what each block says, ``NN.out``."""
    lines = ["set -eo pipefail", "trap 'exit 143' TERM"]
    for number, block in enumerate(blocks):
        out = shlex.quote(str(folder / f"{number:02}.out"))
        lines.append(f"echo '{block.page}, block {number}' > {out}")
        if block.exits:
            lines += [
                "set +e",
                f"(\n{block.text}) >> {out} 2>&1",
                "code=$?",
                "set -e",
                f"[ $code = {block.exits} ]",
            ]
        else:
            lines.append(f"{{\n{block.text}}} >> {out} 2>&1")
        if block.prints:
            lines.append(f"grep --quiet --fixed-strings -- {shlex.quote(block.prints)} {out}")
    return "\n".join(lines) + "\n"


def run(text: str, cwd: Path, said: Path, *, path: str = "", seconds: float = 600) -> None:
    """Fails with what the last block said."""
    home = said / "home"
    home.mkdir(parents=True, exist_ok=True)
    found = ":".join(filter(None, (PROGRAM, path, os.environ["PATH"])))
    environment = {"PATH": found, "HOME": str(home), "LC_ALL": "C.UTF-8", **AUTHOR}
    done = subprocess.run(
        ["bash", "-c", text], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, check=False, timeout=seconds
    )
    last = max(said.glob("*.out"), default=None)
    assert done.returncode == 0, f"exit {done.returncode} after: {last.read_text() if last else 'nothing'}"
