"""Inputs for parsers: a good file with parts cut out, put in and doubled, and a good tree with parts exchanged."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import yaml
from hypothesis import strategies as st

DEEP = 3000
HOSTILE = (
    b"[" * DEEP,
    b"- " * DEEP,
    b"{a: " * 500,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b"[" * 480 + b"]" * 480,
    b"&a [*a]",
    b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n<<: [*a, *b]",
    b"\xff\xfe",
    b"\x00",
    b"!!python/object/apply:os.system [id]",
    b"!!binary x",
    b"2026-99-99",
    b"1e999",
    b"NaN",
    b".inf",
    b'"\\ud800"',
    b"\xef\xbb\xbf",
    b"<<: x",
    b"? a",
    b"9" * 5000,
    b"0x" + b"f" * 5000,
    b"-0b1",
    b"1:30:00",
    b"age__list_" + b"1" * 5000 + b"__map_enc=x",
    b"sops_age__list_0__list_0__map_x=y",
    b"sops_" + b"a__map_" * DEEP + b"b=c",
    b"__list_\xd9\xa1=x",
    b"https://[::1",
    b"https://host:99999",
    b"\xe2\x80\xae",
)
ATOMS: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**63,
    10**30,
    1.5,
    float("inf"),
    "",
    "\0",
    "a\nb",
    "https://[",
    "https://h:99999",
    "9" * 5000,
    "%",
    "\u202e",
    "=",
    "x" * 10_000,
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"a": {"b": []}},
    [{"name": None}],
)


def spoilt(whole: bytes) -> st.SearchStrategy[bytes]:
    """A good file with parts cut out, put in, doubled; or anything at all."""
    at = st.integers(0, len(whole))
    part = st.one_of(st.binary(max_size=12), st.sampled_from(HOSTILE), st.sampled_from(whole.split(b"\n")))

    def change(start: int, length: int, new: bytes) -> bytes:
        return whole[:start] + new + whole[start + length :]

    once = st.builds(change, at, st.integers(0, 30), part)
    return st.one_of(once, _lines(whole), st.binary(max_size=200), st.sampled_from(HOSTILE))


def _lines(whole: bytes) -> st.SearchStrategy[bytes]:
    """Whole lines put in, and values behind ``=`` and ``:`` exchanged: what a parser gets furthest into."""
    lines = whole.split(b"\n")
    at = st.integers(0, len(lines) - 1)
    new = st.sampled_from(HOSTILE)

    def put_in(number: int, line: bytes) -> bytes:
        return b"\n".join([*lines[:number], line, *lines[number:]])

    def value(number: int, text: bytes) -> bytes:
        old = lines[number]
        sign = next((s for s in (b"=", b": ") if s in old), b"")
        made = old.partition(sign)[0] + sign + text if sign else text
        return b"\n".join([*lines[:number], made, *lines[number + 1 :]])

    return st.one_of(st.builds(put_in, at, new), st.builds(value, at, new))


def exchanged(whole: bytes) -> st.SearchStrategy[bytes]:
    """A good tree of YAML or JSON with one or two of its nodes another thing, or gone."""
    tree = yaml.safe_load(whole)
    places = list(_places(tree))
    change = st.tuples(st.sampled_from(places), st.sampled_from((*ATOMS, ...)))

    def made(changes: list[tuple[tuple[Any, ...], Any]]) -> bytes:
        found = json.loads(json.dumps(tree))
        for place, new in changes:
            found = _replaced(found, place, new)
        return _written(found, whole)

    return st.builds(made, st.lists(change, min_size=1, max_size=2))


def every_exchange(whole: bytes, most: int | None, begin: int) -> Iterator[bytes]:
    """One node at a time: each, or about ``most`` of them, spread over the tree, the first as ``begin`` says."""
    tree = yaml.safe_load(whole)
    places = list(_places(tree))
    step = max(1, len(places) // most) if most else 1
    for place in places[begin % step :: step]:
        for new in (*ATOMS, ...):
            yield _written(_replaced(json.loads(json.dumps(tree)), place, new), whole)


def _written(tree: Any, like: bytes) -> bytes:
    as_json = like.lstrip().startswith(b"{")
    text = json.dumps(tree, separators=(",", ":"), sort_keys=True) if as_json else yaml.safe_dump(tree)
    return text.encode("utf-8", "surrogatepass")


def _places(node: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    inner = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from _places(value, (*here, key))


def _replaced(node: Any, place: tuple[Any, ...], new: Any) -> Any:
    """``...`` takes the node away. What is put in may be changed by the next exchange, so it is a copy."""
    if not place:
        return None if new is ... else deepcopy(new)
    first, *rest = place
    there = isinstance(node, dict) and first in node
    there = there or (isinstance(node, list) and isinstance(first, int) and first < len(node))
    if not there:
        return node
    if not rest and new is ...:
        del node[first]
    else:
        node[first] = _replaced(node[first], tuple(rest), new)
    return node
