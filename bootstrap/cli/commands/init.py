"""``bootstrap init``: a new intent repository that ``bootstrap up`` takes as it is."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.cli.commands.keygen import (
    Gpg,
    NonInteractive,
    NoPassphrase,
    PassphraseFrom,
    Recipient,
    make_keys,
)
from bootstrap.cli.prompt import choose_passphrase
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError
from bootstrap.model.outside import json_value

if TYPE_CHECKING:
    from bootstrap.operations.init_repository import Manifests

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    keys: Annotated[Path | None, typer.Option("--keys", help="What keygen wrote (its --out).")] = None,
    manifests: Annotated[
        Path | None,
        typer.Option("--manifests", help="Folder with the operator's crds.yaml, and digests in images.json."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The platform's name; DIR's by default.")] = "",
    no_commit: Annotated[bool, typer.Option("--no-commit", help="Make no first commit.")] = False,
    gpg: Gpg = False,
    recipient: Recipient = None,
    no_passphrase: NoPassphrase = False,
    passphrase: PassphraseFrom = "",
    non_interactive: NonInteractive = False,
) -> None:
    """Scaffold an intent repository: commented, its values encrypted from the start; valid with --manifests."""
    target = folder.absolute()
    _refuse_used(target, folder)
    platform = _name(name or target.name)
    given = _given(manifests) if manifests is not None else None
    key_folder = keys.absolute() if keys is not None else target.parent
    if keys is None and _no_keys(key_folder):
        chosen = choose_passphrase(passphrase, none=no_passphrase, ask=not non_interactive)
        make_keys(key_folder, gpg=gpg, others=recipient or (), passphrase=chosen)
        terminal.err(f"made the root of trust: {key_folder / 'root.key'} (keep it offline)")
    else:
        terminal.err(f"using the keys in {key_folder}")
    _build(target, platform, key_folder, given, commit=not no_commit)
    if given is None:
        terminal.err(
            f"the operator's CRDs are missing: put its 0.19.2 bundle at"
            f" {folder}/manifests/external-secrets/crds.yaml and commit it (see README.md there)"
        )
    terminal.out(folder)
    terminal.err(f"next: bootstrap check --repo {folder}")


def _build(target: Path, platform: str, key_folder: Path, given: "Manifests | None", *, commit: bool) -> None:
    """In a folder beside the target, then moved: what is interrupted leaves no half repository there."""
    from bootstrap.adapters.git.create import create_repository
    from bootstrap.operations.init_repository import write_repository

    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        own = key_folder / "root.key"  # not there where the holders had keys already
        root_hint = os.path.relpath(own, target) if own.exists() else "PATH"
        write_repository(draft, platform, key_folder, root_hint, given)
        create_repository(draft, "Scaffold the platform's intent" if commit else "")
        draft.chmod(0o755)
        _take_place(draft, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, error.filename or str(target)) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _take_place(draft: Path, target: Path) -> None:
    """A folder that is there stays the same one: it may be the current folder (``init .``)."""
    if not target.exists():
        draft.rename(target)
        return
    taken: list[Path] = []
    try:
        for entry in sorted(draft.iterdir()):
            taken.append(entry.rename(target / entry.name))
    except BaseException:
        for entry in taken:
            entry.rename(draft / entry.name)
        raise


def _refuse_used(target: Path, shown: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DefinitionError(
            f"{shown} is there and not empty",
            code="E_EXISTS",
            where=str(shown),
            hint="give a new folder; an intent repository is scaffolded once",
        )


def _name(given: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")[:63].strip("-")
    if not name:
        raise DefinitionError(
            f"{given} gives no platform name", code="E_NAME", where="--name", hint="--name demo"
        )
    return name


def _given(manifests: Path) -> "Manifests":
    from bootstrap.operations.init_repository import Manifests

    return Manifests(_crds(manifests), _digests(manifests / layout.IMAGE_DIGESTS))


def _digests(path: Path) -> dict[str, str]:
    """Image name to digest, as a lab writes them; none where there is no such file."""
    if not path.is_file():
        return {}
    try:
        found = json_value(path.read_bytes())
    except ValueError:
        found = None
    if isinstance(found, dict) and all(_DIGEST.fullmatch(str(digest)) for digest in found.values()):
        return found
    raise DefinitionError(
        "this is not a list of images with their digests",
        code="E_IMAGES",
        where=str(path),
        hint='{"REPOSITORY:TAG": "sha256:DIGEST"}, or take the file away to name images by tag',
    )


def _crds(manifests: Path) -> Path:
    for path in (manifests / "external-secrets" / "crds.yaml", manifests / "crds.yaml"):
        if path.is_file():
            return path
    raise DefinitionError(
        f"{manifests} holds no external-secrets/crds.yaml and no crds.yaml",
        code="E_FILE_MISSING",
        where=str(manifests),
        hint="leave --manifests out; README.md of the new repository says where the CRDs come from",
    )


def _no_keys(folder: Path) -> bool:
    return not any((folder / part).exists() for part in ("root.key", "keys", layout.ROOT_MATERIAL))
