"""Where things lie in an intent repository; ``/``-separated paths below its root."""

from typing import Final

PLATFORM_FILE: Final = "bootstrap.yaml"
SECRETS: Final = "secrets/"
ENCRYPTED: Final = "encrypted/"
ROOT_MATERIAL: Final = "encrypted/root-material"
MANIFESTS: Final = "manifests/"
VAULT: Final = "vault/"
RECORDS: Final = "records/"
KEYS: Final = "keys/"
SOPS_RULES: Final = ".sops.yaml"

ROOT_AGE: Final = "keys/root.txt"  # recipients of the root, one a line
ROOT_PGP: Final = "keys/root.asc"  # certificates of the root
READERS: Final = "keys/readers.txt"  # who else may open encrypted files
UNSEAL_CERTIFICATE: Final = "keys/unseal.asc"
LEDGER_KEY: Final = "keys/ledger.pub"
CA_CERTIFICATE: Final = "keys/vault-ca.crt"

HEAD: Final = "head.json"  # below records/<cluster UID>/
ESCROW: Final = "escrow.json"  # the same
IMAGE_DIGESTS: Final = "images.json"  # below what `init --manifests` takes; image name to digest
NOT_ENCRYPTED: Final = (
    "README.md",
    SOPS_RULES,
    ".gitkeep",
    ".gitattributes",
    ".gitignore",
)  # below encrypted/
