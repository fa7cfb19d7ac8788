"""What ``keygen`` makes: the root of trust, and the keys under it encrypted to the root (S1, DESIGN 6)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters import age, keys, openpgp
from bootstrap.adapters.age import AgeRoot
from bootstrap.adapters.openpgp import PgpRoot
from bootstrap.adapters.root import Root, encrypt_to
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive

ROOT_FILE = "root.key"
MATERIAL = "encrypted/root-material"
ROOT_USER = "bootstrap root of trust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Everybody who holds a root: their public halves (``age1...``, or armored certificates)."""

    recipients: tuple[str, ...]

    @property
    def pgp(self) -> bool:
        return self.recipients[0].lstrip().startswith("-----BEGIN PGP")

    @property
    def suffix(self) -> str:
        """Of raw encrypted files: ``age`` or ``asc``."""
        return "asc" if self.pgp else "age"

    @property
    def names(self) -> tuple[str, ...]:
        """What ``.sops.yaml`` and a reader call them: age recipients or fingerprints."""
        if not self.pgp:
            return self.recipients
        return tuple(c.fingerprint.upper() for r in self.recipients for c in openpgp.certificates(r))


def new_root(*, gpg: bool) -> Root:
    return PgpRoot(openpgp.generate(ROOT_USER)) if gpg else age.generate()


def holders(root: Root | None, others: Sequence[str]) -> Holders:
    """The root's own public half and those of other holders, checked. Raises DefinitionError E_RECIPIENT."""
    own: tuple[str, ...] = ()
    if root is not None:
        own = root.recipients if isinstance(root, AgeRoot) else (root.armored_certificate.decode(),)
    found = Holders(recipients=tuple(dict.fromkeys((*own, *others))))
    encrypt_to(found.recipients, Sensitive(b"probe", "probe"))
    return found


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
        "keys/unseal.asc": unseal_public,
        "keys/ledger.pub": ledger_public,
        "keys/vault-ca.crt": ca_certificate,
        **public_root(holding),
    }
    for name, value in secret.items():
        files[f"{MATERIAL}/{name}.{holding.suffix}"] = encrypt_to(holding.recipients, value)
    for name in files:
        if (folder / name).exists():
            raise DefinitionError(
                f"{folder / name} is there already; a root of trust is made once",
                code="E_EXISTS",
                where=str(folder / name),
                hint="give another folder with --out, or use the keys that are there: bootstrap init --keys",
            )
    return tuple(_write(folder / name, content, secret=name == ROOT_FILE) for name, content in files.items())


def root_file(root: Root, passphrase: Sensitive | None) -> bytes:
    """The content of ``root.key``: behind a passphrase, or in the clear."""
    text = root.export()
    if isinstance(root, AgeRoot):
        if passphrase is not None:
            return age.protect(text, passphrase)
        return f"# public key: {root.recipients[0]}\n".encode() + text.reveal()
    return openpgp.protect(text, passphrase) if passphrase is not None else text.reveal()


def read_holders(folder: Path) -> Holders:
    """The holders that ``folder/keys`` names. Raises DefinitionError E_KEYS."""
    for name in ("root.txt", "root.asc"):
        path = folder / "keys" / name
        if path.is_file():
            text = path.read_text()
            lines = [line.strip() for line in text.splitlines()]
            found = (
                tuple(line for line in lines if line and not line.startswith("#"))
                if name == "root.txt"
                else tuple(openpgp.armored_blocks(text))
            )
            if found:
                return Holders(recipients=found)
    raise DefinitionError(
        f"{folder} holds no keys/root.txt and no keys/root.asc",
        code="E_KEYS",
        where=str(folder),
        hint=f"bootstrap keygen --out {folder}",
    )


def public_root(holding: Holders) -> dict[str, bytes]:
    if holding.pgp:
        return {"keys/root.asc": "".join(holding.recipients).encode()}
    lines = ["# Holders of the root of trust: age public keys, one a line.", *holding.recipients, ""]
    return {"keys/root.txt": "\n".join(lines).encode()}


def _write(path: Path, content: bytes, *, secret: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if secret else 0o644)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    return path
