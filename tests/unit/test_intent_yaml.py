"""The strict YAML reader: what is refused, where, and what plain scalars become."""

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.intent.yaml_source import MAX_DEPTH, Loc, load_documents
from bootstrap.model.errors import DefinitionError
from tests.support.intent_fake import MATERIAL, PLATFORM, SECRET

BAD = [
    (b"a: 1\nb: 2\na: 3\n", "E_YAML_DUP", "f.yaml:3:1"),
    (b"x:\n  a: 1\n  'a': 2\n", "E_YAML_DUP", "f.yaml:3:3"),
    (b"a: {b: 1, b: 2}\n", "E_YAML_DUP", "f.yaml:1:11"),
    (b"a: &x 1\n", "E_YAML_ALIAS", "f.yaml:1:4"),
    (b"a: 1\nb: *a\n", "E_YAML_ALIAS", "f.yaml:2:4"),
    (b"&r a: 1\n", "E_YAML_ALIAS", "f.yaml:1:1"),
    (b"a: !!python/object:os.system x\n", "E_YAML_TAG", "f.yaml:1:4"),
    (b"a: !!str 1\n", "E_YAML_TAG", "f.yaml:1:4"),
    (b"a: ! 1\n", "E_YAML_TAG", "f.yaml:1:4"),
    (b"<<: {a: 1}\n", "E_YAML_KEY", "f.yaml:1:1"),
    (b"? [a]\n: b\n", "E_YAML_KEY", "f.yaml:1:3"),
    (b"[" * (MAX_DEPTH + 1), "E_DEPTH", f"f.yaml:1:{MAX_DEPTH + 1}"),
    (b"[" * 200_000, "E_DEPTH", f"f.yaml:1:{MAX_DEPTH + 1}"),
    (b"\xef\xbb\xbfa: 1\n", "E_TEXT", "f.yaml:1:1"),
    ("a: 1\n".encode("utf-16"), "E_TEXT", "f.yaml:1:1"),
    ("a: 1\n".encode("utf-16-le"), "E_TEXT", "f.yaml:1:2"),
    (b"a:\n\tb: 1\n", "E_TEXT", "f.yaml:2:1"),
    (b"a: 1\r\nb: 2\r\n", "E_TEXT", "f.yaml:1:5"),
    (b"a: \0\n", "E_TEXT", "f.yaml:1:4"),
    (b"a: 1\nb: \xff\n", "E_TEXT", "f.yaml:2:4"),
    (b"a: \xed\xa0\x80\n", "E_TEXT", "f.yaml:1:4"),
    (b'a: "\\x00"\n', "E_TEXT", "f.yaml:1:4"),
    (b"a: [1\n", "E_YAML", "f.yaml:2:1"),
    (b"a: b: c\n", "E_YAML", "f.yaml:1:5"),
]


