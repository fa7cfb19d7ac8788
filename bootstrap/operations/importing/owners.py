"""Who answers for a file, as CODEOWNERS of GitHub and GitLab says it: the last pattern that fits counts."""

import re
from collections.abc import Sequence
from functools import cache

from bootstrap.adapters.git.tree import Files

_PLACES = ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


class Owners:
    def __init__(self, files: Files) -> None:
        place = next((each for each in _PLACES if each in files.blobs), "")
        text = files.read(place).decode("utf-8", "replace") if place else ""
        self._rules = tuple(_rules(text.splitlines()))

    def of(self, path: str) -> str:
        """The first owner of a file, as it is written there; empty where there is none."""
        found = [owner for pattern, owner in self._rules if pattern.match(path)]
        return found[-1] if found else ""


def _rules(lines: Sequence[str]) -> list[tuple[re.Pattern[str], str]]:
    found = []
    for line in lines:
        words = line.partition("#")[0].split()
        if words and not line.lstrip().startswith(("[", "^[")):
            found.append((_pattern(words[0]), words[1] if len(words) > 1 else ""))
    return found


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """As ``.gitignore`` is read: anchored where a slash stands inside, all of a folder, ``*`` within one name."""
    inner = text.rstrip("/")
    anchored = "/" in inner
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", inner.lstrip("/"))
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(signs.get(part, re.escape(part)) for part in parts)
    return re.compile(f"{'' if anchored else '(?:.*/)?'}{body}{'/.*' if text.endswith('/') else '(?:/.*)?'}$")
