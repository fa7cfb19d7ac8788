"""Where the files lie that are not Python: in a wheel inside the package, in a checkout beside it."""

from pathlib import Path
from typing import Final

import bootstrap

DATA: Final = "_data"  # of a wheel's package


def folder(name: str) -> Path:
    """The folder ``playbooks``, ``testbed`` or ``packaging``, absolute."""
    here = Path(bootstrap.__file__).resolve().parent
    packed = here / DATA / name
    return packed if packed.is_dir() else here.parent / name