@pytest.mark.parametrize(("data", "code", "where"), BAD)
def test_refused_with_code_and_place(data: bytes, code: str, where: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_documents("f.yaml", data)
    assert (caught.value.code, caught.value.where) == (code, where)


def test_a_duplicate_names_both_lines() -> None:
    with pytest.raises(DefinitionError, match="first on line 2, again on line 4"):
        load_documents("f.yaml", b"# c\na: 1\nb: 2\na: 3\n")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("false", False), ("12", 12), ("-3", -3), ("0", 0), ("null", None), ("", None),
        ("yes", "yes"), ("on", "on"), ("True", "True"), ("010", "010"), ("1_000", "1_000"), ("0x1f", "0x1f"),
        ("1:30", "1:30"), ("1.20", "1.20"), ("1e3", "1e3"), (".inf", ".inf"), ("2026-01-01", "2026-01-01"),
        ("'12'", "12"), ('"true"', "true"), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_it_looks_like(written: str, value: object) -> None:
    found = load_documents("f.yaml", f"k: {written}\n".encode())[0].value
    assert found == {"k": value}
    assert isinstance(found, dict)
    assert type(found["k"]) is type(value)


def test_places_of_keys_and_items() -> None:
    first, second = load_documents("f.yaml", b"a:\n  - b: 1\n    c: 2\n---\n# only a comment\n---\nd: 1\n")
    assert first.position(("a", 0, "c")) == (3, 5)
    assert first.line_of(("a",)) == 1
    assert first.where(("a", 0, "missing", "deeper")) == "f.yaml:2"
    assert second.where() == "f.yaml:7"


def test_one_file_of_many_wrong_documents_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_documents("f.yaml", b"---\n".join([b"a: 1\n"] * 50))
    begun = 0

    class Counted(yaml.CSafeLoader):
        def __init__(self, text: str) -> None:
            nonlocal begun
            begun += 1
            super().__init__(text)

    monkeypatch.setattr("bootstrap.intent.yaml_source._LOADER", Counted)
    assert [document.line_of(("a",)) for document in found] == list(range(1, 101, 2))
    assert begun == 1


# ---------------------------------------------------------------- against PyYAML's own composer

SAMPLES = (
    *(SECRET, MATERIAL, PLATFORM),
    "a:\n- b: 1\n  c: [x, 'y', {d: e}]\n- f\ng: true\n",
    "---\na: 1\n---\n\n---\nb:\n  - - x\n---\n# only\n",
    "a:\n  b:\n    - c\n  d: http://x:1/y#z\ne: f # g\n",
    "k: {a: \"x, y: z\", b: '', c: [], d: {}, 'e f': \"\\t\"}\n",
    "a: |\n  x\n---\nb: >\n  y\n\n---\nc: |+\n  z\n\n---\n---\nd: 1\n",
    "- a\n-\n  - b\n  - 010\n  - -5\n---\nx\n---\n? y\n: true\n",
)


def composed(node: yaml.Node, loc: Loc, marks: dict[Loc, tuple[int, int]]) -> object:
    """The value of a node as we mean it; ``marks`` gets the place of each key and item."""

    def put(inner: Loc, place: yaml.Node) -> None:
        marks[inner] = (place.start_mark.line + 1, place.start_mark.column + 1)

    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            put((*loc, key.value), key)
        return {key.value: composed(value, (*loc, key.value), marks) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            put((*loc, number), item)
        return [composed(item, (*loc, number), marks) for number, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and not node.style:
        if re.fullmatch("-?(0|[1-9][0-9]*)", node.value):
            return int(node.value)
        return {"true": True, "false": False, "null": None, "~": None, "": None}.get(node.value, node.value)
    return node.value


def same(text: str) -> None:
    expected = []
    for node in yaml.compose_all(text, yaml.BaseLoader):
        marks: dict[Loc, tuple[int, int]] = {(): (node.start_mark.line + 1, node.start_mark.column + 1)}
        value = composed(node, (), marks)
        expected += [(repr(value), marks[()], marks)] if value is not None else []
    found = [
        (repr(each.value), each.start, dict(each.marks())) for each in load_documents("f.yaml", text.encode())
    ]
    assert found == expected  # repr, because True == 1


@pytest.mark.parametrize("text", SAMPLES)
def test_values_and_places_are_those_of_pyyaml(text: str) -> None:
    same(text)


_WORDS = ("x", "a b", "1", "true", "''", '"q: r"', "a:b", "{a: b}", "[x, y]", "", "{b: {a: x}}", "# c", "yes")


@st.composite
def _blocks(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """Lines of a mapping, well indented."""
    lines = []
    for name in draw(st.lists(st.sampled_from(("a", "b", "cc", "d-e")), min_size=1, max_size=4, unique=True)):
        kind = draw(st.integers(0, 4)) if depth < 4 else 0
        if kind < 2:
            lines.append(f"{name}: {draw(st.sampled_from(_WORDS))}")
            continue
        inner = draw(_blocks(depth + 1))
        pad = " " * draw(st.sampled_from((2, 1, 4)))
        if kind == 2:
            lines += [f"{name}:", *(pad + line for line in inner)]
        else:
            dash = draw(st.sampled_from(("- ", "-   ")))
            shift = " " * len(dash)
            lines += [f"{name}:", f"{pad}{dash}{inner[0]}", *(pad + shift + line for line in inner[1:])]
            if kind == 4:
                lines.append(f"{pad}- {draw(st.sampled_from(_WORDS))}")
    return lines


@settings(max_examples=300, deadline=None)
@given(_blocks())
def test_any_blocks_are_read_as_pyyaml_reads_them(lines: list[str]) -> None:
    same("\n".join(lines))


@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#?%@ \n\t0", max_size=80).map(str.encode))
def test_any_bytes_give_documents_or_a_definition_error(data: bytes) -> None:
    try:
        load_documents("f.yaml", data)
    except DefinitionError as error:
        assert error.where.startswith("f.yaml")
