"""What never becomes a secret of the catalog: the keys under the root, and each key that opens the repository (S1)."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.root.carried_keys import carries, public_names
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import IntentRepository, Opened, RootKey

_NAMED = re.compile(rb"\bage1[0-9a-z+.-]{20,}|\bssh-(?:ed25519|rsa) [A-Za-z0-9+/]+=*|\b[0-9A-Fa-f]{40,64}\b")


@dataclass(frozen=True, slots=True)
class KeptBack:
    """``names`` are public halves of the keys, ``material`` the opened root material."""

    names: frozenset[str]
    material: tuple[Sensitive, ...]

    def judge(self, path: str, opened: Opened) -> None:
        """DefinitionError E_ROOT_SOURCE for a file that carries one of the keys."""
        for value in leaves(opened):
            if public_names(value) & self.names or any(carries(value, kept) for kept in self.material):
                raise DefinitionError(
                    f"{path} carries a key under the root, or one that opens this repository: it would be"
                    " handed to Vault and to its consumers",
                    code="E_ROOT_SOURCE",
                    where=path,
                    hint="remove the file and its entry: such a key stays with its holder",
                )


def kept_back(repository: IntentRepository, root: RootKey, material: Sequence[Opened]) -> KeptBack:
    """``material`` is all of ``encrypted/root-material/``, opened."""
    values = tuple(leaf for opened in material for leaf in leaves(opened))
    keys = (name for value in values for name in public_names(value))
    return KeptBack(frozenset((*root.recipients, *_openers(repository), *keys)), values)


def leaves(opened: Opened) -> Iterator[Sensitive]:
    if isinstance(opened, Sensitive):
        yield opened
        return
    for inner in opened.values():
        yield from leaves(inner)


def _openers(repository: IntentRepository) -> Iterator[str]:
    """Whom the commit names as one who opens: in ``keys/``, in SOPS' rules and in the files themselves."""
    for path in repository.paths():
        if path.startswith((layout.KEYS, layout.ENCRYPTED)) or path == layout.SOPS_RULES:
            data = repository.read(path)
            yield from (found.decode().strip() for found in _NAMED.findall(data))
            yield from (found.decode().upper() for found in _NAMED.findall(data))
        if path in (layout.ROOT_PGP, layout.UNSEAL_CERTIFICATE):
            with suppress(DefinitionError):  # no certificate: reported where the pair of keys is judged
                for certificate in openpgp.certificates(repository.read(path).decode("utf-8", "replace")):
                    yield from openpgp.names_of(certificate)
