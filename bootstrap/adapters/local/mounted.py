"""The folder that a pod of ours is given: small files that the kubelet writes, a token among them."""

from pathlib import Path
from typing import Final

from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot_settings import unusable

MOST_BYTES: Final = 1 << 20


def content(folder: Path, name: str) -> bytes:
    """PreconditionError E_SNAPSHOT_SETTINGS."""
    try:
        with (folder / name).open("rb") as stream:
            return stream.read(MOST_BYTES)
    except OSError as error:
        raise unusable(str(folder), f"{name}: {error.strerror}") from None


def there(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Those of the files that are there."""
    return {name: content(folder, name) for name in names if (folder / name).is_file()}


def token(folder: Path, name: str) -> Sensitive:
    """Read anew each time: the kubelet renews it in place."""
    return Sensitive(content(folder, name).strip(), name)
