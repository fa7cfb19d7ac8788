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
_ESCAPES = re.compile(r"\\Q.*?(?:\\E|\Z)|\\(.)", re.DOTALL)


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
    matches = expression(text)
    if matches is None:
        hint = (
            "look-around and back references are unknown there; \\p{...} takes general categories and scripts"
        )
        raise form_error(what, f"{name} is not a Go expression", hint)
    return Selection(name=name, text=text, matches=matches)


def expression(text: str) -> Callable[[str], bool] | None:
    """Whether a key matches, as Go's ``regexp`` says it; None for what is no expression there.

    By RE2, whose dialect Go's is, in time that grows with the key alone: an expression of a repository can neither
    hang a run nor be taken for another one than SOPS takes it for.
    """
    import re2

    if "C" in _ESCAPES.findall(text):
        return None  # one byte: what RE2 takes beyond Go
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(_as_go_reads(text), options)
    except re2.error:
        return None
    return lambda key: pattern.search(_as_go_reads(key)) is not None


def _as_go_reads(text: str) -> str:
    """JSON can write half of a surrogate pair, which Go reads as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def form_error(what: str, why: str, hint: str) -> DefinitionError:
    return DefinitionError(f"{what} cannot be read: {why}", code="E_SOPS_FORM", where=what, hint=hint)
