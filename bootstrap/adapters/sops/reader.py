"""SOPS files, read without the ``sops`` program (INV1, G5; the format of getsops/sops v3).

Values are AES-256-GCM with the path of keys as additional data; the data key is wrapped with age or
OpenPGP; a MAC over all values is always checked. Nothing is decided by how a value looks: a leaf
that the file's own rules call encrypted and that is not, is an error.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.adapters.sops.data_key import DataKeys, mac_error, text_of
from bootstrap.adapters.sops.flat import parse_dotenv, parse_ini
from bootstrap.adapters.sops.nodes import Node, Scalar, parse_json, parse_yaml
from bootstrap.intent.encryption_forms import Form
from bootstrap.intent.selection import Selection, form_error, selection
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened, RootKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Hashed first when only encrypted values count, so that the two kinds of MAC never agree: sha256("sops").
MAC_ONLY_ENCRYPTED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
CIPHERTEXT = re.compile(r"ENC\[AES256_GCM,data:([^,]*),iv:([^,]+),tag:([^,]+),type:([a-z0-9]+)\]")
_TYPES = {"str", "bytes", "int", "float", "bool", "time", "comment"}
_YES = {"1", "t", "T", "TRUE", "true", "True"}  # what Go reads as true in dotenv and INI


_PARSERS: Mapping[Form, Callable[[bytes, str], dict[str, Node]]] = {
    Form.JSON: parse_json,
    Form.DOTENV: parse_dotenv,
    Form.INI: parse_ini,
    Form.BINARY: parse_json,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A SOPS file, not opened yet: its documents without their part ``sops``, and that part."""

    documents: tuple[dict[str, Node], ...]
    metadata: Mapping[str, Node]


def parsed(content: bytes, what: str, form: Form) -> Parsed:
    """Raises DefinitionError E_SOPS_FORM, and those of the parsers.

    Only YAML has several documents: one data key and one MAC cover them all, and ``sops`` writes the same
    metadata into each. It reads the first alone; one that says something else is refused here.
    """
    documents = parse_yaml(content, what) if form is Form.YAML else [_PARSERS[form](content, what)]
    parts = [document.pop("sops", None) for document in documents]
    if not isinstance(parts[0], dict):
        raise form_error(what, "it has no 'sops' part", f"sops encrypt --in-place {what}")
    if any(part != parts[0] for part in parts):
        raise form_error(what, "its documents have different parts 'sops'", f"sops rotate --in-place {what}")
    return Parsed(documents=tuple(documents), metadata=parts[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SopsFile:
    """A file whose MAC was checked. ``typed`` are the paths of sealed values that are no text, with their kind
    (int, float, bool, time); ``plain`` the paths of values that anybody reads in the file, with theirs."""

    documents: tuple[dict[str, Opened], ...]
    typed: Mapping[str, str]
    plain: Mapping[str, str]

    @property
    def tree(self) -> dict[str, Opened]:
        """The one document; several are numbered from 0, as the items of a list are."""
        first = self.documents[0]
        return first if len(self.documents) == 1 else {str(n): d for n, d in enumerate(self.documents)}


@dataclass(slots=True)
class _Walk:
    """One pass over a file in its order."""

    key: "AESGCM"
    rules: Selection
    only_encrypted: bool
    what: str
    within: str = ""  # the number of the document that is walked, where there are several
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha512)
    typed: dict[str, str] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)

    def open(self, node: Node, path: tuple[str, ...], place: tuple[str, ...] = ()) -> Opened | None:
        """``path`` is what SOPS authenticates, without positions in lists; ``place`` has them, as ``source.key``."""
        if isinstance(node, dict):
            found = {name: self.open(value, (*path, name), (*place, name)) for name, value in node.items()}
        elif isinstance(node, list):
            items = [item for item in node if not _is_comment(item)]
            found = {str(n): self.open(value, path, (*place, str(n))) for n, value in enumerate(items)}
        else:
            return self._leaf(node, path, self._name(place))
        return {name: value for name, value in found.items() if value is not None}

    def _leaf(self, leaf: Scalar, path: tuple[str, ...], name: str) -> Sensitive | None:
        if leaf.kind == "null":
            return None
        encrypted = self.rules.encrypted(path)
        plain, kind = self._decrypted(leaf, path, name) if encrypted else (leaf.text.encode(), leaf.kind)
        if kind == "comment":
            return None
        if encrypted and kind not in ("str", "bytes"):
            self.typed[name] = kind
        if not encrypted:
            self.plain[name] = kind
        if encrypted or not self.only_encrypted:
            self.digest.update(plain)
        return Sensitive(plain, f"{self.what}#{name}")

    def _name(self, place: tuple[str, ...]) -> str:
        return ".".join((self.within, *place) if self.within else place)

    def _decrypted(self, leaf: Scalar, path: tuple[str, ...], name: str) -> tuple[bytes, str]:
        if leaf.kind == "str" and leaf.text == "":
            return b"", "str"
        if leaf.kind != "str" or not CIPHERTEXT.fullmatch(leaf.text):
            raise DefinitionError(
                f"{name} is not encrypted, though the rules of the file say so",
                code="E_SOPS_PLAIN",
                where=f"{self.what}#{name}",
                hint=f"put the value back with `sops edit {self.what}`, and replace it: it was seen",
            )
        found = _decrypt(leaf.text, self.key, ":".join((*path, "")))
        if found is None:
            raise mac_error(self.what, f"{name} was changed, moved or renamed")
        return found


