"""What ``keygen`` makes: the root of trust, and the keys under it encrypted to the root (S1)."""

from pathlib import Path

from bootstrap.adapters.local.whole_files import WholeFile, write_whole
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

    All of them or none: half a root of trust would stand in the way of a whole one. DefinitionError E_EXISTS.
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
    write_whole(
        {
            folder / name: WholeFile(content, new=True, mode=0o600 if name == ROOT_FILE else 0o644)
            for name, content in files.items()
        }
    )
    return tuple(folder / name for name in files)
