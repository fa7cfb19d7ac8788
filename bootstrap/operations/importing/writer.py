"""Imported entries become files: ciphertexts below ``encrypted/``, entries below ``secrets/``. None is overwritten."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from bootstrap.adapters.root.holders import Holders
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.intent.encryption_forms import is_raw
from bootstrap.intent.rules.names import PLACEHOLDER
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import Found


def write_imported(repository: Path, found: Sequence[Found], holders: Holders, name: str) -> list[Path]:
    """The files written: ciphertexts first. DefinitionError E_EXISTS before the first of them."""
    files = {f"encrypted/{_file(entry, holders)}": entry for entry in found if entry.file}
    catalog = f"secrets/{name}.yaml"
    for path in (*files, catalog):
        if (repository / path).exists():
            raise DefinitionError(
                f"{path} is there already, and is left as it is",
                code="E_EXISTS",
                where=path,
                hint="give the new entries another file with --name"
                if path == catalog
                else f"move {path} away, or leave {files[path].name} out of what is imported",
            )
    contents = {path: _content(entry, holders) for path, entry in files.items()}
    contents[catalog] = "---\n".join(entry_text(entry, holders) for entry in found).encode()
    return [_create(repository / path, content) for path, content in contents.items()]


def _file(entry: Found, holders: Holders) -> str:
    """A raw file that is sealed anew gets the ending of the root's kind."""
    if entry.copied is None and is_raw(entry.file):
        return f"{entry.file.rsplit('.', 1)[0]}.{holders.suffix}"
    return entry.file


def _content(entry: Found, holders: Holders) -> bytes:
    if entry.copied is not None:
        return entry.copied
    assert entry.tree is not None
    if is_raw(entry.file):
        value = entry.tree["value"]
        assert isinstance(value, Sensitive)
        return encrypt_to(holders.recipients, value)
    return encrypt_yaml(entry.tree, holders.recipients, encrypted_regex=entry.regex)


def entry_text(entry: Found, holders: Holders) -> str:
    """One catalog entry, with placeholders that ``check`` names until they are filled in."""
    lines = [
        "apiVersion: bootstrap/v1",
        "kind: Secret",
        f"metadata: {{name: {entry.name}}}",
        "spec:",
        "  class: runtime",
        f"  owner: {PLACEHOLDER} # the team that answers for it",
        f"  purpose: {PLACEHOLDER} # what it is for, in one line",
    ]
    if entry.file:
        source = f"file: encrypted/{_file(entry, holders)}"
        source += f", key: {json.dumps(entry.key)}" if entry.key else ""
        source += ", encoding: base64" if entry.base64 else ""
        lines += [f"  source: {{{source}}}"]
    if entry.fields:
        lines.append(f"  # fields: {', '.join(entry.fields)}")
    lines.append(f"  runtime: {{path: {json.dumps(entry.path)}}}")
    if entry.file:
        lines.append("  handover: {renew: keep} # or generate, or reissue: how the copy in Git dies")
    if entry.namespace:
        kind = f", type: {entry.type}" if entry.type != "Opaque" else ""
        lines += ["  consumers:", f"    - {{namespace: {entry.namespace}, secret: {entry.secret}{kind}}}"]
    return "\n".join([*lines, ""])


def _create(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    return path
