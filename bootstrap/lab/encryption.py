"""Files of a lab that hold keys."""

import os
import subprocess
from pathlib import Path

from bootstrap.lab.resources import folder


def encryption_at_rest(path: Path) -> None:
    """By the script that hosts get: its key is in the file and nowhere else. A file that is there stays."""
    script = folder("playbooks") / "roles" / "control_plane" / "files" / "encryption-at-rest.sh"
    subprocess.run(["/bin/sh", str(script), str(path)], stdin=subprocess.DEVNULL, check=True)  # noqa: S603 - fixed


def private(path: Path, content: bytes) -> None:
    """A file that only its owner reads; a reader sees the old one or the new one."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    part.rename(path)
