"""What the image of this program holds: Debian's Python, the program's wheel, and what it needs, with nothing beside.

No shell, no package manager: the files of Debian's packages of this Python and the libraries that it loads, as a slim
image of Debian has them, and what is installed beside the program. ``packaging/Containerfile`` makes an image of them.
Times, owners and modes are the same each time, so the same content is the same digest.
"""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache as once
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import quote

import bootstrap
from bootstrap.lab.resources import DATA, folder

PROGRAM: Final = "platform-bootstrap"
_PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Debian's own where this machine has it: what is compiled beside the program fits any of one minor version.
_PACKAGES: Final = (f"{_PYTHON}-minimal", f"lib{_PYTHON}-minimal", f"lib{_PYTHON}-stdlib")
_DEBIAN: Final = PurePath("/usr")
_PREFIX: Final = PurePath("usr")  # Python finds its library from where its program lies
_APPLICATION: Final = PurePath("opt/bootstrap")
_ENTRY: Final = "import sys\n\nfrom bootstrap.cli.entry import main\n\nsys.exit(main())\n"
_USERS: Final = "root:x:0:0::/:/sbin/nologin\nbootstrap:x:65532:65532::/:/sbin/nologin\n"
# Of Python's own library: what tests it, what draws, what installs, what another machine than this would build with.
_LEFT_OUT: Final = frozenset(
    {
        "__pycache__",
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "turtledemo",
        "ensurepip",
        "lib2to3",
        "site-packages",
        "dist-packages",
        "sitecustomize.py",
    }
)
_NOT_LOADED: Final = ("_tkinter", "_test", "_ctypes_test", "xx", "config-")
# Written by the installer about this machine, not about what it installed.
_OF_THE_INSTALLER: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


def containerfile() -> str:
    return (folder("packaging") / "Containerfile").read_text(encoding="utf-8")


def version() -> str:
    return metadata.version(PROGRAM)


def copy(root: Path) -> None:
    """All of it below ``root``, and what it is made of as ``bootstrap.cdx.json`` in the program's folder."""
    for source, target in _files():
        _put(source, root / target)
    application = root / _APPLICATION
    _write(application / "__main__.py", _ENTRY)
    _write(application / "bootstrap.cdx.json", bill_of_materials())
    _write(root / "etc/passwd", _USERS)


@once
def digest() -> str:
    """Changes with the program's own files, with the versions of what it needs, with Python, and with each package of
    this machine that is installed or brought up to date."""
    found = hashlib.sha256()
    for source, target in sorted(_own_files()):
        found.update(hashlib.sha256(str(target).encode() + source.read_bytes()).digest())
    known = Path("/var/lib/dpkg/status")
    found.update(known.read_bytes() if known.is_file() else b"")
    versions = [(name, each.version) for name, each in needed().items()]
    found.update(repr((sys.version, containerfile(), versions, _ENTRY, _USERS)).encode())
    return found.hexdigest()


# ---------------------------------------------------------------- files


def _files() -> Iterator[tuple[Path, PurePath]]:
    """Where each lies here, and in the image."""
    yield from _python()
    yield from _own_files()
    yield from _installed()
    yield from ((path, path.relative_to("/")) for path in _shared_objects())


@once
def _of_debian() -> tuple[Path, ...]:
    """What Debian's packages hold of this Python; nothing where one of them is not installed."""
    if _dpkg("--show", "--showformat", "${db:Status-Abbrev}", *_PACKAGES).split() != ["ii"] * len(_PACKAGES):
        return ()
    listed = _dpkg("--listfiles", *_PACKAGES)
    return tuple(sorted(path for path in map(Path, listed.splitlines()) if path.is_file()))


def _python() -> Iterator[tuple[Path, PurePath]]:
    """Debian's, else the one that runs: its program, then its library."""
    yield _interpreter(), _PREFIX / "bin" / "python3"
    for start, files in _libraries():
        for path in files:
            yield path, _PREFIX / "lib" / _PYTHON / path.relative_to(start)


def _interpreter() -> Path:
    debian = Path(_DEBIAN / "bin" / _PYTHON)
    return debian if debian in _of_debian() else Path(sys.executable).resolve()


def _libraries() -> Iterator[tuple[Path, Iterable[Path]]]:
    """Folder, and what of it is used."""
    if _of_debian():
        start = Path(_DEBIAN / "lib" / _PYTHON)
        yield start, [path for path in _of_debian() if start in path.parents and _is_used(path, start)]
        return
    for name in ("stdlib", "platstdlib"):
        start = Path(sysconfig.get_path(name))
        yield start, _below(start)


def _below(start: Path) -> Iterator[Path]:
    return (path for path in sorted(start.rglob("*")) if path.is_file() and _is_used(path, start))


def _is_used(path: Path, start: Path) -> bool:
    parts = path.relative_to(start).parts
    left_out = any(part in _LEFT_OUT or part.startswith(_NOT_LOADED) for part in parts)
    return not left_out and path.suffix not in (".pyc", ".a")


