"""Randomness that is the same each time, for ids, nonces, tokens and generated values.

All of it comes from the system's ``urandom``, by way of ``secrets``. What libraries draw by themselves stays random:

- OpenSSL makes the keys of Vault's certificates, and signs these with ECDSA: ``roads.py`` leaves their bytes out;
- Sequoia draws a session key for each OpenPGP message: the ciphertexts that the simulated Vault gives out are taken
  from ``inputs/sealed.json``, which ``write`` completes; the escrow and the head that names it then stay the same.
"""

import base64
import hashlib
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pysequoia

SEALED = Path(__file__).with_name("inputs") / "sealed.json"


@contextmanager
def fixed(seed: str) -> Iterator[None]:
    numbers = itertools.count()

    def urandom(size: int) -> bytes:
        blocks = (hashlib.sha256(f"{seed} {next(numbers)}".encode()).digest() for _ in range(0, size, 32))
        return b"".join(blocks)[:size]

    with (
        mock.patch.object(os, "urandom", urandom),
        mock.patch.object(random, "_urandom", urandom),
        mock.patch.object(pysequoia, "encrypt", Replayed(pysequoia.encrypt)),
    ):
        yield


class Replayed:
    """``pysequoia.encrypt`` that gives the kept ciphertext of the same text for the same key, if there is one."""

    learns = False  # whether a new one is kept
    used: ClassVar[set[str]] = set()

    def __init__(self, encrypt: Callable[..., bytes]) -> None:
        self._encrypt = encrypt

    def __call__(self, text: bytes, *arguments: Any, recipients: Any = (), armor: bool = True) -> bytes:
        if arguments or armor:
            return self._encrypt(text, *arguments, recipients=recipients, armor=armor)
        whose = " ".join(each.fingerprint for each in recipients)
        name = hashlib.sha256(f"{whose} {text.hex()}".encode()).hexdigest()
        kept = json.loads(SEALED.read_text()) if SEALED.exists() else {}
        self.used.add(name)
        if name not in kept:
            assert self.learns, "a message that is not in sealed.json: the randomness before it has changed"
            sealed = bytes(self._encrypt(text, recipients=recipients, armor=False))
            kept[name] = base64.b64encode(sealed).decode()
            _keep(kept)
        return base64.b64decode(kept[name])


def _keep(sealed: dict[str, str]) -> None:
    SEALED.write_text(json.dumps(sealed, indent=1, sort_keys=True) + "\n")


def forget_unused() -> None:
    """Once every road was walked: no ciphertext is kept that none of them meets."""
    kept = json.loads(SEALED.read_text())
    _keep({name: sealed for name, sealed in kept.items() if name in Replayed.used})
