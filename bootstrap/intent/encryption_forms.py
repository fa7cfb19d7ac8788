"""The form that an encrypted file has, recognised by its bytes; its name should say the same.

The one place where SOPS, age and OpenPGP are distinguished from plaintext, to check, open, import or rekey. Nothing is
opened here: what looks like a form may still be damaged. What is encrypted in another form, or under another
form's name, is no plaintext: its value need not be replaced.
"""

import base64
import re
from enum import StrEnum
from pathlib import PurePosixPath

from bootstrap.model.errors import DefinitionError
from bootstrap.model.outside import json_value

RAW = (".age", ".asc", ".gpg", ".pgp")  # one value, whatever is in it


class Form(StrEnum):
    """How a SOPS file is written; ``BINARY`` is JSON with the one key ``data``."""

    YAML = "yaml"
    JSON = "json"
    DOTENV = "dotenv"
    INI = "ini"
    BINARY = "binary"


SOPS = {".yaml": Form.YAML, ".json": Form.JSON, ".yml": Form.YAML, ".env": Form.DOTENV, ".ini": Form.INI}
_SIGNS = {
    # A line of the outermost mapping, whatever stands behind it; or that mapping as one {...}, JSON included.
    Form.YAML: re.compile(
        rb"""^["']?sops["']?\s*:|\A\s*\{(?s:.*)[{,\s]["']?sops["']?\s*:\s*\{""", re.MULTILINE
    ),
    Form.DOTENV: re.compile(rb"^sops_mac=", re.MULTILINE),
    Form.INI: re.compile(rb"^\[sops\]\s*$", re.MULTILINE),
}
_TORN = re.compile(rb'"sops"\s*:\s*\{')  # in what is no JSON any more
_AGE = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
_PGP = b"-----BEGIN PGP MESSAGE-----"
_PKESK = (0xC1, 0x84, 0x85, 0x86)  # RFC 9580 5.1: how a message to a key begins, and no UTF-8 text does
_SKESK = (0xC3, 0x8C)  # RFC 9580 5.3: one to a passphrase; its third octet is a version
_BYTES = re.compile(rb'"data"\s*:\s*"ENC\[')  # SOPS keeps bytes of any other name as JSON with one key

_ARMORS = (
    (b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"),
    (b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----"),
)
_BASE64 = re.compile(rb"\s*(?:[A-Za-z0-9+/]{4}\s*)+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*")
_MOST_MAILED = 1 << 20

# Forms that another secret or another cluster opens: what begins or marks them, what they are, the way out.
_FOREIGN = (
    (
        rb"\Aversion https://git-lfs\.github\.com/spec/",
        "a pointer of Git LFS, and the file itself is not in the commit",
        "git lfs pull, git lfs untrack '{path}', then git add and commit it",
    ),
    (rb"\A\x00GITCRYPT\x00", "a git-crypt file", "git-crypt unlock, then commit the file in SOPS form"),
    (rb"\A\$ANSIBLE_VAULT;", "an ansible-vault file", "ansible-vault decrypt, then sops encrypt it"),
    (
        rb"^kind:\s*[\"']?SealedSecret\b",
        "a SealedSecret, whose key lies in the cluster that is to be made",
        "kubeseal --recovery-unseal, then sops encrypt it",
    ),
    (
        rb"^kind:\s*[\"']?ksops\b",
        "a KSOPS generator, which holds no secret",
        "name the file below its 'files' in source.file",
    ),
)


def form_of(path: str) -> Form:
    """By the end of the name, as ``sops`` decides it."""
    return next((form for end, form in SOPS.items() if path.lower().endswith(end)), Form.BINARY)


def is_raw(path: str) -> bool:
    """True for the name of a file that is one value; else it is one of SOPS."""
    return path.lower().endswith(RAW)


def is_age(data: bytes) -> bool:
    return data.lstrip().startswith(_AGE)


def is_pgp(data: bytes) -> bool:
    """True for an OpenPGP message, armored or not; a key or a signature is none."""
    if data[:1] and data[0] in _SKESK:
        return data[2:3] in (b"\4", b"\5", b"\6")
    return data.lstrip().startswith(_PGP) or (data[:1] != b"" and data[0] in _PKESK)


def is_sops(data: bytes, form: Form = Form.YAML) -> bool:
    """True when the file has the metadata of SOPS at its top level. Never raises."""
    if b"mac" not in data and b"ENC[" not in data:
        return False  # a plain file may have a key of that name
    if form in _SIGNS:
        # Not parsed: that is the slow half of reading, and opening the file does it in any case.
        return _SIGNS[form].search(data) is not None
    try:
        found = json_value(data)
    except ValueError:
        return _TORN.search(data) is not None
    return isinstance(found, dict) and isinstance(found.get("sops"), dict)


def form_within(path: str, data: bytes) -> Form | None:
    """Of a SOPS file under whatever name: by its name where that fits, else by its bytes; None for what is none."""
    by_name = form_of(path)
    if is_sops(data, by_name):
        return by_name
    return next((form for form in (Form.JSON, Form.YAML, Form.DOTENV, Form.INI) if is_sops(data, form)), None)


def foreign(path: str, data: bytes) -> DefinitionError | None:
    """E_FORM for what is encrypted in a form that is not read here."""
    found = ((kind, hint) for mark, kind, hint in _FOREIGN if re.search(mark, data, re.MULTILINE))
    return next((_error(path, kind, hint.replace("{path}", path)) for kind, hint in found), None) or _packed(
        path, data
    )


def _packed(path: str, data: bytes) -> DefinitionError | None:
    """E_FORM for a ciphertext that was mailed or pasted: as base64, or with other lines around it."""
    if is_age(data) or is_pgp(data) or form_within(path, data) is not None:
        return None
    for begin, end in _ARMORS:
        if begin in data:
            hint = f"sed -n '/{begin.decode()}/,/{end.decode()}/p' {path} | sed 's/^> *//' > FILE, and commit that"
            return _error(path, "an armored message with other lines around it", hint)
    if len(data) > _MOST_MAILED or not _BASE64.fullmatch(data):
        return None
    inner = base64.b64decode(b"".join(data.split()))
    if is_age(inner) or is_pgp(inner):
        kind = "an age file" if is_age(inner) else "an OpenPGP message"
        return _error(path, f"the base64 of {kind}", f"base64 -d {path} > FILE, and commit that")
    return None


def misnamed(path: str, data: bytes) -> DefinitionError | None:
    """E_FORM for a ciphertext that is read here, but not under that name. None where nothing is encrypted."""
    kind, ending = _own(data)
    if not kind:
        return None
    name = PurePosixPath(path).with_suffix(ending)
    hint = f"let its name end in {ending}: git mv {path} {name}, and write that in source.file"
    return _error(path, f"{kind} under another name", hint)


def _own(data: bytes) -> tuple[str, str]:
    """What a file is, and how its name ends."""
    if is_age(data):
        return "an age file", ".age"
    if is_pgp(data):
        return "an OpenPGP message", ".asc" if data.lstrip().startswith(_PGP) else ".gpg"
    endings = (".json", ".yaml") if data.lstrip().startswith(b"{") else (".yaml", ".env", ".ini")
    ending = next((each for each in endings if b"mac" in data and is_sops(data, SOPS[each])), "")
    whole = ending == ".json" and _BYTES.search(data)
    return f"a SOPS file of the form {ending[1:]}" if ending else "", ".bin" if whole else ending


def _error(path: str, what: str, hint: str) -> DefinitionError:
    return DefinitionError(f"{path} is {what}", code="E_FORM", where=path, hint=hint)
