"""What a page holds: fenced blocks, with the mark that stands just above them, and links.

A mark is ``<!-- run -->`` (offline, in a fresh folder) or ``<!-- run: lab -->`` (in the one sequence on a cluster),
with ``exits: N`` and ``prints: TEXT`` after a semicolon where the block is to end with N or to print TEXT.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>run[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str
    mark: str = ""

    @property
    def where(self) -> str:
        """``run`` and ``run: lab`` give "" and "lab"; a block without a mark is not run."""
        return self.mark.partition(";")[0].removeprefix("run").lstrip(":").strip()

    def _fact(self, name: str) -> str:
        found = re.search(rf";\s*{name}: ([^;]*)", self.mark)
        return found[1].strip() if found else ""

    @property
    def exits(self) -> int:
        return int(self._fact("exits") or 0)

    @property
    def prints(self) -> str:
        return self._fact("prints")


def pages() -> list[Path]:
    doors = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [*doors, *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    for found in BLOCK.finditer(page.read_text()):
        yield Block(str(page.relative_to(ROOT)), found["language"], found["text"], found["mark"] or "")


def links(page: Path) -> list[str]:
    """Targets of the page's links; code is not looked at."""
    return LINK.findall(CODE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", CODE_FENCES.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


CODE_FENCES = re.compile(r"^```.*?^```$", re.M | re.S)
