"""The tutorial and the how-to pages, executed on a real cluster in one sequence, block by block as they stand."""

import re
import shlex
from pathlib import Path

import pytest

from bootstrap.lab.build import binaries
from tests.docs.pages import DOCS, Block, blocks
from tests.docs.shell import run, script
from tests.lab.support.cluster import Kube, Lab

pytestmark = pytest.mark.lab
TUTORIAL = "tutorial/first-platform.md"
NAMED = re.compile(r"# ((?:secrets/[a-z-]+\.yaml)|commitment\.py)\b")
MINUTES = 25


def on_the_lab(page: str, *, last: bool = False) -> list[Block]:
    """Blocks to run; those marked ``last`` tidy up and stand at the end of the tutorial."""
    found = [block for block in blocks(DOCS / page) if block.where in ("lab", "lab, last")]
    assert found, page
    return [block for block in found if (block.where == "lab, last") == last]


def examples(page: str) -> list[Block]:
    """The page's own files, written where its commands expect them."""
    named = [(match[1], block) for block in blocks(DOCS / page) if (match := NAMED.match(block.text))]
    lines = (f"printf %s {shlex.quote(block.text)} > {file}\n" for file, block in named)
    return [Block(f"docs/{page}", "sh", "".join(lines), "run: lab")]


def sequence() -> list[Block]:
    inside = [Block("docs/how-to/add-a-secret.md", "sh", "cd platform\n", "run: lab")]
    outside = [Block("docs/how-to/add-a-secret.md", "sh", "cd ..\n", "run: lab")]
    add, audit, rebuild = (
        "how-to/add-a-secret.md",
        "how-to/audit-a-transfer.md",
        "how-to/rebuild-bootstrap-system.md",
    )
    return [
        *on_the_lab(TUTORIAL),
        *(*inside, *examples(add), *on_the_lab(add), *outside),
        *on_the_lab("how-to/change-what-is-declared.md"),
        *(*examples(audit), *on_the_lab(audit)),
        *on_the_lab("how-to/save-a-snapshot.md"),
        *on_the_lab("how-to/let-the-cluster-save-snapshots.md"),
        *on_the_lab("how-to/collect-metrics.md"),
        *on_the_lab("how-to/restore-a-platform.md"),
        *on_the_lab(rebuild),
    ]


def test_the_pages_lead_where_they_say(lab: Lab, empty_cluster: Kube, tmp_path: Path) -> None:
    """The lab of this run stands in for the tutorial's own, and is not taken down by it."""
    said, work, tools = (tmp_path / name for name in ("said", "work", "tools"))
    for folder in (said, work, tools):
        folder.mkdir()
    for name, program in binaries("sops", "age").items():
        (tools / name).symlink_to(program)
    assert on_the_lab(TUTORIAL, last=True)
    text = script(sequence(), said).replace("--name tutorial", f"--name {lab.name}")
    run(text, work, said, path=f"{tools}:{lab.binaries}", seconds=60 * MINUTES)
