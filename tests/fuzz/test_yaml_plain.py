"""Two readers, one meaning: what ``yaml_plain`` reads is to the last mark what libyaml would have said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.intent import yaml_plain, yaml_source
from bootstrap.intent.yaml_source import Located, load_documents
from bootstrap.model.errors import DefinitionError
from tests.support.intent_fake import MATERIAL, PLATFORM, SECRET

SAMPLES = (
    SECRET,
    MATERIAL,
    PLATFORM,
    "a:\n- b: 1\n  c: [x, 'y', {d: e}]\n- f\ng: true\n",
    "---\na: 1\n---\n\n---\nb:\n  - - x\n---\n# only\n",
    "a:\n  b:\n    - c\n  d: http://x:1/y#z\ne: f # g\n",
    "k: {a: \"x, y: z\", b: '', c: [], d: {}}\n",
    "a:\n- f\n   b: 1\n",
    "a: |\n  x\n---\nb: >\n  y\n\n---\nc: |+\n  z\n\n---\n---\nd: 1\n",
    "a:\n  - f\n    - g\n  - h:\n    - i\n    j: k\n",
)
# Pieces that mean something to one of the two readers, and to the other perhaps something else.
PIECES = (
    *(
        "a: ",
        "b:",
        "a:\n",
        "- ",
        "-\n",
        "  ",
        " ",
        "\n",
        "\n\n",
        "a : b",
        "a:b",
        "a#b",
        "a #b",
        "#",
        " # c\n",
    ),
    *(
        "---\n",
        "---",
        "...\n",
        "--- x\n",
        "%YAML 1.1\n",
        "\t",
        "a\tb",
        "\u00e9",
        "\u2028",
        "\u0085",
        "\u00a0",
    ),
    *(
        "x",
        "yes",
        "12",
        "-3",
        "010",
        "true",
        "null",
        "~",
        "0o7",
        "1_000",
        "9" * 30,
        "x-",
        "/p",
        ".5",
        "=",
        "(",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        ", ",
        ",",
        ": ",
        ":",
        '"',
        "'",
        "''",
        '"a": ',
        "'q'",
        '"\\n"',
        "a: b: c",
        "{a: b}",
        "[a, b]",
    ),
    *("{a: b, a: c}", "{a}", "{a: }", "[a: b]", "{a: b,}", "[,]", "[a b]", "{a: b c, d: [e]}", "{a: 'b' c}"),
    *("&a ", "*a", "!!str ", "! ", "<<: ", "<<", "? ", "?", "| \n", "|\n", ">-\n", "@", "`", "%"),
)


def exactly(text: str) -> tuple[object, ...]:
    """What libyaml says of the whole text, as values and places, or the error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_plain, "read", lambda _: None)
        patch.setattr(yaml_source, "_SEPARATOR", "\n--- never so ---\n")
        return told(text)


def told(text: str) -> tuple[object, ...]:
    try:
        return tuple(seen(found) for found in load_documents("f.yaml", text.encode()))
    except DefinitionError as error:
        return (error.code, error.where, error.message)


def seen(found: Located) -> tuple[object, ...]:
    return repr(found.value), found.start, dict(found.marks()), found.position(("a",)), found.where()


def same(text: str) -> None:
    assert told(text) == exactly(text)


@pytest.mark.parametrize("text", SAMPLES)
def test_good_files_are_read_the_same(text: str) -> None:
    same(text)


def test_the_catalog_needs_no_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the comparison above would compare libyaml with itself."""
    monkeypatch.setattr(yaml_source, "_documents", None)
    for text in (SECRET, MATERIAL, PLATFORM, *SAMPLES[3:4], *SAMPLES[5:7]):
        assert load_documents("f.yaml", text.replace("#z", "").encode())


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_pieces_are_read_the_same(text: str) -> None:
    same(text)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 400), st.integers(0, 12), st.sampled_from(PIECES))
def test_spoilt_files_are_read_the_same(text: str, start: int, length: int, piece: str) -> None:
    same(text[:start] + piece + text[start + length :])


_NAMES = st.sampled_from(("a", "b", "cc", "d-e"))
_WORDS = st.sampled_from(
    ("x", "a b", "1", "true", "''", '"q: r"', "a:b", "{a: b}", "[x, y]", "", "{b: {a: x}}")
)


@st.composite
def _blocks(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """Lines of a mapping, mostly well indented."""
    lines = []
    for name in draw(st.lists(_NAMES, min_size=1, max_size=4)):
        kind = draw(st.integers(0, 4)) if depth < 4 else 0
        if kind < 2:
            lines.append(f"{name}: {draw(_WORDS)}")
            continue
        inner = draw(_blocks(depth + 1))
        pad = " " * draw(st.sampled_from((2, 2, 2, 0, 1, 4)))
        if kind == 2:
            lines += [f"{name}:", *(pad + line for line in inner)]
        else:
            dash = draw(st.sampled_from(("- ", "- ", "-   ")))
            shift = " " * len(dash)
            lines += [f"{name}:", f"{pad}{dash}{inner[0]}", *(pad + shift + line for line in inner[1:])]
            if kind == 4:
                lines.append(f"{pad}- {draw(_WORDS)}")
    return lines


@settings(max_examples=1200, deadline=None)
@given(_blocks())
def test_any_blocks_are_read_the_same(lines: list[str]) -> None:
    same("\n".join(lines))
