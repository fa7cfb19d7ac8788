"""What snapshot files are called in a folder, and which of its files are taken for some."""

from pathlib import Path
from typing import Final

from bootstrap.model.errors import DefinitionError

ENDING: Final = ".snapshot"


def named(platform: str, environment: str, time: str) -> str:
    """Sorted by name they are sorted by time; ``time`` as in a manifest."""
    stamp = time.replace("-", "").replace(":", "")
    return "-".join(filter(None, (platform, environment, stamp))) + ENDING


def snapshots_in(folder: Path) -> tuple[Path, ...]:
    """Sorted by name. DefinitionError E_FILE_MISSING. One that is not written whole yet has another ending."""
    try:
        return tuple(sorted(p for p in folder.iterdir() if p.name.endswith(ENDING) and p.is_file()))
    except OSError as error:
        raise DefinitionError(
            f"{folder} cannot be read: {error.strerror}",
            code="E_FILE_MISSING",
            where=str(folder),
            hint="bootstrap snapshot list FOLDER",
        ) from None
