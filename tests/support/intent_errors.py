"""What the loader has against the valid repository when some of its files are others."""

import re

from bootstrap.intent.findings import errors
from bootstrap.intent.load import examine
from tests.support.intent_fake import AGE, SOPS, changed


def errors_of(files: dict[str, str | bytes | None]) -> list[str]:
    """Errors of the valid repository with these files; what the catalog names is added, as ciphertext."""
    sources = {f for text in files.values() for f in re.findall(r"file: (encrypted/[a-z0-9./-]+)", str(text))}
    ciphertexts = {f: AGE + f.encode() if f.endswith(".age") else SOPS for f in sources}
    folders = {"manifests/workloads/web.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"}
    return [str(f) for f in errors(examine(changed({**files, **ciphertexts, **folders}))[1])]
