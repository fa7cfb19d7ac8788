"""One encrypted file for other readers: its ciphertext kept where only the key to it changes (S1).

A SOPS file keeps its values, their MAC and its layout: only the stanzas that wrap the data key are written anew.
A raw file is sealed again as a whole. The plaintext stays in memory.
"""

import json
import re
from collections.abc import Sequence

from bootstrap.adapters import openpgp
from bootstrap.adapters.rekey_readers import RAW, sops_metadata
from bootstrap.adapters.root import encrypt_to
from bootstrap.adapters.sops import Form, form_of, open_sops
from bootstrap.adapters.sops_keys import DataKeys, speaks_age
from bootstrap.adapters.sops_nodes import Node, parse_json, parse_yaml
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import RootKey

_SOPS = re.compile(r"^sops:[ \t]*\n(?:[ \t]+.*\n|[ \t]*\n)*", re.MULTILINE)
_OLD_KEYS = (
    "age",
    "pgp",
    "kms",
    "gcp_kms",
    "azure_kv",
    "hc_vault",
    "hckms",
    "key_groups",
    "shamir_threshold",
)


def rekeyed(path: str, content: bytes, root: RootKey, recipients: Sequence[str]) -> bytes:
    """The file for ``recipients``. Its integrity is checked first; errors are those of opening it.

    DefinitionError E_FORM for a form whose key stanzas are not written here (dotenv, INI), and for a raw file
    whose name says another kind of root.
    """
    if path.lower().endswith(RAW):
        if path.lower().endswith(".age") is not speaks_age(recipients):
            hint = "`bootstrap keygen` makes a root of that kind with files of its own"
            raise DefinitionError("its name says another kind of root", code="E_FORM", where=path, hint=hint)
        return encrypt_to(recipients, root.unwrap(content, path))
    form = form_of(path)
    if form in (Form.DOTENV, Form.INI):
        raise DefinitionError(
            f"the keys of a SOPS file of the form {form} are not written here",
            code="E_FORM",
            where=path,
            hint=f"sops rotate --in-place {path}, with the new recipients",
        )
    keys = DataKeys(root)
    open_sops(content, keys, path, form)  # nobody vouches for a file that was changed
    key = keys.of(sops_metadata(path, content), path)
    make = _yaml_with_keys if form is Form.YAML else _json_with_keys
    made = make(path, content.decode(), key, recipients).encode()
    _check_same(path, content, made, form)
    return made


def _check_same(path: str, before: bytes, after: bytes, form: Form) -> None:
    """Everything but the keys is what it was; the MAC still covers it."""
    parse = parse_yaml if form is Form.YAML else parse_json
    old, new = (_without_keys(parse(content, path)) for content in (before, after))
    if old != new:
        hint = f"sops rotate --in-place {path}, with the new recipients"
        raise DefinitionError(
            "its layout is not the one that sops writes", code="E_SOPS_FORM", where=path, hint=hint
        )


def _without_keys(tree: dict[str, Node]) -> dict[str, Node]:
    metadata = tree["sops"]
    assert isinstance(metadata, dict)
    return {**tree, "sops": {name: node for name, node in metadata.items() if name not in _OLD_KEYS}}


def _json_with_keys(_: str, text: str, key: Sensitive, recipients: Sequence[str]) -> str:
    document = json.loads(text)
    rest = {name: value for name, value in document["sops"].items() if name not in _OLD_KEYS}
    pgp = not speaks_age(recipients)
    entries = [
        {"fp" if pgp else "recipient": _name(r, pgp=pgp), "enc": encrypt_to([r], key).decode()}
        for r in recipients
    ]
    document["sops"] = {"pgp" if pgp else "age": entries, **rest}
    return json.dumps(document, indent="\t", ensure_ascii=False) + "\n"


def _name(recipient: str, *, pgp: bool) -> str:
    return openpgp.certificates(recipient)[0].fingerprint.upper() if pgp else recipient


def _yaml_with_keys(path: str, text: str, key: Sensitive, recipients: Sequence[str]) -> str:
    text = text if text.endswith("\n") else f"{text}\n"
    blocks = list(_SOPS.finditer(text))
    if len(blocks) != 1:
        hint = f"sops rotate --in-place {path}"
        raise DefinitionError(
            "its part 'sops' is not where sops writes it", code="E_SOPS_FORM", where=path, hint=hint
        )
    block = blocks[0]
    lines = [*_stanzas(key, recipients), *_others(block.group().splitlines()[1:])]
    return text[: block.start()] + "\n".join(["sops:", *lines, ""]) + text[block.end() :]


def _others(lines: list[str]) -> list[str]:
    """Every entry of the metadata but the old keys, as it was written."""
    kept: list[str] = []
    indent = len(lines[0]) - len(lines[0].lstrip())
    keep = True
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) == indent and not line.lstrip().startswith("-"):
            keep = line.split(":")[0].strip() not in _OLD_KEYS
        if keep and line.strip():
            kept.append("    " + line[indent:])
    return kept


def _stanzas(key: Sensitive, recipients: Sequence[str]) -> list[str]:
    pgp = not speaks_age(recipients)
    lines = ["    pgp:" if pgp else "    age:"]
    for recipient in recipients:
        lines.append(f"        - {'fp' if pgp else 'recipient'}: {_name(recipient, pgp=pgp)}")
        lines.append("          enc: |")
        wrapped = encrypt_to([recipient], key).decode().strip().splitlines()
        lines += [f"            {line}".rstrip() for line in wrapped]
    return lines
