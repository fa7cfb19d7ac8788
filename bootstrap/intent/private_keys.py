"""Private keys in the clear, by their form: as they are, and as base64 (what a Kubernetes Secret makes of them)."""

import base64
import re
from collections.abc import Iterator

from bootstrap.intent.findings import Finding

# What ends the first line of a key: as it is, in a block of YAML, or as JSON, a shell and a Go template write it.
_NEXT = rb"(?:\s|\\r|\\n|\\t|\\u000[aAdD9])+"
_FORMS = {
    "an age private key": re.compile(rb"AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]{50,}"),
    "an OpenPGP private key": re.compile(
        rb"-----BEGIN PGP PRIVATE KEY BLOCK-----" + _NEXT + rb"[A-Za-z0-9+/]"
    ),
    "a private key": re.compile(rb"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----" + _NEXT + rb"[A-Za-z0-9+/=]{40}"),
}
# How the base64 of "-----BEGIN" and of "AGE-SECRET-KEY-" begins; "# c" is the first line of age-keygen.
_ENCODED = re.compile(
    rb"(?:LS0tLS1CRUdJTi|QUdFLVNFQ1JFVC1LRVkt|IyBjcmVhdGVkOi|IyBwdWJsaWMga2V5Oi)[A-Za-z0-9+/\s]+={0,2}"
)
_HINT = "make a new one: this one is known to whoever has the repository (`bootstrap keygen`)"


def private_keys(path: str, data: bytes) -> Iterator[Finding]:
    """E_KEY_IN_GIT with ``path:line`` for each kind of private key that a file holds."""
    if b"\0" in data:
        data = data.replace(b"\0", b"")  # UTF-16, as shells of Windows write output
    for what, pattern in _FORMS.items():
        if found := pattern.search(data):
            yield _finding(path, data, found.start(), what)
    for block in _ENCODED.finditer(data):
        plain = _decoded(block.group())
        for what, pattern in _FORMS.items():
            if pattern.search(plain):
                yield _finding(path, data, block.start(), f"{what}, as base64,")


def _decoded(text: bytes) -> bytes:
    """As much of it as is base64: what follows on the next line may be the next key of a mapping."""
    whole = b"".join(text.rstrip(b"=").split())
    return base64.b64decode(whole[: len(whole) // 4 * 4])


def _finding(path: str, data: bytes, start: int, what: str) -> Finding:
    line = data.count(b"\n", 0, start) + 1
    message = f"{what} lies in Git in the clear"
    return Finding(id="E_KEY_IN_GIT", where=f"{path}:{line}", message=message, hint=_HINT)
