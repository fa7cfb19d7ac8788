"""``docs/reference/requirements.md``: its sentences stay as they are, the tests below each are collected."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "requirements.md"
ID = re.compile(r"(?<![\w/+=])(?:G|INV|PH|B|H|D|R|S|OK)[0-9](?![\w/+=])")
RANGE = re.compile(r"\b([A-Z]+)([0-9])-\1([0-9])\b")
PREFIX = re.compile(r"test_((?:(?:g|inv|ph|b|h|d|r|s|ok)[0-9]_)+)")
SECTION = re.compile(r"^### (?P<id>[A-Z]+[0-9])\n(?P<text>.*?)(?=^##|\Z)", re.M | re.S)
WHOLE = "the whole file"


def requirements_page() -> str:
    found = proofs_by_id(ROOT / "tests")
    return SECTION.sub(lambda section: _section(section, found), PAGE.read_text())


def proofs_by_id(folder: Path) -> Mapping[str, Mapping[str, list[str]]]:
    """Id -> file -> names of tests; WHOLE is last where the file's own docstring names the id."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        file = path.relative_to(folder.parent).as_posix()
        names = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
        for name in sorted(names):
            for each in ids_of_name(name):
                found[each][file].append(f"`{name}`")
        for each in sorted(set(ids_of_text(ast.get_docstring(tree) or ""))):
            found[each][file].append(WHOLE)
    return found


def ids_of_name(name: str) -> list[str]:
    """``test_b1_b2_no_value`` proves B1 and B2."""
    match = PREFIX.match(name)
    return match[1].upper().strip("_").split("_") if match else []


def ids_of_text(text: str) -> Iterator[str]:
    """Ids in the order of the text; of a range such as H1-H3 all three."""
    yield from ID.findall(text)
    for letters, first, last in RANGE.findall(text):
        yield from (f"{letters}{number}" for number in range(int(first) + 1, int(last)))


def _section(section: re.Match[str], found: Mapping[str, Mapping[str, list[str]]]) -> str:
    sentences = section["text"].partition("\nTests:")[0].strip()
    return f"### {section['id']}\n\n{sentences}\n\nTests:{_proof(found.get(section['id'], {}))}\n"


def _proof(files: Mapping[str, list[str]]) -> str:
    if not files:
        return " no test of its own yet.\n"
    lines = (f"- `{file}`: {', '.join(names)}" for file, names in sorted(files.items()))
    return "\n\n" + "".join(_wrapped(line) for line in lines)


def _wrapped(line: str) -> str:
    parts = wrap(line, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(parts) + "\n"
