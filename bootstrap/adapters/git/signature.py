"""Who signed a commit, or the tag that names it, judged by the pinned signers (S1, INV6).

What is signed is cut out of the object's own bytes, as ``git`` does it (gitformat-signature(5)): for a commit all
but its header ``gpgsig``, for a tag all before the signature at its end.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bootstrap.adapters.git import openpgp_signature, ssh_signature
from bootstrap.adapters.git.allowed_signers import NAMESPACE, Signers, SshSigner
from bootstrap.adapters.git.repository import Named
from bootstrap.adapters.git.stored import may_be_hash
from bootstrap.model.errors import EvidenceError

if TYPE_CHECKING:
    from dulwich.objects import Commit, Tag

BEGINS: Final = (ssh_signature.BEGIN, *openpgp_signature.BEGIN, b"-----BEGIN SIGNED MESSAGE-----")
HEADER: Final = b"gpgsig "
OTHER: Final = b"gpgsig-sha256 "  # of a twin in a repository of another format: it is not signed here
_AT: Final = re.compile(rb"^(?:committer|tagger) .*> (\d{1,11}) [+-]\d{4}$", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """``what`` is shown: "the commit 1a2b..." or "the tag v1"; ``at`` is when the object says that it was made."""

    what: str
    payload: bytes
    signature: bytes
    at: datetime | None
    tag: bool = False


def signatures(named: Named) -> Sequence[Signed]:
    """What is signed of what a revision names, tags first."""
    found = [*map(_tag, named.tags), _commit(named.commit)]
    return [one for one in found if one.signature]


def require_signed(named: Named, rev: str, signers: Signers, where: str) -> str:
    """What was signed and by whom, where pinned signers did: the tag that was asked for and every tag on the way to
    the commit, else the commit. Nothing behind a tag vouches for it: the tag says which of all commits is meant.

    EvidenceError E_REPO_SIGNATURE for a signature that does not hold, E_REPO_SIGNER for one by another key,
    E_REPO_UNSIGNED for none; a signature that does not hold first.
    """
    asked = [*map(_tag, named.tags)] or [_commit(named.commit)]
    signed: list[str] = []
    errors: list[EvidenceError] = []
    for one in asked:
        try:
            signed.append(f"{one.what} is signed by {_signer(one, signers, where)}")
        except EvidenceError as error:
            errors.append(error)
    if not errors and named.tags:
        _refuse_renamed(named.tags[0], rev, where)
    if errors:
        raise min(errors, key=lambda error: error.code != "E_REPO_SIGNATURE")
    return signed[0]


def _signer(one: Signed, signers: Signers, where: str) -> str:
    if not one.signature:
        make = "git tag -s" if one.tag else "git tag -s, or git commit --amend -S,"
        hint = f"{make} by one whom {signers.where} names"
        hint += "; or give what is signed itself: --rev HASH" if one.tag else ""
        raise _broken(f"{one.what} is not signed", "E_REPO_UNSIGNED", where, hint)
    try:
        if one.signature.startswith(ssh_signature.BEGIN):
            return _ssh(one, signers, where)
        if one.signature.startswith(openpgp_signature.BEGIN):
            return _openpgp(one, signers, where)
    except ValueError:
        raise _bad(one, where) from None
    hint = f"sign with a key of SSH or OpenPGP that {signers.where} names"
    raise _broken(f"{one.what} is signed in a way that is not judged", "E_REPO_SIGNER", where, hint)


def _ssh(one: Signed, signers: Signers, where: str) -> str:
    signature = ssh_signature.parse(one.signature)
    pinned = [signer for signer in signers.ssh if signer.blob == signature.key]
    if not pinned:
        raise _stranger(one, f"the SSH key {signature.fingerprint}", signers, where)
    if not any(ssh_signature.holds(signature, signer, one.payload) for signer in pinned):
        raise _bad(one, where)
    good = [signer for signer in pinned if _in_force(signer, one.at)]
    if not good:
        message = f"{one.what} is signed by {pinned[0].name} ({signature.fingerprint}), whose key did not count then"
        raise _broken(
            message,
            "E_REPO_SIGNER",
            where,
            f"see namespaces, valid-after and valid-before in {signers.where}",
        )
    return f"{good[0].name} ({signature.fingerprint})"


def _in_force(signer: SshSigner, at: datetime | None) -> bool:
    if NAMESPACE not in signer.namespaces:
        return False
    if signer.after is None and signer.before is None:
        return True
    return at is not None and not (
        (signer.after and at < signer.after) or (signer.before and at > signer.before)
    )


def _openpgp(one: Signed, signers: Signers, where: str) -> str:
    judged = openpgp_signature.judge(one.signature, one.payload, signers.openpgp)
    if not judged.pinned:
        raise _stranger(one, f"the OpenPGP key {judged.issuer or 'that it does not name'}", signers, where)
    if not judged.certificate:
        message = f"the signature of {one.what} does not hold, or its key did not count when it was made"
        hint = (
            "was the key revoked or renewed since? a renewed one is pinned as it was then, too: both exports"
        )
        raise _broken(message, "E_REPO_SIGNATURE", where, hint)
    return f"the OpenPGP key {judged.certificate}"


def _refuse_renamed(tag: "Tag", rev: str, where: str) -> None:
    """A signed tag put under another name would be an old release offered as a new one."""
    name, identity = tag.name.decode(errors="replace"), tag.id.decode()
    by_hash = may_be_hash(rev) and identity.startswith(rev.lower())
    if rev not in (name, f"tags/{name}", f"refs/tags/{name}") and not by_hash:
        message = f"what stands there as {_shown(rev)} was signed as the tag {_shown(name)}"
        hint = (
            f"git for-each-ref refs/tags, and ask who put it there; --rev {_shown(name)} is what was signed"
        )
        raise _broken(message, "E_REPO_SIGNATURE", where, hint)


def _commit(commit: "Commit") -> Signed:
    payload: list[bytes] = []
    signature: list[bytes] = []
    into: list[bytes] | None = None
    head, blank, message = commit.as_raw_string().partition(b"\n\n")
    for line in head.split(b"\n"):
        if line.startswith(HEADER):
            # Of two of them it is not known which one counts: together they are no signature that holds.
            into = signature
            signature.append(line.removeprefix(HEADER))
        elif line.startswith(OTHER):
            into = []
        elif line.startswith(b" ") and into is not None:
            into.append(line[1:])
        else:
            into = None
            payload.append(line)
    text = b"\n".join(payload)
    what = f"the commit {commit.id.decode()[:12]}"
    return Signed(what=what, payload=text + blank + message, signature=b"\n".join(signature), at=_at(text))


def _tag(tag: "Tag") -> Signed:
    raw = tag.as_raw_string()
    at = max(_starts(raw), default=len(raw))
    what = f"the tag {_shown(tag.name.decode(errors='replace'))}"
    return Signed(
        what=what, payload=raw[:at], signature=raw[at:], at=_at(raw.partition(b"\n\n")[0]), tag=True
    )


def _starts(raw: bytes) -> Iterator[int]:
    """Where a line begins a signature."""
    for begin in BEGINS:
        at = raw.rfind(b"\n" + begin)
        if at >= 0:
            yield at + 1


def _at(head: bytes) -> datetime | None:
    found = _AT.findall(head)
    return datetime.fromtimestamp(int(found[-1]), UTC) if found else None


def _shown(text: str) -> str:
    return text.encode("unicode_escape").decode()


def _bad(one: Signed, where: str) -> EvidenceError:
    message = f"the signature of {one.what} does not hold"
    return _broken(
        message,
        "E_REPO_SIGNATURE",
        where,
        "somebody changed what was signed: take it from where it was signed",
    )


def _stranger(one: Signed, key: str, signers: Signers, where: str) -> EvidenceError:
    hint = f"if that is somebody who may, add the key to {signers.where}"
    return _broken(f"{one.what} is signed by {key}, which is not pinned", "E_REPO_SIGNER", where, hint)


def _broken(message: str, code: str, where: str, hint: str) -> EvidenceError:
    return EvidenceError(message, code=code, where=where, hint=hint)
