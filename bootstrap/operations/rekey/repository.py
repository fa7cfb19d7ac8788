"""A whole work tree for other holders of the root: all in memory first, then every file in one go (B1, S1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.git.repository import GitRepository
from bootstrap.adapters.local.whole_files import WholeFile, write_whole
from bootstrap.adapters.sops.commit_files import declared_recipients
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError
from bootstrap.operations.rekey.file import rekeyed
from bootstrap.operations.rekey.recipients import Readers, expected_of, expected_readers, readers_of
from bootstrap.ports import RootKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeyed:
    """Path to new content; ``public`` are the files below ``keys/`` that name the new holders."""

    files: Mapping[str, bytes]
    public: Mapping[str, bytes]
    kept: tuple[str, ...]  # that were as they should be


def rekey(
    repository: GitRepository, root: RootKey, recipients: tuple[str, ...], public: Mapping[str, bytes]
) -> Rekeyed:
    """Every encrypted file of the commit for ``recipients``. DefinitionError E_REPO_DIRTY, and what opening raises.

    Nothing is written: one file that cannot be opened leaves all of them as they are.
    """
    refuse_unused_changes(repository)
    wanted = expected_of(recipients)
    same = set(recipients) == set(declared_recipients(repository))
    allowed = expected_readers(repository, recipients)
    files, kept = {}, []
    for path in encrypted_paths(repository):
        content = repository.read(path)
        readers = readers_of(path, content)
        if (
            same
            and _exactly(readers, len(recipients))
            and not allowed.undeclared(readers)
            and not wanted.absent(readers)
        ):
            kept.append(path)
        else:
            files[path] = rekeyed(path, content, root, recipients)
    return Rekeyed(files=files, public=public, kept=tuple(kept))


def refuse_unused_changes(repository: GitRepository) -> None:
    """DefinitionError E_REPO_DIRTY: what is written next would not be seen by itself."""
    if dirty := [path for path in repository.unused_changes() if not path.startswith(layout.RECORDS)]:
        raise DefinitionError(
            f"the work tree is not as in the commit: {', '.join(dirty[:5])}",
            code="E_REPO_DIRTY",
            where=dirty[0],
            hint=f"git -C {repository.location} commit or stash it: what is written must be seen by itself",
        )


def encrypted_paths(repository: GitRepository) -> tuple[str, ...]:
    found = (path for path in repository.paths() if path.startswith(layout.ENCRYPTED))
    return tuple(path for path in found if path.rsplit("/", 1)[-1] not in layout.NOT_ENCRYPTED)


def _exactly(readers: Readers, holders: int) -> bool:
    """An age file does not name its readers: as many stanzas as holders is all that can be seen."""
    return readers.anonymous in (0, holders)


def write_rekeyed(top: Path, done: Rekeyed, narrate: Callable[[str], None]) -> None:
    """Every new file durable beside its old one, then all renamed: an interruption leaves whole files only,
    and `rekey-repo` again (or ``git checkout``) ends it."""
    files = {top / path: WholeFile(content) for path, content in {**done.files, **done.public}.items()}
    write_whole(files, lambda path: narrate(path.relative_to(top).as_posix()))
