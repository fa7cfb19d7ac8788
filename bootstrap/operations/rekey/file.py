"""One encrypted file for other readers: its ciphertext kept where only the key to it changes (S1).

A SOPS file keeps its values, their MAC and its layout: only the stanzas that wrap the data key are written anew.
A raw file is sealed again as a whole. The plaintext stays in memory.
"""

from collections.abc import Sequence

from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.data_key import DataKeys, speaks_age
from bootstrap.adapters.sops.reader import Parsed, parsed, read_sops
from bootstrap.intent.encryption_forms import form_of, is_raw
from bootstrap.intent.selection import form_error
from bootstrap.model.errors import DefinitionError
from bootstrap.operations.rekey.stanzas import OLD_KEYS, stanzas, written
from bootstrap.ports import RootKey


def rekeyed(path: str, content: bytes, root: RootKey, recipients: Sequence[str]) -> bytes:
    """The file for ``recipients``. Its integrity is checked first; errors are those of opening it.

    DefinitionError E_FORM for a raw file whose name says another kind of root.
    """
    if is_raw(path):
        if path.lower().endswith(".age") is not speaks_age(recipients):
            hint = "`bootstrap keygen` makes a root of that kind with files of its own"
            raise DefinitionError("its name says another kind of root", code="E_FORM", where=path, hint=hint)
        return encrypt_to(recipients, root.unwrap(content, path))
    form, keys = form_of(path), DataKeys(root)
    read_sops(content, keys, path, form)  # a file that was changed is not trusted
    before = parsed(content, path, form)
    new = stanzas(keys.of(before.metadata, path), recipients)
    made = written(path, content.decode(), form, new).encode()
    _check_same(path, before, parsed(made, path, form))
    return made


def _check_same(path: str, before: Parsed, after: Parsed) -> None:
    """Everything but the keys is what it was; the MAC still covers it."""
    if before.documents != after.documents or _without_keys(before) != _without_keys(after):
        hint = f"sops rotate --in-place {path}, with the new recipients"
        raise form_error(path, "its layout is not the one that sops writes", hint)


def _without_keys(file: Parsed) -> dict[str, object]:
    return {name: node for name, node in file.metadata.items() if name not in OLD_KEYS}
