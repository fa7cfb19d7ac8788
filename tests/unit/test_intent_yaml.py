"""The strict YAML reader: what is refused, where, and what plain scalars become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.intent.yaml_source import MAX_DEPTH, load_documents
from bootstrap.model.errors import DefinitionError

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


@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#?%@ \n\t0", max_size=80).map(str.encode))
def test_any_bytes_give_documents_or_a_definition_error(data: bytes) -> None:
    try:
        load_documents("f.yaml", data)
    except DefinitionError as error:
        assert error.where.startswith("f.yaml")
