"""Imported entries become files: ciphertexts below ``encrypted/``, entries below ``secrets/``.

No ciphertext is overwritten. Entries are added behind those that are there. All is written, or nothing.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bootstrap.adapters.local.whole_files import WholeFile, write_whole
from bootstrap.adapters.root.holders import Holders
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.intent.encryption_forms import is_raw
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import Found
from bootstrap.operations.importing.entry_text import entry_text

_CATALOG_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*", re.ASCII)


def write_imported(repository: Path, found: Sequence[Found], holders: Holders, name: str) -> list[Path]:
    """The files written: ciphertexts first. DefinitionError E_EXISTS, E_NAME before the first of them."""
    if not _CATALOG_NAME.fullmatch(name):
        raise DefinitionError(
            "that is no name below secrets/",
            code="E_NAME",
            where="--name",
            hint="letters, digits, dots, hyphens; parts between slashes, such as --name team/shop",
        )
    files = {f"encrypted/{_file(entry, holders)}": entry for entry in found if entry.file}
    for path in files:
        if (repository / path).exists():
            raise DefinitionError(
                f"{path} is there already, and is left as it is",
                code="E_EXISTS",
                where=path,
                hint=f"move {path} away, or leave {files[path].name} out of what is imported",
            )
    contents = {path: content_of_entry(entry, holders) for path, entry in files.items()}
    entries = "---\n".join(entry_text(entry, _file(entry, holders) if entry.file else "") for entry in found)
    catalog = repository / f"secrets/{name}.yaml"
    whole = {repository / path: WholeFile(content, new=True) for path, content in contents.items()}
    whole[catalog] = WholeFile(_behind(catalog, entries.encode()))
    write_whole(whole)
    return list(whole)


def _file(entry: Found, holders: Holders) -> str:
    """A raw file that is sealed anew gets the ending of the root's kind."""
    if entry.copied is None and is_raw(entry.file):
        return f"{entry.file.rsplit('.', 1)[0]}.{holders.suffix}"
    return entry.file


def content_of_entry(entry: Found, holders: Holders) -> bytes:
    """Its ciphertext: the one that is kept, or a new one for the holders."""
    if entry.copied is not None:
        return entry.copied
    assert entry.tree is not None
    if is_raw(entry.file):
        value = entry.tree["value"]
        assert isinstance(value, Sensitive)
        return encrypt_to(holders.recipients, value)
    return encrypt_yaml(entry.tree, holders.recipients, encrypted_regex=entry.regex)


def _behind(path: Path, entries: bytes) -> bytes:
    """What is there stays byte for byte: people have edited it."""
    if not path.exists():
        return entries
    before = path.read_bytes()
    gap = b"" if before.endswith(b"\n") or not before else b"\n"
    return before + gap + b"---\n" + entries
