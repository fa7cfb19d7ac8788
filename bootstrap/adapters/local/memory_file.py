"""A file that no disk holds, for libraries that take a path and nothing else."""

import os


def in_memory(content: bytes, name: str) -> str:
    """The path of an anonymous file with this content; it ends with the process and no child inherits it."""
    descriptor = os.memfd_create(name)
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(content)
    return f"/proc/self/fd/{descriptor}"
