"""dotenv and INI as SOPS writes them: the same tree as YAML, with the metadata in flattened keys.

A line is read the way SOPS and the INI library under it read it. Where that library would guess (quotes in
a key, a continued line, a comment behind a value) the file is refused; the MAC covers the rest.
"""

import re
from collections.abc import Iterator
from typing import Any

from bootstrap.adapters.sops.nodes import Node, Scalar
from bootstrap.model.errors import DefinitionError
from bootstrap.model.outside import decimal

PREFIX = "sops_"
MOST_STEPS = 32  # of one flattened key: sops' own have three
_STEP = re.compile(r"(__map_|__list_)")
_SECTION = re.compile(r"\[(.*)\]")


def parse_dotenv(content: bytes, what: str) -> dict[str, Node]:
    """``KEY=value`` lines. Raises DefinitionError E_DOTENV, E_DOTENV_DUP; none shows a value."""
    tree: dict[str, Node] = {}
    flat: dict[str, str] = {}
    for number, line in enumerate(_dotenv_lines(_text(content, "E_DOTENV", what)), 1):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise _refused("E_DOTENV", f"{what}:{number}", "a line without '='")
        if key in tree or key in flat:
            raise _refused("E_DOTENV_DUP", f"{what}:{number}", f"the key {key!r} is there twice")
        value = value.replace("\\n", "\n")
        if key.startswith(PREFIX):
            flat[key] = value
        else:
            tree[key] = Scalar("str", value)
    if flat:
        tree["sops"] = _unflatten({k.removeprefix(PREFIX): v for k, v in flat.items()}, "E_DOTENV", what)
    return tree


def _dotenv_lines(text: str) -> list[str]:
    """SOPS ends a line with LF, and Git may have made CRLF of it. A CR before each LF is no part of a value;
    the MAC covers the rest."""
    return text.split("\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n")


def parse_ini(content: bytes, what: str) -> dict[str, Node]:
    """Sections of ``key = value``. Raises DefinitionError E_INI, E_INI_DUP; none shows a value."""
    tree: dict[str, dict[str, Node]] = {}
    section: dict[str, Node] | None = None
    for number, line in _ini_lines(content, what):
        if found := _SECTION.fullmatch(line):
            if found[1] in tree:
                raise _refused("E_INI_DUP", f"{what}:{number}", f"the section {found[1]!r} is there twice")
            section = tree[found[1]] = {}
            continue
        if (
            section is None
        ):  # before the first section; else DEFAULT stands where it stands: the MAC has an order
            section = tree["DEFAULT"] = {}
        key, value = _ini_entry(line, f"{what}:{number}")
        if key in section:
            raise _refused("E_INI_DUP", f"{what}:{number}", f"the key {key!r} is there twice")
        section[key] = Scalar("str", value)
    whole: dict[str, Node] = {name: part for name, part in tree.items() if part}
    flat = tree.get("sops")
    if flat is not None:
        texts = {k: v.text.replace("\\n", "\n") for k, v in flat.items() if isinstance(v, Scalar)}
        whole["sops"] = _unflatten(texts, "E_INI", what)
    return whole


def _ini_lines(content: bytes, what: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_text(content, "E_INI", what).split("\n"), 1):
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            yield number, stripped


def _ini_entry(line: str, where: str) -> tuple[str, str]:
    found = re.match(r"`([^`]+)`\s*[=:](.*)|([^=:\"`\s][^=:]*)[=:](.*)", line)
    if found is None:
        raise _refused("E_INI", where, "a line that is neither a section nor a key with a value")
    key, value = (found[1] or found[3]).strip(), (found[2] if found[1] else found[4]).strip()
    for quote in ('"""', "`", '"', "'"):
        if value.startswith(quote):
            inner = value[len(quote) : -len(quote)]
            if len(value) < 2 * len(quote) or not value.endswith(quote) or quote in inner:
                raise _refused("E_INI", where, "a quoted value that does not end on its line")
            return key, inner
    if value.endswith("\\") or "#" in value or ";" in value:
        raise _refused("E_INI", where, "a value that goes on, or that a comment follows")
    return key, value


def _text(content: bytes, code: str, what: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(code, what, "it is not UTF-8 text") from None


def _unflatten(flat: dict[str, str], code: str, what: str) -> Node:
    """``age__list_0__map_enc`` and its like as lists and maps."""
    root: dict[str | int, Any] = {}
    for name, value in flat.items():
        here: Any = root
        steps = _steps(name)
        if len(steps) > MOST_STEPS:
            raise _refused(code, what, "its metadata is nested too deeply")
        for step in steps[:-1]:
            here = here.setdefault(step, {}) if isinstance(here, dict) else {}
        if not isinstance(here, dict) or steps[-1] in here:
            raise _refused(code, what, "its metadata contradicts itself")
        here[steps[-1]] = Scalar("str", value)
    try:
        return _listed(root)
    except ValueError:
        raise _refused(code, what, "its metadata contradicts itself") from None


def _steps(name: str) -> list[str | int]:
    first, *rest = _STEP.split(name)
    found: list[str | int] = [first]
    for kind, step in zip(rest[::2], rest[1::2], strict=True):
        position = decimal(step) if kind == "__list_" else None
        found.append(step if position is None else position)
    return found


def _listed(node: Any) -> Node:
    """Maps whose keys are positions become lists. ValueError where they are not 0, 1, 2..."""
    if isinstance(node, Scalar):
        return node
    positions = [key for key in node if isinstance(key, int)]
    if not positions:
        return {key: _listed(value) for key, value in node.items()}
    if sorted(node, key=str) != sorted(range(len(node)), key=str):
        raise ValueError("positions")
    return [_listed(node[position]) for position in range(len(node))]


def _refused(code: str, where: str, why: str) -> DefinitionError:
    return DefinitionError(
        f"an encrypted file that cannot be read: {why}",
        code=code,
        where=where,
        hint="sops decrypt --output-type yaml, and encrypt that",
    )
