"""Private keys that lie among values: recognised by opening with them, whatever the value is called (INV1, S1).

A Secret such as Flux's ``sops-age`` holds the key that opens the repository. Handed over to Vault it would give the
root away; so ``import`` leaves it out, and ``check`` may look for it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.local.programs import ask_never
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.ssh import key as ssh_key
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import RootKey

_AGE = re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]{50,}", re.IGNORECASE)
_PEM = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY(?: BLOCK)?)-----.*?-----END \1-----", re.DOTALL)


def opens(value: Sensitive, wrapped: Sequence[bytes]) -> bool:
    """True when a private key in ``value``, as it is or as base64, opens one of the ciphertexts ``wrapped``.

    Every key is tried on every ciphertext, so that how long it takes does not tell which one fits. A key
    behind a passphrase is not tried: it opens nothing by itself.
    """
    found = False
    for key in _keys(value):
        for ciphertext in wrapped:
            found |= _opens(key, ciphertext)
    return found


def _opens(key: RootKey, ciphertext: bytes) -> bool:
    try:
        key.unwrap(ciphertext, "what is encrypted")
    except BootstrapError:
        return False
    return True


def _keys(value: Sensitive) -> Iterator[RootKey]:
    texts = [value.reveal()]
    with suppress(ValueError):
        texts.append(value.from_base64().reveal())
    for text in texts:
        for found in (*_AGE.finditer(text), *_PEM.finditer(text)):
            try:
                yield _key(found[0].replace(b"\r\n", b"\n") + b"\n")
            except BootstrapError:
                continue  # not a whole key, one behind a passphrase, or of a kind that opens no file


def _key(text: bytes) -> RootKey:
    if text.startswith(b"-----BEGIN PGP"):
        return PgpRoot(Sensitive(text, "OpenPGP key"))
    if ssh_key.is_ssh_key(text):
        return AgeRoot([ssh_key.unlocked(text, ask_never).reveal().decode()])
    return AgeRoot([text.decode().strip().upper()])
