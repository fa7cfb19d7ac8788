"""Who can open an encrypted file, as far as the file itself says; no key is needed (S1, S3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bootstrap.adapters.age import root as age
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp import message as openpgp_message
from bootstrap.adapters.sops.data_key import CLOUD, KINDS, given, text_of
from bootstrap.adapters.sops.nodes import Node
from bootstrap.adapters.sops.reader import parsed
from bootstrap.intent.encryption_forms import form_of, is_age, is_raw
from bootstrap.model import layout
from bootstrap.ports import IntentRepository

_GREASE = "-grease"  # stanzas that age writes for no recipient, so that readers learn to skip them


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """``named`` are age recipients, key ids or fingerprints of OpenPGP (upper case hex), kinds of cloud keys;
    ``anonymous`` counts recipients that the file does not name (an X25519 stanza of age holds no name)."""

    named: tuple[str, ...] = ()
    anonymous: int = 0


def readers_of(path: str, content: bytes) -> Readers:
    """Raises DefinitionError E_CT_*, E_SOPS_FORM and those of the parsers for a file that cannot be read."""
    if is_raw(path):
        if is_age(content):
            kinds = age.stanzas(age.normalised(content, path), path)
            return Readers(anonymous=sum(not kind.endswith(_GREASE) for kind in kinds))
        return Readers(named=openpgp_message.recipients_of(content.lstrip(), path))
    return readers_in(parsed(content, path, form_of(path)).metadata)


def readers_in(metadata: Mapping[str, Node]) -> Readers:
    """Of a SOPS file, by its metadata."""
    groups = [metadata, *_items(metadata.get("key_groups"))]
    named = [text_of(e, name) for g in groups for kind, name in KINDS for e in _items(g.get(kind))]
    held = [kind for kind in (*CLOUD, "hc_vault") if any(given(group, kind) for group in groups)]
    return Readers(named=(*dict.fromkeys(named), *held))


def _items(node: Node | None) -> list[Mapping[str, Node]]:
    return [item for item in node if isinstance(item, dict)] if isinstance(node, list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who may read: the holders of the root (``keys/root.*``) and the readers that ``keys/readers.txt`` adds."""

    holders: tuple[frozenset[str], ...]  # one set a holder: everything that a file may call it
    more: frozenset[str]

    def undeclared(self, readers: Readers) -> tuple[str, ...]:
        """Those that are not declared; a count where the file names none."""
        known = self.more.union(*self.holders)
        unknown = tuple(name for name in readers.named if name not in known)
        over = readers.anonymous - len(self.holders) - len(self.more)
        return (*unknown, f"{over} of its {readers.anonymous} recipients") if over > 0 else unknown

    def absent(self, readers: Readers) -> int:
        """How many holders of the root cannot open the file."""
        if readers.anonymous:
            return max(0, len(self.holders) - readers.anonymous)
        return sum(not holder & frozenset(readers.named) for holder in self.holders)


def expected_readers(repository: IntentRepository, declared: Sequence[str]) -> Expected:
    """``declared`` are the public halves of the root (``commit_files.declared_recipients``)."""
    more: list[str] = []
    if layout.READERS in repository.paths():
        lines = repository.read(layout.READERS).decode("utf-8", "replace").splitlines()
        more = [line.split()[0] for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return replace(expected_of(declared), more=frozenset(more))


def expected_of(declared: Sequence[str]) -> Expected:
    """The holders of the root alone."""
    holders = tuple(names for recipient in declared for names in _called(recipient))
    return Expected(holders=holders, more=frozenset())


def _called(recipient: str) -> list[frozenset[str]]:
    """An age recipient is called by itself; a certificate by the fingerprints and ids of its keys."""
    if not recipient.lstrip().startswith("-----BEGIN PGP"):
        return [frozenset({recipient})]
    return [openpgp.names_of(certificate) for certificate in openpgp.certificates(recipient)]
