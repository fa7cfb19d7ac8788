"""Everything encrypted in one commit, opened in memory and never written anywhere (B1, G5).

The form of a file is seen from its name and its first bytes; what the root of trust alone cannot open is
refused with the way out. No message holds a value.
"""

from collections.abc import Mapping
from functools import cached_property

from bootstrap.adapters.age import root as age
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp import message as openpgp_message
from bootstrap.adapters.root.kept_back import KeptBack, kept_back
from bootstrap.adapters.sops.data_key import DataKeys, speaks_age
from bootstrap.adapters.sops.reader import open_sops
from bootstrap.intent.encryption_forms import (
    Form,
    foreign,
    form_of,
    is_age,
    is_pgp,
    is_raw,
    is_sops,
    misnamed,
)
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import IntentRepository, Opened, RootKey


class CommitFiles:
    """``GuardedFiles`` of one commit; each file is opened once."""

    def __init__(self, repository: IntentRepository, root: RootKey) -> None:
        self._repository = repository
        self._root = root
        self._keys = DataKeys(root)
        self._opened: dict[str, Opened] = {}

    def open(self, path: str) -> Opened:
        """A raw file gives its bytes, a SOPS file its tree.

        Raises DefinitionError E_FILE_MISSING, E_PLAINTEXT, E_FORM, E_CT_*, E_SOPS_*, E_TYPE;
        PreconditionError E_NO_IDENTITY. What is not root material is held to it: DefinitionError E_ROOT_SOURCE.
        """
        if path not in self._opened:
            opened = self._open(path, self._repository.read(path))
            if not path.startswith(f"{layout.ROOT_MATERIAL}/"):
                self._kept_back.judge(path, opened)
            self._opened[path] = opened
        return self._opened[path]

    def keep_back(self, values: Mapping[str, Sensitive], where: str, hint: str) -> None:
        """The same of values from elsewhere: DefinitionError E_ROOT_SOURCE."""
        self._kept_back.judge(where, dict(values), hint)

    @cached_property
    def _kept_back(self) -> KeptBack:
        material = [p for p in self._repository.paths() if p.startswith(f"{layout.ROOT_MATERIAL}/")]
        encrypted = [p for p in material if p.rsplit("/", 1)[-1] not in layout.NOT_ENCRYPTED]
        return kept_back(self._repository, self._root, [self.open(path) for path in encrypted])

    def _open(self, path: str, content: bytes) -> Opened:
        if error := foreign(path, content):
            raise error
        if not content.strip():
            raise DefinitionError(f"{path} is empty", code="E_CT_EMPTY", where=path, hint="sops edit " + path)
        if is_raw(path):
            if not (is_age(content) or is_pgp(content)):
                raise misnamed(path, content) or plaintext(path)
            return self._unwrap(path, content)
        form = form_of(path)
        if not is_sops(content, form):
            raise misnamed(path, content) or plaintext(path)
        tree = open_sops(content, self._keys, path, form)
        # SOPS keeps a file of any other form as JSON with one key, ``data``.
        return tree["data"] if form is Form.BINARY and set(tree) == {"data"} else tree

    def _unwrap(self, path: str, content: bytes) -> Sensitive:
        mine = "age" if speaks_age(self._root.recipients) else "OpenPGP"
        form = "age" if is_age(content) else "OpenPGP"
        if content.strip() and form != mine:
            raise PreconditionError(
                f"{path} is encrypted with {form} (to {', '.join(_recipients(path, content))}),"
                f" and the root of trust is the {mine} key {', '.join(self._root.recipients)}",
                code="E_NO_IDENTITY",
                where=path,
                hint="give the right root key with --root, or encrypt the file to this one",
            )
        return self._root.unwrap(content, path)


def _recipients(path: str, content: bytes) -> tuple[str, ...]:
    if is_age(content):
        return age.stanzas(age.normalised(content, path), path)
    return openpgp_message.recipients_of(content.lstrip(), path)


def declared_recipients(repository: IntentRepository) -> tuple[str, ...]:
    """The public halves of the root that the commit declares: age keys, or armored certificates."""
    known = {layout.ROOT_AGE, layout.ROOT_PGP}.intersection(repository.paths())
    return recipients_in({path: repository.read(path) for path in known})


def recipients_in(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The same of files by their paths in a commit."""
    if layout.ROOT_AGE in files:
        lines = files[layout.ROOT_AGE].decode("utf-8", "replace").splitlines()
        words = [line.split() for line in lines if line.strip() and not line.strip().startswith("#")]
        return tuple(" ".join(found[:2]) for found in words)  # behind an SSH key stands whose it is
    if layout.ROOT_PGP in files:
        return tuple(openpgp.armored_blocks(files[layout.ROOT_PGP].decode("utf-8", "replace")))
    return ()


def plaintext(path: str) -> DefinitionError:
    how = "age -r RECIPIENT -o" if path.endswith(".age") else "sops encrypt --in-place"
    return DefinitionError(
        f"{path} is not encrypted; the value in it must be taken for known and be replaced",
        code="E_PLAINTEXT",
        where=path,
        hint=f"{how} {path}",
    )
