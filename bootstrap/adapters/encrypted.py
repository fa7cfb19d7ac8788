"""Everything encrypted in one commit, opened in memory and never written anywhere (B1, G5).

The form of a file is seen from its name and its first bytes; what the root of trust alone cannot open is
refused with the way out. No message holds a value.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from bootstrap.adapters import age, openpgp
from bootstrap.adapters.sops import is_sops, open_sops
from bootstrap.model.catalog import Encoding, Source
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import IntentRepository, Opened, RootKey

RAW = (".age", ".gpg", ".pgp", ".asc")
TREES = (".yaml", ".yml", ".json")


class CommitFiles:
    """``EncryptedFiles`` of one commit; each file is opened once."""

    def __init__(self, repository: IntentRepository, root: RootKey) -> None:
        self._repository = repository
        self._root = root
        self._opened: dict[str, Opened] = {}
        self._typed: dict[str, Mapping[str, str]] = {}  # by file: dotted path to a type that is not text

    def open(self, path: str) -> Opened:
        """A raw file gives its bytes, a SOPS file its tree.

        Raises DefinitionError E_FILE_MISSING, E_PLAINTEXT, E_FORM, E_CT_*, E_SOPS_*, E_TYPE;
        PreconditionError E_NO_IDENTITY.
        """
        if path not in self._opened:
            self._opened[path] = self._open(path, self._repository.read(path))
        return self._opened[path]

    def fields(self, source: Source) -> dict[str, Sensitive]:
        """The fields that ``source`` names, each as the string that Vault will hold.

        Raises, besides the errors of ``open``, DefinitionError E_SOURCE_KEY, E_EMPTY, E_BINARY, E_B64.
        """
        opened = self.open(source.file)
        if source.key is not None:
            found = _below(opened, source.key, source.file)
        else:
            found = _manifest(opened, source.file) if isinstance(opened, dict) else opened
        values = {source.field: found} if isinstance(found, Sensitive) else _flat(found, source.file)
        if not values:
            raise DefinitionError(
                f"{source.file} has no field there",
                code="E_EMPTY",
                where=_named(source.file, source.key),
                hint="sops edit " + source.file,
            )
        self._refuse_typed(source, values)
        return {
            name: vault_string(value, source.encoding, _named(source.file, source.key, name))
            for name, value in values.items()
        }

    def _refuse_typed(self, source: Source, names: Iterable[str]) -> None:
        """A number may come back changed from Vault, and ``yes`` may become ``true`` on its way (E_TYPE)."""
        typed = self._typed.get(source.file, {})
        used = {source.key or "", *(".".join(p for p in (source.key, name) if p) for name in names)}
        for path in sorted(used & typed.keys()):
            raise DefinitionError(
                f"{path} is of type {typed[path]}, and a secret is text",
                code="E_TYPE",
                where=_named(source.file, path),
                hint=f"quote it: sops edit {source.file}",
            )

    def _open(self, path: str, content: bytes) -> Opened:
        _refuse_foreign(path, content)
        suffix = "." + path.rsplit(".", 1)[-1].lower()
        if suffix in RAW:
            if not (age.is_age(content) or openpgp.is_pgp(content)) and content.strip():
                raise plaintext(path)
            return self._unwrap(path, content)
        if suffix not in TREES:
            raise DefinitionError(
                f"{path} is of a form that is not read here",
                code="E_FORM",
                where=path,
                hint="take .sops.yaml, .sops.json, .age, .gpg or .asc",
            )
        is_json = suffix == ".json"
        if not content.strip():
            raise DefinitionError(f"{path} is empty", code="E_CT_EMPTY", where=path, hint="sops edit " + path)
        if not is_sops(content, is_json=is_json):
            raise plaintext(path)
        tree, self._typed[path] = open_sops(content, self._root, path, is_json=is_json)
        return tree

    def _unwrap(self, path: str, content: bytes) -> Sensitive:
        root_is_age = self._root.recipients[0].startswith("age1")
        if content.strip() and age.is_age(content) is not root_is_age:
            form, mine = ("age", "OpenPGP") if not root_is_age else ("OpenPGP", "age")
            ids = ", ".join(
                age.stanzas(age.normalised(content, path), path)
                if form == "age"
                else openpgp.recipients_of(content.lstrip(), path)
            )
            raise DefinitionError(
                f"{path} is an {form} file (for {ids}), and the root of trust is an {mine} key",
                code="E_NO_IDENTITY",
                where=path,
                hint=f"encrypt it to {' or '.join(self._root.recipients)}",
            )
        return self._root.unwrap(content, path)


def declared_recipients(repository: IntentRepository) -> tuple[str, ...]:
    """The public halves of the root that the commit declares: age keys, or armored certificates."""
    paths = set(repository.paths())
    if "keys/root.txt" in paths:
        lines = repository.read("keys/root.txt").decode("utf-8", "replace").splitlines()
        return tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))
    if "keys/root.asc" in paths:
        return tuple(openpgp.armored_blocks(repository.read("keys/root.asc").decode("utf-8", "replace")))
    return ()


def plaintext(path: str) -> DefinitionError:
    how = "age -r RECIPIENT -o" if path.endswith(".age") else "sops encrypt --in-place"
    return DefinitionError(
        f"{path} is not encrypted; the value in it must be taken for known and be replaced",
        code="E_PLAINTEXT",
        where=path,
        hint=f"{how} {path}",
    )


def _refuse_foreign(path: str, content: bytes) -> None:
    """Forms that another secret or another cluster opens."""
    found = None
    if content.startswith(b"\0GITCRYPT\0"):
        found = "git-crypt file", "git-crypt unlock, then commit the file in SOPS form"
    elif content.startswith(b"$ANSIBLE_VAULT;"):
        found = "ansible-vault file", "ansible-vault decrypt, then sops encrypt it"
    elif re.search(rb"^kind:\s*[\"']?SealedSecret\b", content, re.MULTILINE):
        found = (
            "SealedSecret, whose key lies in the cluster that is to be made",
            "kubeseal --recovery-unseal, then sops encrypt it",
        )
    if found:
        raise DefinitionError(f"{path} is a {found[0]}", code="E_FORM", where=path, hint=found[1])


def _named(file: str, *parts: str | None) -> str:
    return "#".join((file, ".".join(part for part in parts if part))).removesuffix("#")


def _below(opened: Opened, key: str, file: str) -> Opened:
    """The part at a dotted key. A name with dots in it (``tls.key``) is found too."""
    rest = key
    while rest:
        names = [rest] + [rest[:i] for i in range(len(rest) - 1, 0, -1) if rest[i] == "."]
        name = next((n for n in names if isinstance(opened, dict) and n in opened), None)
        if name is None or not isinstance(opened, dict):
            raise DefinitionError(
                f"{file} has no key {key}",
                code="E_SOURCE_KEY",
                where=_named(file, key),
                hint="sops decrypt " + file + " shows its keys",
            )
        opened = opened[name]
        rest = rest[len(name) + 1 :]
    return opened


def _manifest(opened: dict[str, Opened], file: str) -> Opened:
    """Fields of a Kubernetes Secret: ``stringData`` and the decoded ``data``; another tree stays as it is."""
    kind = opened.get("kind")
    if not (isinstance(kind, Sensitive) and kind == Sensitive(b"Secret") and "apiVersion" in opened):
        return opened
    fields: dict[str, Opened] = {}
    for name, value in _section(opened, "data").items():
        if isinstance(value, Sensitive):
            fields[name] = _decoded(value, _named(file, "data", name))
    return fields | _section(opened, "stringData")


def _section(opened: Mapping[str, Opened], name: str) -> dict[str, Opened]:
    found = opened.get(name)
    return found if isinstance(found, dict) else {}


def _decoded(value: Sensitive, where: str) -> Sensitive:
    try:
        return Sensitive(base64.b64decode(b"".join(value.reveal().split()), validate=True), where)
    except binascii.Error:
        raise DefinitionError(
            "this part of 'data' is not base64", code="E_B64", where=where, hint="move it to stringData"
        ) from None


def _flat(found: Mapping[str, Opened], file: str) -> dict[str, Sensitive]:
    fields = {name: value for name, value in found.items() if isinstance(value, Sensitive)}
    if len(fields) != len(found):
        nested = ", ".join(name for name in found if name not in fields)
        raise DefinitionError(
            f"{nested} holds more fields; a secret is one level of them",
            code="E_SOURCE_KEY",
            where=file,
            hint="name the level with source.key",
        )
    return fields


def vault_string(value: Sensitive, encoding: Encoding, where: str) -> Sensitive:
    """The string that Vault holds for these bytes. Raises DefinitionError E_EMPTY, E_BINARY."""
    plain = value.reveal()
    if not plain:
        raise DefinitionError("an empty secret", code="E_EMPTY", where=where, hint="give it a value")
    if encoding is Encoding.BASE64:
        return Sensitive(base64.b64encode(plain), where)
    try:
        plain.decode()
    except UnicodeDecodeError:
        raise DefinitionError(
            "these bytes are not UTF-8 text",
            code="E_BINARY",
            where=where,
            hint="say source.encoding: base64 in the catalog",
        ) from None
    return value.relabel(where)
