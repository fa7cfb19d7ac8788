"""Files of a lab that hold keys."""

import base64
import os
import secrets
from pathlib import Path


def encryption_at_rest() -> bytes:
    """Made here and not by a playbook: its key never leaves this process but for the file itself."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return (
        "apiVersion: apiserver.config.k8s.io/v1\n"
        "kind: EncryptionConfiguration\n"
        "resources:\n"
        "  - resources: [secrets]\n"
        "    providers:\n"
        f"      - secretbox: {{keys: [{{name: lab, secret: {key}}}]}}\n"
        "      - identity: {}\n"
    ).encode()


def private(path: Path, content: bytes) -> None:
    """A file that only its owner reads; a reader sees the old one or the new one."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    part.rename(path)
