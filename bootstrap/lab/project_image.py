"""What the image of this program holds: the Python that runs, the program, and what it needs, with nothing beside them.

No shell, no package manager: files of this machine's Python and its libraries, and of what is installed beside the
program. ``packaging/Containerfile`` makes an image of them. Times, owners and modes are the same each time, so the
same content is the same digest.
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

import bootstrap
from bootstrap.lab.resources import DATA, folder

PROGRAM: Final = "platform-bootstrap"
_PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PREFIX: Final = PurePath("usr/local")  # Python finds its library from where its program lies
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
    yield Path(sys.executable).resolve(), _PREFIX / "bin" / "python3"
    yield from _library()
    yield from _own_files()
    yield from _installed()
    yield from ((path, path.relative_to("/")) for path in _shared_objects())


def _library() -> Iterator[tuple[Path, PurePath]]:
    for name in ("stdlib", "platstdlib"):
        start = Path(sysconfig.get_path(name))
        for path in _below(start):
            yield path, _PREFIX / "lib" / _PYTHON / path.relative_to(start)


def _below(start: Path) -> Iterator[Path]:
    for path in sorted(start.iterdir()):
        if path.name in _LEFT_OUT or path.name.startswith(_NOT_LOADED):
            continue
        if path.is_dir():
            yield from _below(path)
        elif path.suffix not in (".pyc", ".a"):
            yield path


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
    programs = [Path(sys.executable).resolve()]
    programs += [path for path, _ in (*_library(), *_installed()) if ".so" in path.suffixes]
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
    """CycloneDX 1.5, JSON: Python, each distribution, each Debian package whose library is loaded."""
    components = [
        {"type": "library", "name": name, "version": each.version, "purl": f"pkg:pypi/{name}@{each.version}"}
        for name, each in needed().items()
    ]
    python = platform.python_version()
    components.append(
        {"type": "library", "name": "python", "version": python, "purl": f"pkg:generic/python@{python}"}
    )
    components += [
        {"type": "library", "name": name, "version": tag, "purl": f"pkg:deb/debian/{name}@{tag}"}
        for name, tag in _debian_packages(_shared_objects())
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
    """Name and version; of a machine that is no Debian, none."""
    query = shutil.which("dpkg-query")
    if query is None:
        return []
    wanted = [str(name) for file in files for name in {file, file.resolve(), Path("/", *file.parts[2:])}]
    owners = subprocess.run([query, "--search", *wanted], capture_output=True, text=True, check=False).stdout  # noqa: S603 - fixed arguments, no shell
    names = {line.partition(": ")[0].partition(",")[0] for line in owners.splitlines()}
    if not names:
        return []
    shown = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [query, "--show", "--showformat", "${Package} ${Version}\n", *sorted(names)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return sorted({(name, tag) for name, _, tag in (line.partition(" ") for line in shown.splitlines())})
