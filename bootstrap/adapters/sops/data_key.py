"""The data key of a SOPS file: wrapped with age or OpenPGP, whole or in parts for several key groups (INV1).

One data key is opened once in a run, however many files and values it covers.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from bootstrap.adapters.age.identity import shown
from bootstrap.adapters.local.programs import GIVE_ANOTHER
from bootstrap.adapters.sops.nodes import Node, Scalar
from bootstrap.intent.selection import form_error
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.outside import decimal
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import RootKey

CLOUD = ("kms", "gcp_kms", "azure_kv", "hckms")
KINDS = (("age", "recipient"), ("pgp", "fp"))  # and what names the recipient of an entry
LENGTH = 32  # bytes of a data key
Metadata = Mapping[str, Node]


class DataKeys:
    """The data keys that a root has opened, by the digest of their ciphertext."""

    def __init__(self, root: RootKey) -> None:
        self.root = root
        self._opened: dict[bytes, Sensitive] = {}

    def of(self, metadata: Metadata, what: str) -> Sensitive:
        """Raises PreconditionError E_NO_IDENTITY; DefinitionError E_SOPS_FORM, E_SOPS_MAC, E_CT_*."""
        single = any(given(metadata, name) for name in ("age", "pgp", "hc_vault", *CLOUD))
        groups = [metadata] if single else list(_entries(metadata, "key_groups"))
        parts = [part for group in groups if (part := self._part(group, what)) is not None]
        needed = 1 if len(groups) == 1 else _threshold(metadata, len(groups), what)
        if not groups or len(parts) < needed:
            raise self._not_ours(groups, len(parts), needed, what)
        key = parts[0] if len(groups) == 1 else combine(parts)
        if key is None or Sensitive.exceed([key], LENGTH) or not Sensitive.exceed([key], LENGTH - 1):
            raise mac_error(what, "its data key is not 32 bytes")
        return key

    def _part(self, group: Metadata, what: str) -> Sensitive | None:
        """The data key, or this group's share of it; None where nothing is for this root."""
        kind = "age" if speaks_age(self.root.recipients) else "pgp"
        for entry in _mine_first(_entries(group, kind), self.root.recipients):
            wrapped = text_of(entry, "enc").encode()
            digest = hashlib.sha256(wrapped).digest()
            try:
                if digest not in self._opened:
                    self._opened[digest] = self.root.unwrap(wrapped, what)
            except PreconditionError as error:
                if error.code != "E_NO_IDENTITY":
                    raise
                continue
            return self._opened[digest]
        return None

    def _not_ours(self, groups: Sequence[Metadata], have: int, needed: int, what: str) -> BootstrapError:
        wanted = [text_of(e, name) for g in groups for kind, name in KINDS for e in _entries(g, kind)]
        mine = ", ".join(map(shown, self.root.recipients))
        if wanted:
            of_groups = f" of {needed} key groups, it opens {have}" if len(groups) > 1 else ""
            return PreconditionError(
                f"{what} is not encrypted to this root key ({mine}){of_groups};"
                f" it needs the private key of {' or '.join(map(shown, dict.fromkeys(wanted)))}",
                code="E_NO_IDENTITY",
                where=what,
                hint=GIVE_ANOTHER,
            )
        names = [name for name in ("hc_vault", *CLOUD) if any(given(group, name) for group in groups)]
        return _held_elsewhere(names, self.root.recipients[0], what)


def speaks_age(recipients: Sequence[str]) -> bool:
    """Whether a root opens age files; else it opens OpenPGP messages."""
    return recipients[0].startswith(("age1", "ssh-"))


def combine(parts: Sequence[Sensitive]) -> Sensitive | None:
    """The secret behind Shamir parts over GF(2^8); the last byte of each is its x. None if they do not fit."""
    shares = [part.reveal() for part in parts]
    places = [share[-1] for share in shares if share]
    if len(shares) < 2 or len({len(s) for s in shares}) != 1 or len(set(places)) != len(shares):
        return None
    weights = [_weight(place, places) for place in places]
    secret = bytearray(len(shares[0]) - 1)
    for share, weight in zip(shares, weights, strict=True):
        for index in range(len(secret)):
            secret[index] ^= _product(share[index], weight)
    return Sensitive(bytes(secret), "data key")


def _weight(place: int, places: Sequence[int]) -> int:
    """Lagrange's basis polynomial of one place, at x = 0."""
    weight = 1
    for other in places:
        if other != place:
            weight = _product(weight, _product(other, _inverse(place ^ other)))
    return weight


def _product(a: int, b: int) -> int:
    """In the field of AES, modulo x^8 + x^4 + x^3 + x + 1."""
    found = 0
    for _ in range(8):
        found ^= a * (b & 1)
        a, b = (a << 1) ^ (0x11B * (a >> 7)), b >> 1
    return found


def _inverse(a: int) -> int:
    """a^254: the group of the field has 255 elements."""
    found = 1
    for _ in range(254):
        found = _product(found, a)
    return found


def _threshold(metadata: Metadata, groups: int, what: str) -> int:
    text = text_of(metadata, "shamir_threshold")
    threshold = decimal(text or "0")
    if threshold is None:
        raise form_error(what, "its shamir_threshold is no number", "edit it with sops")
    # Without a threshold every group is needed.
    return threshold or groups


def _mine_first(entries: Iterator[Metadata], recipients: Sequence[str]) -> list[Metadata]:
    """Those that name this root before those that do not: a device is asked no more often than it must be."""

    def foreign(entry: Metadata) -> bool:
        return not any(text_of(entry, name) in recipients for _, name in KINDS)

    return sorted(entries, key=foreign)


def _entries(metadata: Metadata, kind: str) -> Iterator[Metadata]:
    found = metadata.get(kind)
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, dict):
            yield entry


def given(metadata: Metadata, name: str) -> bool:
    """Whether a part of the metadata says anything: an older SOPS wrote ``hc_vault: null``, a newer one ``[]``."""
    found = metadata.get(name)
    return bool(found.text if isinstance(found, Scalar) else found)


def text_of(metadata: Metadata, name: str) -> str:
    value = metadata.get(name)
    return value.text if isinstance(value, Scalar) else ""


def _held_elsewhere(names: Sequence[str], recipient: str, what: str) -> DefinitionError:
    flag = "--add-age" if speaks_age([recipient]) else "--add-pgp"
    hint = f"add the root of trust: sops rotate --in-place {flag} {recipient}"
    if "hc_vault" in names:
        return form_error(what, "only a Vault can open it, and here it is needed to make that Vault", hint)
    held = ", ".join(names) or "no key at all"
    return form_error(what, f"its data key is held by {held}, and a bootstrap needs no cloud", hint)


def mac_error(what: str, why: str) -> DefinitionError:
    return DefinitionError(
        f"{what} was edited without sops: {why}",
        code="E_SOPS_MAC",
        where=what,
        hint="take it from an older commit, or encrypt it again with sops",
    )


def wrapped_keys(metadata: Metadata) -> Iterator[tuple[str, bytes]]:
    """Each recipient that a file names, with its data key (or its share of one) wrapped for that recipient."""
    for group in (metadata, *_entries(metadata, "key_groups")):
        for kind, name in KINDS:
            for entry in _entries(group, kind):
                yield text_of(entry, name), text_of(entry, "enc").encode()
