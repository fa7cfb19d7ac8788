"""The form that an encrypted file has, told from its bytes; its name should say the same.

What is encrypted in another form, or under another form's name, is no plaintext: nobody has to replace its value.
"""

import re
from pathlib import PurePosixPath

from bootstrap.model.errors import DefinitionError

SOPS = {".yaml": re.compile(rb"^sops:\s*$", re.MULTILINE), ".json": re.compile(rb'"sops"\s*:\s*\{')}
SOPS[".yml"] = SOPS[".yaml"]
SOPS[".env"] = re.compile(rb"^sops_mac=", re.MULTILINE)
SOPS[".ini"] = re.compile(rb"^\[sops\]\s*$", re.MULTILINE)
RAW = (".age", ".asc", ".gpg", ".pgp")  # one value, whatever is in it
AGE = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
PGP = b"-----BEGIN PGP MESSAGE-----"
_PKESK = (0xC1, 0x84, 0x85, 0x86)  # how a binary OpenPGP message begins, and no UTF-8 text does
_BYTES = re.compile(rb'"data"\s*:\s*"ENC\[')  # SOPS keeps bytes of any other name as JSON with one key

# Forms that another secret or another cluster opens: what begins or marks them, what they are, the way out.
_FOREIGN = (
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


def foreign(path: str, data: bytes) -> DefinitionError | None:
    """E_FORM for what is encrypted in a form that is not read here."""
    found = ((kind, hint) for mark, kind, hint in _FOREIGN if re.search(mark, data, re.MULTILINE))
    return next((_error(path, kind, hint) for kind, hint in found), None)


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
    head = data.lstrip()
    if head.startswith(AGE):
        return "an age file", ".age"
    if head.startswith(PGP):
        return "an OpenPGP message", ".asc"
    if data[:1] and data[0] in _PKESK:
        return "an OpenPGP message", ".gpg"
    if b"mac" in data:  # as every file of SOPS has one
        for ending, sign in SOPS.items():
            if sign.search(data):
                whole = ending == ".json" and _BYTES.search(data)
                return f"a SOPS file of the form {ending[1:]}", ".bin" if whole else ending
    return "", ""


def _error(path: str, what: str, hint: str) -> DefinitionError:
    return DefinitionError(f"{path} is {what}", code="E_FORM", where=path, hint=hint)
