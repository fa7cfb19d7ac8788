"""The root of trust as files: who holds it, its private half as ``root.key``, its public halves below ``keys/``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import Root, encrypt_to
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive

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
        hint="bootstrap keygen --out KEYS, outside of the repository: keys/ and encrypted/ of it go in, root.key never",
    )


def public_root(holding: Holders) -> dict[str, bytes]:
    if holding.pgp:
        return {layout.ROOT_PGP: "".join(holding.recipients).encode()}
    lines = ["# Holders of the root of trust: age public keys, one a line.", *holding.recipients, ""]
    return {layout.ROOT_AGE: "\n".join(lines).encode()}
