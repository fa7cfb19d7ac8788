"""Which values of a SOPS file are encrypted: the file's own rule, read from its metadata alone (INV1).

At most one rule of a file, tried on every key of a value's path; positions in a list are no part of a path.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bootstrap.model.errors import DefinitionError

SUFFIX = "_unencrypted"  # what SOPS takes when a file names no rule
RULES = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")
_COMMENTS = ("encrypted_comment_regex", "unencrypted_comment_regex")
# What Python takes and Go does not, or takes for something else: such a rule is never tried.
_NOT_GO = re.compile(r"\(\?(?![:ims]*[:)])|\\[1-9Zz]|[*+?}]\+|\[\[:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """``name`` and ``text`` are the rule as the file has it."""

    name: str
    text: str
    matches: Callable[[str], bool]

    @property
    def encrypted_when(self) -> bool:
        return self.name.startswith("encrypted")

    def encrypted(self, path: Sequence[str]) -> bool:
        return any(map(self.matches, path)) is self.encrypted_when


def selection(metadata: Mapping[str, str], what: str) -> Selection:
    """The rule of one file. DefinitionError E_SOPS_FORM: about comments, more than one, or not read as Go reads it."""
    given = [(name, metadata[name]) for name in RULES if metadata.get(name)]
    if any(metadata.get(name) for name in _COMMENTS):
        raise form_error(what, "its rules look at comments", "use encrypted_regex instead")
    if len(given) > 1:
        raise form_error(
            what, "it has more than one rule for what is encrypted", "keep one of them in .sops.yaml"
        )
    name, text = given[0] if given else ("unencrypted_suffix", SUFFIX)
    if name.endswith("suffix"):
        return Selection(name=name, text=text, matches=lambda key: key.endswith(text))
    if _NOT_GO.search(text):
        raise form_error(
            what, f"{name} is not a Go expression", "look-around and back references are unknown there"
        )
    try:
        pattern = re.compile(text, re.ASCII)
    except re.error:
        raise form_error(what, f"{name} is not an expression that can be read", "make it simpler") from None
    return Selection(name=name, text=text, matches=lambda key: pattern.search(key) is not None)


def form_error(what: str, why: str, hint: str) -> DefinitionError:
    return DefinitionError(f"{what} cannot be read: {why}", code="E_SOPS_FORM", where=what, hint=hint)
