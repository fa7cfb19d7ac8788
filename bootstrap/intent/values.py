"""From an opened file to a secret's fields, and from a field to Vault's string (B1).

Pure: the values stay ``Sensitive``. Names of keys and fields may be shown, they are no secret. The encoding
of a source says how Vault holds its bytes (as text, or as their base64), not how the file writes it. Nothing
is decoded but the ``data`` of a Kubernetes Secret.
"""

import re
from collections.abc import Mapping

from bootstrap.intent.schema import DATA_KEY
from bootstrap.model.catalog import Encoding, Secret, Source
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened

MAX_BYTES = 512 * 1024  # of one secret in Vault: raft's own limit for one entry is 1 MiB
_MANIFEST, _LIST = Sensitive(b"Secret", "kind"), Sensitive(b"List", "kind")
_MOST_OF_A_KEY = 253  # characters
_EDIT = "`sops edit` the file, then commit it"


def secret_values(secret: Secret, opened: Opened) -> dict[str, Sensitive]:
    """Field name to the bytes that Git introduces, sorted by name.

    ``opened`` is the content of ``secret.source.file``. DefinitionError E_KEY (names the keys there are),
    E_TYPE (a mapping where a value belongs), E_NAME, E_EMPTY, E_B64, E_BINARY, E_SIZE.
    """
    source = secret.source
    assert source is not None
    fields = _fields(secret, source, opened)
    if not any(fields.values()):
        empty = f": {', '.join(sorted(fields))} is empty" if fields else ""
        raise _refusal(secret, "E_EMPTY", f"no value in {source.file}{empty}", _EDIT)
    refuse_unfit(secret, fields, _EDIT)
    return {name: fields[name].relabel(f"{secret.name}.{name}") for name in sorted(fields)}


def refuse_unfit(secret: Secret, fields: Mapping[str, Sensitive], instead: str) -> None:
    """What Vault, or Kubernetes behind it, could not hold: E_NAME, E_EMPTY, E_BINARY, E_SIZE. ``instead`` of empty
    values alone is what the hint names."""
    assert secret.source is not None
    if not any(fields.values()):
        raise _refusal(secret, "E_EMPTY", f"{', '.join(sorted(fields))} is empty", instead)
    for name, value in fields.items():
        _check(secret, secret.source, name, value)
    if Sensitive.exceed((vault_string(secret, n, v) for n, v in fields.items()), MAX_BYTES):
        hint = "keep large files out of Vault, or divide the secret"
        raise _refusal(secret, "E_SIZE", f"larger than {MAX_BYTES} bytes in Vault", hint)


def vault_string(secret: Secret, field: str, value: Sensitive) -> Sensitive:
    """What Vault stores for a field: the text, or its bytes' base64 where ``source.encoding`` says so."""
    if secret.source is not None and secret.source.encoding is Encoding.BASE64:
        return value.base64().relabel(f"{secret.name}.{field} (base64)")
    return value.relabel(f"{secret.name}.{field}")


def source_bytes(secret: Secret, field: str, held: Sensitive) -> Sensitive:
    """The bytes that stand behind what Vault holds of a field: the way back of ``vault_string``. ValueError for what is
    no base64 where it should be."""
    based = secret.source is not None and secret.source.encoding is Encoding.BASE64
    return (held.from_base64() if based else held).relabel(f"{secret.name}.{field}")


def _fields(secret: Secret, source: Source, opened: Opened) -> dict[str, Sensitive]:
    found = _at(secret, source, opened)
    if isinstance(found, Sensitive):
        return {source.field: found}
    # A key may name one document of several, or one item of a List: each of them can be a manifest.
    if found.get("kind") == _MANIFEST and (source.key is None or "apiVersion" in found):
        return _manifest(secret, found)
    listed = found.get("items")
    if found.get("kind") == _LIST and isinstance(listed, dict):
        names = ", ".join(f"{source.key}.items.{n}" if source.key else f"items.{n}" for n in listed)
        raise _refusal(
            secret, "E_KEY", f"{source.file} is a List", f"name one of it with source.key: {names}"
        )
    for name, value in found.items():
        if not isinstance(value, Sensitive):
            hint = f"name what is wanted with source.key: it holds {_names(value)}"
            raise _refusal(secret, "E_TYPE", f"key {name} of {source.file} is a mapping, not a value", hint)
    return {name: value for name, value in found.items() if isinstance(value, Sensitive)}


def _at(secret: Secret, source: Source, opened: Opened) -> Opened:
    if source.key is None:
        return opened
    if isinstance(opened, Sensitive):
        message = f"{source.file} is one value: it has no key {source.key}"
        raise _refusal(secret, "E_KEY", message, "remove source.key")
    found = _walk(opened, source.key.split("."))
    if found is None:
        message = f"{source.file} has no key {source.key}"
        raise _refusal(secret, "E_KEY", message, f"it holds {_names(opened)}")
    return found


def _walk(tree: Opened, parts: list[str]) -> Opened | None:
    """A key may hold dots itself (``stringData.tls.crt``): the longest key that is there counts."""
    if not parts:
        return tree
    if isinstance(tree, Sensitive):
        return None
    for size in range(len(parts), 0, -1):
        inner = tree.get(".".join(parts[:size]))
        if inner is not None and (found := _walk(inner, parts[size:])) is not None:
            return found
    return None


def _manifest(secret: Secret, tree: Mapping[str, Opened]) -> dict[str, Sensitive]:
    """The fields of an encrypted Kubernetes Secret; ``stringData`` wins over ``data``, as in Kubernetes."""
    fields: dict[str, Sensitive] = {}
    for part in ("data", "stringData"):
        block = tree.get(part, {})
        if isinstance(block, Sensitive):
            raise _refusal(secret, "E_TYPE", f"{part} of the manifest is not a mapping", _EDIT)
        for name, value in block.items():
            if isinstance(value, dict):
                raise _refusal(secret, "E_TYPE", f"{part}.{name} of the manifest is not a value", _EDIT)
            fields[name] = _decoded(secret, name, value) if part == "data" else value
    return fields


def _decoded(secret: Secret, name: str, value: Sensitive) -> Sensitive:
    try:
        return value.from_base64()
    except ValueError:
        raise _refusal(secret, "E_B64", f"data.{name} of the manifest is not base64", _EDIT) from None


def _check(secret: Secret, source: Source, name: str, value: Sensitive) -> None:
    if len(name) > _MOST_OF_A_KEY or not re.fullmatch(DATA_KEY, name):
        message = f"field {name!r} is no key for a Kubernetes Secret"
        raise _refusal(
            secret,
            "E_NAME",
            message,
            "letters, digits, '-', '_' and '.', at most 253, not '.', and no '..' in front",
        )
    if source.encoding is Encoding.UTF8 and not value.is_utf8():
        hint = "write source.encoding: base64"
        raise _refusal(secret, "E_BINARY", f"field {name} is not UTF-8 text", hint)


def _names(tree: Opened) -> str:
    if isinstance(tree, Sensitive):
        return "one value"
    return ", ".join(sorted(tree)) or "nothing"


def _refusal(secret: Secret, code: str, message: str, hint: str) -> DefinitionError:
    return DefinitionError(f"{secret.name}: {message}", code=code, where=secret.where, hint=hint)