def _own_files() -> Iterator[tuple[Path, PurePath]]:
    """As the wheel holds them."""
    package = Path(bootstrap.__file__).resolve().parent
    for path in _below(package):
        if DATA not in path.relative_to(package).parts:
            yield path, _APPLICATION / "bootstrap" / path.relative_to(package)
    for name in ("phases", "playbooks", "testbed", "packaging"):
        start = folder(name)
        for path in _below(start):
            yield path, _APPLICATION / "bootstrap" / DATA / name / path.relative_to(start)
    yield from _about(metadata.distribution(PROGRAM))


def _installed() -> Iterator[tuple[Path, PurePath]]:
    for each in needed().values():
        yield from _about(each)
        for file in each.files or ():
            parts = PurePath(file).parts
            if ".." in parts or "__pycache__" in parts or parts[0].endswith(".dist-info"):
                continue
            yield Path(str(each.locate_file(file))), _APPLICATION / PurePath(file)


def _about(found: metadata.Distribution) -> Iterator[tuple[Path, PurePath]]:
    """Its name, version, licence and entry points, by which ``importlib.metadata`` knows it."""
    for file in found.files or ():
        parts = PurePath(file).parts
        if parts[0].endswith(".dist-info") and parts[-1] not in _OF_THE_INSTALLER:
            yield Path(str(found.locate_file(file))), _APPLICATION / PurePath(file)


@once
def needed() -> Mapping[str, metadata.Distribution]:
    """By name: what the program needs to run, and what that needs."""
    from packaging.requirements import Requirement

    found: dict[str, metadata.Distribution] = {}
    open_ = [Requirement(text) for text in metadata.requires(PROGRAM) or ()]
    while open_:
        wanted = open_.pop()
        extras = wanted.extras or {""}
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = wanted.name.lower().replace("_", "-").replace(".", "-")
        if name in found:
            continue
        found[name] = metadata.distribution(wanted.name)
        for text in found[name].requires or ():
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                open_.append(Requirement(text.partition(";")[0]))
    return dict(sorted(found.items()))


@once
def _shared_objects() -> tuple[Path, ...]:
    """What Python and the extension modules load from elsewhere on this machine."""
    inside = Path(sysconfig.get_path("purelib"))
    programs = [_interpreter()]
    programs += [path for path, _ in (*_python(), *_installed()) if ".so" in path.suffixes]
    listed = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        ["/usr/bin/ldd", *map(str, programs)], capture_output=True, text=True, check=False
    )
    words = (word for line in listed.stdout.splitlines() for word in line.split())
    found = {Path(word) for word in words if word.startswith("/") and ".so" in word and word[-1] != ":"}
    return tuple(sorted(path for path in found if inside not in path.parents))


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & 0o111 else 0o644)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(0o644)


# ---------------------------------------------------------------- what it is made of


@once
def bill_of_materials() -> str:
    """CycloneDX 1.5, JSON: each distribution, and each Debian package of Python and of a library that it loads; a
    Python that is no Debian package by its version."""
    found = [("pypi", name, each.version) for name, each in needed().items()]
    found += [(f"deb/{_vendor()}", name, tag) for name, tag in _debian_packages(_shared_objects())]
    if not _of_debian():
        found.append(("generic", "python", platform.python_version()))
    components = [
        {"type": "library", "name": name, "version": tag, "purl": f"pkg:{kind}/{name}@{quote(tag)}"}
        for kind, name, tag in found
    ]
    program = {"type": "application", "name": PROGRAM, "version": version()}
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**program, "purl": f"pkg:pypi/{PROGRAM}@{version()}"}},
        "components": sorted(components, key=lambda each: each["purl"]),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _debian_packages(files: Iterable[Path]) -> list[tuple[str, str]]:
    """Name and version of those of Python and of what owns ``files``; of a machine that is no Debian, none."""
    wanted = [str(name) for file in files for name in {file, file.resolve(), Path("/", *file.parts[2:])}]
    names = {line.partition(": ")[0].partition(",")[0] for line in _dpkg("--search", *wanted).splitlines()}
    names |= set(_PACKAGES) if _of_debian() else set()
    if not names:
        return []
    shown = _dpkg("--show", "--showformat", "${Package} ${Version}\n", *sorted(names))
    return sorted({(name, tag) for name, _, tag in (line.partition(" ") for line in shown.splitlines())})


def _dpkg(*arguments: str) -> str:
    """What it prints; a name that it does not know is none of it."""
    query = shutil.which("dpkg-query")
    if query is None:
        return ""
    return subprocess.run([query, *arguments], capture_output=True, text=True, check=False).stdout  # noqa: S603 - fixed arguments, no shell


def _vendor() -> str:
    """Whose packages they are: debian, ubuntu."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line).get("ID", "debian").strip('"')
