"""What ``keygen`` makes: the root of trust, and the keys under it encrypted to the root (S1)."""

import os
from pathlib import Path

from bootstrap.adapters.root import derived_keys as keys
from bootstrap.adapters.root.holders import Holders, public_root, root_file
from bootstrap.adapters.root.root_key import Root, encrypt_to
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive

ROOT_FILE = "root.key"


def write_keyset(
    folder: Path, root: Root | None, holding: Holders, passphrase: Sensitive | None
) -> tuple[Path, ...]:
    """Writes ``root.key``, ``keys/`` and ``encrypted/root-material/``; never over anything that is there.
    Without a root (each holder has a key already) there is no ``root.key``.

    Raises DefinitionError E_EXISTS. The private root comes first: what follows is worth nothing without it.
    """
    unseal, unseal_public = keys.generate_unseal()
    ledger, ledger_public = keys.generate_ledger()
    ca, ca_certificate = keys.generate_ca()
    secret = {"unseal": unseal, "ledger": ledger, "vault-ca": ca, "commitment": keys.generate_commitment()}
    files = {
        **({ROOT_FILE: root_file(root, passphrase)} if root is not None else {}),
        layout.UNSEAL_CERTIFICATE: unseal_public,
        layout.LEDGER_KEY: ledger_public,
        layout.CA_CERTIFICATE: ca_certificate,
        **public_root(holding),
    }
    for name, value in secret.items():
        files[f"{layout.ROOT_MATERIAL}/{name}.{holding.suffix}"] = encrypt_to(holding.recipients, value)
    for name in files:
        if (folder / name).exists():
            raise DefinitionError(
                f"{folder / name} is there already; a root of trust is made once",
                code="E_EXISTS",
                where=str(folder / name),
                hint="give another folder with --out, or use the keys that are there: bootstrap init --keys",
            )
    return tuple(_write(folder / name, content, secret=name == ROOT_FILE) for name, content in files.items())


def _write(path: Path, content: bytes, *, secret: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if secret else 0o644)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    return path
