"""Where the files lie that are not Python: in a wheel inside the package, in a checkout beside it."""

from pathlib import Path

import bootstrap


def folder(name: str) -> Path:
    """The folder ``playbooks`` or ``testbed``, absolute."""
    here = Path(bootstrap.__file__).resolve().parent
    packed = here / "_data" / name
    return packed if packed.is_dir() else here.parent / name
