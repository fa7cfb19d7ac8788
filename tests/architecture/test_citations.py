"""What code, tests and pages cite is in this repository: a page of docs/, or an id that has its section there."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors
from tests.docs.render_requirements import ID, PAGE, ids_of_name, ids_of_text, proofs_by_id, requirements_page

HERE = Path(__file__).relative_to(ROOT)
NOT_OURS = {"go.mod", "go.sum", "requirements.lock"}  # names of packages, and their hashes
RECORDED = ("tests/vectors/", "tests/golden/")
# In pieces, so that this file does not hold what it looks for.
ABSENT = re.compile(
    r"\b(?:DES" + r"IGN|REQUIRE" + r"MENTS|TEST" + r"BED|HO" + r"USE)\b"
    r"|P-SHA" + r"MIR|P-STA" + r"TIC|RFC-SEC" + r"OPS|\bres" + r"earch/"
    r"|\b(?:RES"
    + r"TORE|reliabil"
    + r"ity|mis"
    + r"sion|ecosys"
    + r"tem|perform"
    + r"ance|aesth"
    + r"etics)\.md"
)
OF_DOCS = re.compile(r"(?<![\w./-])docs/(?:adr/[0-9]{4}|[\w./-]+\.md)(?:#([\w-]+))?")
MATRIX = ROOT / "docs" / "explanation" / "fault-matrix.md"
IN_MATRIX = re.compile(r"(?<![\w/+=-])[IF]-[0-9]+(?![\w/+=-])")


def texts() -> Iterator[tuple[Path, str]]:
    """Every tracked file that people write; ciphertext and recorded output are none."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = Path(name)
        if path == HERE or path.name in NOT_OURS or name.startswith(RECORDED) or not (ROOT / path).is_file():
            continue
        yield path, (ROOT / path).read_text(errors="replace")


def absent(text: str) -> list[str]:
    """What is named of documents that no reader has."""
    return ABSENT.findall(text)


def unknown_ids(text: str, known: set[str]) -> list[str]:
    names = re.findall(r"\btest_\w+", text)
    cited = {*ids_of_text(text), *(each for name in names for each in ids_of_name(name))}
    return sorted(cited - known)


def lost_pages(text: str) -> list[str]:
    """Pages of docs/ that are cited, and do not exist or have no such section."""
    return [match[0] for match in OF_DOCS.finditer(text) if not _leads_somewhere(*match.group(0, 1))]


def _leads_somewhere(cited: str, anchor: str | None) -> bool:
    page = cited.partition("#")[0]
    found = sorted(ROOT.glob(page if page.endswith(".md") else f"{page}-*.md"))
    return bool(found) and (anchor is None or anchor in anchors(found[0]))


def ids_of_the_page() -> set[str]:
    return {anchor.upper() for anchor in anchors(PAGE) if ID.fullmatch(anchor.upper())}


# ---------------------------------------------------------------- the repository


def test_there_is_something_to_look_at() -> None:
    assert len(list(texts())) > 300


def test_nothing_cites_a_document_that_no_reader_has() -> None:
    assert {str(path): found for path, text in texts() if (found := absent(text))} == {}


def test_every_id_that_is_cited_has_its_section() -> None:
    known = ids_of_the_page()
    cited = {each for _, text in texts() for each in ids_of_text(text)}
    assert len(cited) > 30
    assert {str(path): found for path, text in texts() if (found := unknown_ids(text, known))} == {}


def test_every_page_that_is_cited_in_code_exists() -> None:
    code = [(path, text) for path, text in texts() if path.suffix == ".py" and path.parts[0] != "tests"]
    assert any(OF_DOCS.search(text) for _, text in code)
    assert {str(path): found for path, text in code if (found := lost_pages(text))} == {}


def test_the_numbers_of_the_fault_matrix_are_explained_there() -> None:
    known = set(IN_MATRIX.findall(MATRIX.read_text()))
    used = {each for path, text in texts() if path.parts[0] == "tests" for each in IN_MATRIX.findall(text)}
    assert len(used) > 10
    assert used <= known


def test_the_page_has_every_id_once() -> None:
    counts = {"G": 7, "INV": 8, "PH": 4, "B": 6, "H": 5, "D": 6, "R": 6, "S": 6, "OK": 5}
    wanted = [f"{letters}{n}" for letters, count in counts.items() for n in range(1, count + 1)]
    assert re.findall(r"^### (\w+)$", PAGE.read_text(), re.M) == wanted


def test_an_id_without_a_test_says_so_and_no_other() -> None:
    proven = set(proofs_by_id(ROOT / "tests"))
    sections = re.split(r"^### ", requirements_page(), flags=re.M)[1:]
    silent = {section.split()[0] for section in sections if "no test of its own yet" in section}
    assert silent == ids_of_the_page() - proven


# ---------------------------------------------------------------- what these tests would find


@pytest.mark.parametrize(
    "text",
    [
        '"""One loop (DES' + 'IGN 3)."""',
        "see REQUIRE" + "MENTS",
        "the P-SHA" + "MIR protocol",
        "RFC-SEC" + "OPS-0001",
        "res" + "earch/notes.md, 2.1",
        "[why](reliabil" + "ity.md)",
        "RES" + "TORE.md",
    ],
)
def test_a_document_that_nobody_has_would_be_found(text: str) -> None:
    assert absent(text)


@pytest.mark.parametrize(
    "text", ["the design", "requirements.lock", "a house", "performance", "E_RES" + "TORED"]
)
def test_an_ordinary_word_is_no_document(text: str) -> None:
    assert absent(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kept apart (INV" + "9)", ["INV9"]),
        ("H1-H" + "7", ["H6", "H7"]),
        ("def test_g1_r" + "8_metadata() -> None:", ["R8"]),
        ("held by B4, INV4 and OK3", []),
        ("dGhpcyBpcw+G" + "9/x", []),
        ("RFC 8785, E_S3, IPv6, x.509", []),
    ],
)
def test_an_id_without_a_section_would_be_found(text: str, found: list[str]) -> None:
    assert unknown_ids(text, ids_of_the_page()) == found


@pytest.mark.parametrize(
    "cited", ["docs/explanation/gone.md", "docs/adr/0999", "docs/reference/requirements.md#inv12"]
)
def test_a_page_that_is_gone_would_be_found(cited: str) -> None:
    assert lost_pages(f"see {cited}") == [cited]
    assert lost_pages("see docs/adr/0004, docs/reference/requirements.md#inv4") == []


def test_tests_are_collected_by_name_and_by_what_their_file_says(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "a"
    folder.mkdir(parents=True)
    (folder / "test_x.py").write_text(
        '"""Once (H1-H'
        + '3)."""\ndef test_b1_b2_no() -> None: ...\nclass A:\n    def test_h2_in_it(self): ...\n'
    )
    (folder / "helper.py").write_text('"""H5."""\ndef test_h5_no_test_file() -> None: ...\n')
    file = "tests/a/test_x.py"
    assert {each: dict(files) for each, files in proofs_by_id(tmp_path / "tests").items()} == {
        "B1": {file: ["`test_b1_b2_no`"]},
        "B2": {file: ["`test_b1_b2_no`"]},
        "H1": {file: ["the whole file"]},
        "H2": {file: ["`test_h2_in_it`", "the whole file"]},
        "H3": {file: ["the whole file"]},
    }
