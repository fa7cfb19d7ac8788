"""What never becomes a secret of the catalog: the keys under the root, and each key that opens the repository (S1)."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.root.carried_keys import Texts, names_in, public_names, views
from bootstrap.adapters.root.opening_keys import opens
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import IntentRepository, Opened, RootKey

_NAMED = re.compile(rb"\bage1[0-9a-z+.-]{20,}|\bssh-(?:ed25519|rsa) [A-Za-z0-9+/]+=*|\b[0-9A-Fa-f]{40,64}\b")
_KEY = re.compile(rb"PRIVATE KEY|AGE-SECRET-KEY", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KeptBack:
    """``names`` are public halves of the keys, ``material`` the opened root material; ``raw`` are ciphertexts that do
    not name whom they are for, so that a key is tried on them."""

    names: frozenset[str]
    material: Texts
    raw: tuple[bytes, ...] = ()

    def judge(self, where: str, opened: Opened, hint: str = "remove the file and its entry") -> None:
        """DefinitionError E_ROOT_SOURCE for a file, or an object, that carries one of the keys. All of it is looked
        through, so that how long it takes does not tell where the key is."""
        found = False
        for value in leaves(opened):
            seen = tuple(views(value.reveal()))
            found |= bool(names_in(seen) & self.names)
            found |= self.material.carried(seen)
            for view in filter(_KEY.search, seen):
                found |= opens(Sensitive(view, "value"), self.raw)
        if found:
            raise DefinitionError(
                f"{where} carries a key under the root, or one that opens this repository: it would be"
                " handed to Vault and to its consumers",
                code="E_ROOT_SOURCE",
                where=where,
                hint=f"{hint}: such a key stays with its holder",
            )


def kept_back(repository: IntentRepository, root: RootKey, material: Sequence[Opened]) -> KeptBack:
    """``material`` is all of ``encrypted/root-material/``, opened."""
    values = tuple(leaf for opened in material for leaf in leaves(opened))
    keys = (name for value in values for name in public_names(value))
    raw = (
        repository.read(p)
        for p in repository.paths()
        if p.startswith(layout.ENCRYPTED) and p.endswith(".age")
    )
    names = frozenset((*root.recipients, *_openers(repository), *keys))
    return KeptBack(names, Texts(values), tuple(raw))


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
