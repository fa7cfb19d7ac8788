"""SOPS files, read without the ``sops`` program (INV1, G5; the format of getsops/sops v3).

Values are AES-256-GCM with the path of keys as additional data; the data key is wrapped with age or
OpenPGP; a MAC over all values is always checked. Nothing is decided by how a value looks: a leaf
that the file's own rules call encrypted and that is not, is an error.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from bootstrap.adapters.sops_nodes import Node, Scalar, parse_json, parse_yaml
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened, RootKey

SUFFIX = "_unencrypted"  # what SOPS takes when a file names no rule
# Hashed first when only encrypted values count, so that the two kinds of MAC never agree: sha256("sops").
MAC_ONLY_ENCRYPTED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
CIPHERTEXT = re.compile(r"ENC\[AES256_GCM,data:([^,]*),iv:([^,]+),tag:([^,]+),type:([a-z0-9]+)\]")
CLOUD = ("kms", "gcp_kms", "azure_kv", "hckms")


@dataclass(frozen=True, slots=True)
class _Rules:
    """Which leaves are encrypted: at most one rule of a file, tried on every key of a leaf's path."""

    encrypted_when: bool
    matches: Callable[[str], bool]

    def encrypted(self, path: tuple[str, ...]) -> bool:
        return any(map(self.matches, path)) is self.encrypted_when


@dataclass(slots=True)
class _Walk:
    """One pass over a file in its order."""

    key: bytes
    rules: _Rules
    only_encrypted: bool
    what: str
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha512)
    typed: dict[str, str] = field(default_factory=dict)

    def open(self, node: Node, path: tuple[str, ...]) -> Opened | None:
        if isinstance(node, dict):
            found = {name: self.open(value, (*path, name)) for name, value in node.items()}
        elif isinstance(node, list):
            # The position in a list is not part of the path that SOPS authenticates.
            items = [item for item in node if not _is_comment(item)]
            found = {str(index): self.open(value, path) for index, value in enumerate(items)}
        else:
            return self._leaf(node, path)
        return {name: value for name, value in found.items() if value is not None}

    def _leaf(self, leaf: Scalar, path: tuple[str, ...]) -> Sensitive | None:
        if leaf.kind == "null":
            return None
        encrypted = self.rules.encrypted(path)
        plain, kind = self._decrypted(leaf, path) if encrypted else (leaf.text.encode(), "str")
        if kind == "comment":
            return None
        if kind not in ("str", "bytes"):
            self.typed[".".join(path)] = kind
        if encrypted or not self.only_encrypted:
            self.digest.update(plain)
        return Sensitive(plain, f"{self.what}#{'.'.join(path)}")

    def _decrypted(self, leaf: Scalar, path: tuple[str, ...]) -> tuple[bytes, str]:
        if leaf.kind == "str" and leaf.text == "":
            return b"", "str"
        if leaf.kind != "str" or not CIPHERTEXT.fullmatch(leaf.text):
            raise DefinitionError(
                f"{'.'.join(path)} is not encrypted, though the rules of the file say so",
                code="E_SOPS_PLAIN",
                where=f"{self.what}#{'.'.join(path)}",
                hint=f"sops encrypt --in-place {self.what}",
            )
        found = _decrypt(leaf.text, self.key, ":".join((*path, "")))
        if found is None:
            raise _mac_error(self.what, f"{'.'.join(path)} was changed, moved or renamed")
        return found


def open_sops(content: bytes, root: RootKey, what: str, *, is_json: bool = False) -> dict[str, Opened]:
    """The tree of one SOPS file. Lists become maps with the keys ``0``, ``1``...; nulls are left out.

    Raises DefinitionError E_SOPS_FORM, E_SOPS_MAC, E_SOPS_PLAIN, E_TYPE (an encrypted number, boolean or
    time) and those of ``sops_nodes``; PreconditionError E_NO_IDENTITY names the recipients that would do.
    """
    tree = parse_json(content, what) if is_json else parse_yaml(content, what)
    metadata = tree.pop("sops", None)
    if not isinstance(metadata, dict):
        raise _form(what, "it has no 'sops' part", f"sops encrypt --in-place {what}")
    key = _data_key(metadata, root, what)
    walk = _Walk(key, _rules(metadata, what), _text(metadata, "mac_only_encrypted") == "True", what)
    if walk.only_encrypted:
        walk.digest.update(MAC_ONLY_ENCRYPTED)
    opened = walk.open(tree, ())
    _check_mac(metadata, key, walk.digest.hexdigest(), what)
    if walk.typed:
        named = ", ".join(f"{path} ({kind})" for path, kind in walk.typed.items())
        raise DefinitionError(
            f"{named}: a secret is text; another type may come back changed from Vault",
            code="E_TYPE",
            where=what,
            hint=f"put the value into quotes: sops edit {what}",
        )
    assert isinstance(opened, dict)
    return opened


