"""Identity files for tests, and an age plugin that is a program of its own."""

import sys
from pathlib import Path

from bootstrap.adapters.local.programs import AskPassphrase
from bootstrap.model.sensitive import Sensitive
from tests.support import age_plugin_tester

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def says(text: str) -> AskPassphrase:
    return lambda _: Sensitive(text.encode(), "passphrase")


def identity_file(folder: Path, content: bytes) -> Path:
    path = folder / "identity"
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def bech32(prefix: str, data: bytes) -> str:
    """BIP 173, without a limit of length, as age has it."""
    number = int.from_bytes(data, "big") << (-len(data) * 8 % 5)
    words = [(number >> shift) & 31 for shift in range((len(data) * 8 + 4) // 5 * 5 - 5, -1, -5)]
    total = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *words, *[0] * 6]:
        top, total = total >> 25, (total & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            total ^= generator if top >> bit & 1 else 0
    check = [((total ^ 1) >> 5 * (5 - n)) & 31 for n in range(6)]
    return prefix + "1" + "".join(CHARSET[w] for w in [*words, *check])


RECIPIENT = bech32("age1tester", b"\x01\x02\x03")
PLUGIN_FILE = f"#    Recipient: {RECIPIENT}\n{bech32('age-plugin-tester-', b'key').upper()}\n".encode()


def plugin_program(folder: Path) -> Path:
    program = folder / "plugins" / "age-plugin-tester"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(age_plugin_tester.__file__)} "$@"\n')
    program.chmod(0o755)
    return program
