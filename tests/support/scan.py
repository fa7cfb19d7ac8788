"""Finds a value in any of the forms in which it could leak."""

import base64
import contextlib
import json
import os
import urllib.parse
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

CHUNK = 8 << 20
LONGEST = 1 << 16  # bytes of a needle that may lie across two chunks


def forms(value: bytes) -> dict[str, bytes]:
    """Name of a form to the bytes to look for."""
    found = {"raw": value, "hex": value.hex().encode(), "HEX": value.hex().upper().encode()}
    found["url"] = urllib.parse.quote_from_bytes(value, safe="").encode()
    found["form"] = urllib.parse.quote_plus(value, safe="").encode()
    with contextlib.suppress(UnicodeDecodeError):
        found["json"] = json.dumps(value.decode())[1:-1].encode()
    for shift in range(3):
        found[f"base64+{shift}"] = _base64(value, shift)
        found[f"base64url+{shift}"] = _base64(value, shift).translate(bytes.maketrans(b"+/", b"-_"))
    # Vault's string of a binary value is base64, and a Kubernetes Secret encodes that once more.
    found["base64 twice"] = _base64(base64.b64encode(value), 0)
    return found


def _base64(value: bytes, shift: int) -> bytes:
    """The characters that ``value`` alone decides when ``shift`` unknown bytes stand before it."""
    encoded = base64.b64encode(b"\0" * shift + value)
    first = -(-shift * 8 // 6)
    last = (shift + len(value)) * 8 // 6
    return encoded[first:last]


PIECE = {"raw": 12, "hex": 24, "HEX": 24}  # bytes of a piece; 16 of all others, which hold 12 of the value


def pieces(form: str, needle: bytes) -> Iterator[bytes]:
    """One after the other, from the end: whatever part of the value is twice as long as one holds one of them."""
    size = PIECE.get(form, 16)
    for end in range(len(needle), size - 1, -size):
        yield needle[end - size : end]


class Scanner:
    """``values`` is label to value; what is found is said by label and form, never by value. Those of ``whole`` are
    looked for whole only: parts of them are in every value of their kind, as the beginning of a key is."""

    def __init__(self, values: Mapping[str, bytes], whole: Collection[str] = ()) -> None:
        found = {needle: f"{label} ({form})" for label, form, needle in _every_form(values)}
        parts = {
            piece: f"a piece of {label} ({form})"
            for label, form, needle in _every_form(values)
            if label not in whole
            for piece in pieces(form, needle)
            if len({*piece}) > 4  # not a row of zeros
        }
        self._needles = [(label, needle) for needle, label in {**parts, **found}.items()]

    def find(self, data: bytes | str) -> list[str]:
        haystack = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        return [label for label, needle in self._needles if needle in haystack]

    def find_in_file(self, path: Path) -> list[str]:
        found: set[str] = set()
        before = b""
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    found.update(self.find(before + chunk))
                    before = chunk[-LONGEST:]
        except OSError:  # a socket, or gone meanwhile
            return []
        return sorted(found)

    def find_in_folders(
        self, folders: Iterable[Path], *, since: float = 0, but: Iterable[Path] = ()
    ) -> dict[str, list[str]]:
        """Path to what was found there, of the regular files that changed after ``since`` (epoch seconds)."""
        left_out = {path.resolve() for path in but}
        hits = {}
        for path in _files(folders, since, left_out):
            if found := self.find_in_file(path):
                hits[str(path)] = found
        return hits


def _every_form(values: Mapping[str, bytes]) -> Iterator[tuple[str, str, bytes]]:
    for label, value in values.items():
        yield from ((label, form, needle) for form, needle in forms(value).items())


def _files(folders: Iterable[Path], since: float, left_out: set[Path]) -> Iterator[Path]:
    for folder in folders:
        for parent, names, files in os.walk(folder):
            names[:] = [n for n in names if (Path(parent) / n).resolve() not in left_out]
            for name in files:
                path = Path(parent) / name
                try:
                    status = path.lstat()
                except OSError:
                    continue
                if (
                    path.is_file()
                    and not path.is_symlink()
                    and status.st_mtime >= since
                    and path not in left_out
                ):
                    yield path