def is_sops(content: bytes, *, is_json: bool = False) -> bool:
    """True when the file has the metadata of SOPS at its top level. Never raises."""
    try:
        tree = parse_json(content, "") if is_json else parse_yaml(content, "")
    except BootstrapError:
        return re.search(rb'^\s*"?sops"?:', content, re.MULTILINE) is not None
    return isinstance(tree.get("sops"), dict)


def _is_comment(node: Node) -> bool:
    """SOPS keeps a comment inside a list as an item of its own. It is no part of the MAC."""
    match = CIPHERTEXT.fullmatch(node.text) if isinstance(node, Scalar) else None
    return match is not None and match[4] == "comment"


def _decrypt(text: str, key: bytes, path: str) -> tuple[bytes, str] | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    match = CIPHERTEXT.fullmatch(text)
    if match is None:
        return None
    try:
        data, iv, tag = (base64.b64decode(part, validate=True) for part in match.groups()[:3])
        return AESGCM(key).decrypt(iv, data + tag, path.encode()), match[4]
    except (InvalidTag, ValueError):
        return None


def _check_mac(metadata: Mapping[str, Node], key: bytes, digest: str, what: str) -> None:
    found = _decrypt(_text(metadata, "mac"), key, _text(metadata, "lastmodified"))
    if found is None or not hmac.compare_digest(found[0], digest.upper().encode()):
        raise _mac_error(what, "the MAC does not fit its values")


def _mac_error(what: str, why: str) -> DefinitionError:
    return DefinitionError(
        f"{what} was edited without sops: {why}",
        code="E_SOPS_MAC",
        where=what,
        hint="take it from an older commit, or encrypt it again with sops",
    )


def _form(what: str, why: str, hint: str) -> DefinitionError:
    return DefinitionError(f"{what} cannot be read: {why}", code="E_SOPS_FORM", where=what, hint=hint)


def _text(metadata: Mapping[str, Node], name: str) -> str:
    value = metadata.get(name)
    return value.text if isinstance(value, Scalar) else ""


def _rules(metadata: Mapping[str, Node], what: str) -> _Rules:
    names = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")
    given = [(name, _text(metadata, name)) for name in names if _text(metadata, name)]
    if any(_text(metadata, name) for name in ("encrypted_comment_regex", "unencrypted_comment_regex")):
        raise _form(what, "its rules look at comments", "use encrypted_regex instead")
    if len(given) > 1:
        raise _form(what, "it has more than one rule for what is encrypted", "keep one of them in .sops.yaml")
    name, rule = given[0] if given else ("unencrypted_suffix", SUFFIX)
    when = name.startswith("encrypted")
    if name.endswith("suffix"):
        return _Rules(when, lambda key: key.endswith(rule))
    if re.search(r"\(\?[=!<P]|\\[1-9]", rule):
        raise _form(
            what, f"{name} is not a Go expression", "look-around and back references are unknown there"
        )
    try:
        pattern = re.compile(rule, re.ASCII)
    except re.error:
        raise _form(what, f"{name} is not an expression that can be read", "make it simpler") from None
    return _Rules(when, lambda key: pattern.search(key) is not None)


def _data_key(metadata: Mapping[str, Node], root: RootKey, what: str) -> bytes:
    if metadata.get("key_groups"):
        raise _form(what, "its data key is split over key groups", "use one key group")
    kind, named = ("age", "recipient") if root.recipients[0].startswith("age1") else ("pgp", "fp")
    for entry in _entries(metadata, kind):
        try:
            key = root.unwrap(_text(entry, "enc").encode(), what).reveal()
        except PreconditionError:
            continue
        if len(key) != 32:
            raise _mac_error(what, "its data key is not 32 bytes")
        return key
    wanted = [_text(entry, named) for entry in _entries(metadata, kind)]
    wanted += [
        _text(entry, n) for k, n in (("age", "recipient"), ("pgp", "fp")) for entry in _entries(metadata, k)
    ]
    raise _no_identity(metadata, tuple(dict.fromkeys(wanted)), root, what)


def _entries(metadata: Mapping[str, Node], kind: str) -> Iterator[Mapping[str, Node]]:
    found = metadata.get(kind)
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, dict):
            yield entry


def _no_identity(
    metadata: Mapping[str, Node], wanted: tuple[str, ...], root: RootKey, what: str
) -> BootstrapError:
    if wanted:
        return PreconditionError(
            f"{what} is not encrypted to this root key ({', '.join(root.recipients)});"
            f" it needs the private key of {' or '.join(wanted)}",
            code="E_NO_IDENTITY",
            where=what,
            hint="give the right root key: --root file:PATH",
        )
    if metadata.get("hc_vault"):
        return _form(
            what,
            "only a Vault can open it, and here it is needed to make that Vault",
            "add the root of trust: sops rotate --in-place --add-age " + root.recipients[0],
        )
    cloud = ", ".join(name for name in CLOUD if metadata.get(name)) or "no key at all"
    return _form(
        what,
        f"its data key is held by {cloud}, and a bootstrap needs no cloud",
        "add the root of trust: sops rotate --in-place --add-age " + root.recipients[0],
    )
