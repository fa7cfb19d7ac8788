"""Texts that stand for a value and are none: what a template, Flux or another tool would put something in for.

Flux: ``${VAR}``, ``${VAR:=else}``, ``${VAR:-else}`` (fluxcd.io/flux/components/kustomize/kustomizations, post build
variable substitution); ``$${`` is a ``${`` that stays.
"""

import re
from collections.abc import Mapping

from bootstrap.model.sensitive import Sensitive

_VARIABLE = re.compile(r"\$(\$)?\{([_A-Za-z][_A-Za-z0-9]*)(?::?[-=]([^{}]*))?\}")
_ANY = re.compile(r"(?<!\$)\$\{[^}]*\}")
_MASKS = re.compile(rb"\*{2,3}SOPS\*{2,3}\s*")  # what `flux build` and `flux diff` print for a sealed value
_PLUGIN = re.compile(rb"<(?:path:)?[A-Za-z0-9/_. -]+(?:#[^<>]*)?(?:\s*\|[^<>]*)?>")
_TEMPLATE = re.compile(rb"\{\{[^\n]*\}\}|\{%[^\n]*%\}|<%[^\n]*%>")
_TO_BE_FILLED = re.compile(
    rb"(?i)\s*(?:change[-_ ]?me|replace[-_ ]?me|fill[-_ ]?in|to[-_ ]?do|tbd|placeholder|dummy|example|x{3,}|\.{3,}|"
    rb"your[-_ ][a-z0-9_ -]+|redacted|secret[-_ ]?here)[.!]*\s*"
)


def stands_for(value: Sensitive, *, in_text: bool, in_clear: bool = False) -> str:
    """What a value is instead of a value; empty for a value.

    ``in_text``: it stands in a file as it is, where templates and variables count; base64 hides both from the tools.
    ``in_clear``: it was never sealed, so that a word to be replaced is none either.
    """
    data = value.reveal()
    if _MASKS.fullmatch(data):
        return "the mask that `flux build` prints"
    if in_clear and (_TO_BE_FILLED.fullmatch(data) or _PLUGIN.fullmatch(data)):
        return "a word that is to be replaced"
    if not in_text:
        return ""
    one_line = (
        b"\n" not in data.strip()
    )  # a longer text may be a template itself: that of an alert, of a page
    return "a template" if one_line and _TEMPLATE.search(data) else ""


def variables(value: Sensitive) -> tuple[str, ...]:
    """The variables of Flux in a value, in order; one that is written in a way that is not read here as it stands."""
    try:
        text = value.reveal().decode()
    except UnicodeDecodeError:
        return ()
    read = {found.start(): found[2] for found in _VARIABLE.finditer(text) if not found[1]}
    return tuple(dict.fromkeys(read.get(found.start(), found[0]) for found in _ANY.finditer(text)))


def substituted(value: Sensitive, given: Mapping[str, Sensitive]) -> tuple[Sensitive, tuple[str, ...]]:
    """The value that Flux applies, and the variables that are not given."""
    lacking = [name for name in variables(value) if not re.fullmatch(r"\w+", name)]
    if not value.is_utf8():
        return value, tuple(lacking)

    def one(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        if found[2] in given:
            return given[found[2]].reveal().decode()
        if found[3] is None:
            lacking.append(found[2])
        return found[3] or ""

    text = _VARIABLE.sub(one, value.reveal().decode())
    return Sensitive(text.encode(), "substituted"), tuple(dict.fromkeys(lacking))


def shown(value: Sensitive) -> str:
    """A name of Kubernetes that was filled in: no secret, whatever file it came from."""
    return value.reveal().decode()
