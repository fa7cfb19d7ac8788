"""An age root, its file, and people who know its passphrase or do not."""

from pathlib import Path

import pyrage

from bootstrap.model.sensitive import Sensitive

SECRET = Sensitive(b"canary-5f1c", "value")
IDENTITY = str(pyrage.x25519.Identity.generate())
PASSPHRASE = Sensitive(b"correct horse", "passphrase")


def nobody(_: str) -> None:
    return None


def right(_: str) -> Sensitive:
    return PASSPHRASE


def wrong(_: str) -> Sensitive:
    return Sensitive(b"wrong", "passphrase")


def root_file(folder: Path) -> Path:
    """Readable by its owner alone."""
    path = folder / "root.key"
    path.write_text(f"# created: today\n# public key: x\n{IDENTITY}\n")
    path.chmod(0o600)
    return path
