"""This machine's iptables and all that it loads, for an image that has nothing else: kube-proxy calls it."""

import hashlib
import shutil
import subprocess
from functools import cache as once
from pathlib import Path

_PROGRAM = Path("/usr/sbin/xtables-nft-multi")  # one binary, which does what its name of the moment says
_NAMES = tuple(
    f"{family}{action}" for family in ("iptables", "ip6tables") for action in ("", "-save", "-restore")
)


def copy(root: Path) -> None:
    """Put them below ``root``, where the image's dynamic linker looks for them."""
    for file in _files():
        target = root / file.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    for name in _NAMES:
        (root / "usr/sbin" / name).symlink_to(_PROGRAM.name)
    (root / "run").mkdir(exist_ok=True)  # for its lock


@once
def digest() -> str:
    """Changes when any of these files does."""
    digest = hashlib.sha256()
    for file in _files():
        digest.update(hashlib.sha256(str(file).encode() + file.read_bytes()).digest())
    return digest.hexdigest()


@once
def _files() -> tuple[Path, ...]:
    extensions = [path for folder in Path("/usr/lib").glob("*/xtables") for path in folder.glob("*.so")]
    programs = [_PROGRAM, *extensions]
    known = [Path(f"/etc/{name}") for name in ("protocols", "services")]
    return tuple(sorted({*programs, *_libraries(programs), *(path for path in known if path.is_file())}))


def _libraries(programs: list[Path]) -> set[Path]:
    listed = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        ["/usr/bin/ldd", *map(str, programs)], capture_output=True, text=True, check=False
    )
    words = (word for line in listed.stdout.splitlines() for word in line.split())
    return {Path(word) for word in words if word.startswith("/") and ".so" in word and not word.endswith(":")}