def open_sops(
    content: bytes, root: RootKey | DataKeys, what: str, form: Form = Form.YAML
) -> dict[str, Opened]:
    """The tree of one SOPS file. Lists become maps with the keys ``0``, ``1``...; nulls are left out.

    Raises DefinitionError E_SOPS_FORM, E_SOPS_MAC, E_SOPS_PLAIN, E_TYPE (an encrypted number, boolean or
    time) and those of the parsers; PreconditionError E_NO_IDENTITY names the recipients that would do.
    """
    found = read_sops(content, root, what, form)
    typed = {path: kind for path, kind in found.typed.items() if not _beside_values(found, path)}
    if typed:
        named = ", ".join(f"{path} ({kind})" for path, kind in typed.items())
        raise DefinitionError(
            f"{named}: a secret is text; another type may come back changed from Vault",
            code="E_TYPE",
            where=what,
            hint=f"put the value into quotes: sops edit {what}",
        )
    return found.tree


def _beside_values(found: SopsFile, path: str) -> bool:
    """True for ``immutable: true`` and its like in a Secret manifest that is encrypted whole."""
    here: Opened | None = found.tree
    for part in path.split("."):
        if not isinstance(here, dict):
            return False
        if here.get("kind") == Sensitive(b"Secret") and "apiVersion" in here:
            return part not in ("data", "stringData")
        here = here.get(part)
    return False


def read_sops(content: bytes, root: RootKey | DataKeys, what: str, form: Form = Form.YAML) -> SopsFile:
    """One SOPS file with all its types; ``DataKeys`` for many files of one run. Errors as ``open_sops``."""
    return read_parsed(parsed(content, what, form), root, what, form)


def read_parsed(file: Parsed, root: RootKey | DataKeys, what: str, form: Form) -> SopsFile:
    """The same of a file that was parsed for another reason too: that is the slow half."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    # SOPS keeps the rules of a file of any other form, and does not follow them there.
    declared = {} if form is Form.BINARY else {name: text_of(file.metadata, name) for name in file.metadata}
    rules = selection(declared, what)
    keys = root if isinstance(root, DataKeys) else DataKeys(root)
    key = AESGCM(keys.of(file.metadata, what).reveal())
    walk = _Walk(key, rules, text_of(file.metadata, "mac_only_encrypted") in _YES, what)
    if walk.only_encrypted:
        walk.digest.update(MAC_ONLY_ENCRYPTED)
    opened = []
    for number, document in enumerate(file.documents):
        walk.within = str(number) if len(file.documents) > 1 else ""
        opened.append(walk.open(document, ()))
    _check_mac(file.metadata, key, walk.digest.hexdigest(), what)
    documents = tuple(each for each in opened if isinstance(each, dict))
    return SopsFile(documents=documents, typed=walk.typed, plain=walk.plain)


def shown_text(tree: Mapping[str, Opened], name: str) -> str:
    """A field of an opened tree that is no secret (``metadata.name``, ``type``), empty where it is no text."""
    found = tree.get(name)
    return found.reveal().decode() if isinstance(found, Sensitive) else ""


def _is_comment(node: Node) -> bool:
    """SOPS keeps a comment inside a list as an item of its own. It is no part of the MAC."""
    match = CIPHERTEXT.fullmatch(node.text) if isinstance(node, Scalar) else None
    return match is not None and match[4] == "comment"


def _decrypt(text: str, key: "AESGCM", path: str) -> tuple[bytes, str] | None:
    from cryptography.exceptions import InvalidTag

    match = CIPHERTEXT.fullmatch(text)
    if match is None or match[4] not in _TYPES:
        return None
    try:
        data, iv, tag = (base64.b64decode(part, validate=True) for part in match.groups()[:3])
        return key.decrypt(iv, data + tag, path.encode()), match[4]
    except (InvalidTag, ValueError):
        return None


def _check_mac(metadata: Mapping[str, Node], key: "AESGCM", digest: str, what: str) -> None:
    found = _decrypt(text_of(metadata, "mac"), key, text_of(metadata, "lastmodified"))
    if found is None or not hmac.compare_digest(found[0], digest.upper().encode()):
        raise mac_error(what, "the MAC does not fit its values")
