"""The manifest's bytes and back, and the file's last member: the manifest's digest and Vault's signature over it."""

import re
from dataclasses import dataclass
from typing import Any, Final

from bootstrap.adapters.snapshot.errors import damaged
from bootstrap.ledger import canonical
from bootstrap.ledger.envelope import pae
from bootstrap.model.errors import EvidenceError
from bootstrap.model.snapshot import (
    KEYS,
    SEALED,
    LedgerPoint,
    Manifest,
    Part,
    RaftFacts,
    Share,
    Signature,
)

FORMAT: Final = "https://bootstrap.dev/snapshot/v1"
PAYLOAD_TYPE: Final = "application/vnd.bootstrap.snapshot-manifest+json"
_HEX64: Final = re.compile(r"[0-9a-f]{64}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def manifest_bytes(manifest: Manifest) -> bytes:
    """Canonical JSON (RFC 8785)."""
    raft, share, ledger = manifest.raft, manifest.share, manifest.ledger
    return canonical.dumps(
        {
            "format": FORMAT,
            "environment": manifest.environment,
            "cluster": manifest.cluster,
            "vaultCluster": manifest.vault_cluster,
            "raft": {
                "version": raft.version,
                "index": raft.index,
                "term": raft.term,
                "sha256": raft.sha256,
                "size": raft.size,
            },
            "share": {
                "generation": share.generation,
                "unsealKey": share.unseal_key,
                "ciphertext": canonical.encode(share.ciphertext),
            },
            "ledger": {"size": ledger.size, "last": ledger.last, "root": ledger.root},
            "saver": manifest.saver,
            "recipients": list(manifest.recipients),
            "tool": manifest.tool,
            "time": manifest.time,
            "parts": {name: {"sha256": p.sha256, "size": p.size} for name, p in manifest.parts.items()},
        }
    )


def read_manifest(data: bytes) -> Manifest:
    """EvidenceError E_SNAPSHOT_DAMAGED for anything but the canonical bytes of a manifest of this format."""
    value = _loads(data, "its manifest")
    try:
        found = _manifest(value)
        same = manifest_bytes(found) == data
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damaged("its manifest is not one of this format") from None
    if not same:
        raise damaged("its manifest says more than a manifest of this format")
    return found


def _manifest(v: dict[str, Any]) -> Manifest:
    raft, share, ledger = v["raft"], v["share"], v["ledger"]
    parts = {name: Part(sha256=_hex(p["sha256"]), size=_count(p["size"])) for name, p in v["parts"].items()}
    if set(parts) not in [{key, *SEALED} for key in KEYS] or v["format"] != FORMAT:
        raise ValueError("other parts")
    if not _TIME.fullmatch(v["time"]) or not v["recipients"]:
        raise ValueError("time or recipients")
    return Manifest(
        environment=_text(v["environment"]),
        cluster=_text(v["cluster"]),
        vault_cluster=_text(v["vaultCluster"]),
        raft=RaftFacts(
            version=_text(raft["version"]),
            index=_count(raft["index"]),
            term=_count(raft["term"]),
            sha256=_hex(raft["sha256"]),
            size=_count(raft["size"]),
        ),
        share=Share(
            generation=_count(share["generation"]),
            unseal_key=_text(share["unsealKey"]),
            ciphertext=canonical.decode(share["ciphertext"]),
        ),
        ledger=LedgerPoint(size=_count(ledger["size"]), last=_hex(ledger["last"]), root=_hex(ledger["root"])),
        saver=_text(v["saver"]),
        recipients=tuple(_text(each) for each in v["recipients"]),
        tool=_text(v["tool"]),
        time=v["time"],
        parts=parts,
    )


def signed_content(manifest: bytes) -> bytes:
    """What Vault signs: a manifest cannot be taken for a record of the ledger, nor the other way round."""
    return pae(manifest, PAYLOAD_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """``manifest`` is the hex SHA-256 of the manifest's bytes: it finds damage, and proves no author. ``signature``
    does; a file of a version before it has none."""

    manifest: str
    signature: Signature | None = None


def end_bytes(end: End) -> bytes:
    signed = end.signature
    by = {"keyId": signed.key_id, "signature": canonical.encode(signed.value)} if signed else {}
    return canonical.dumps({"manifest": end.manifest, **by})


def read_end(data: bytes) -> End:
    value = _loads(data, "its last member")
    try:
        found = End(manifest=_hex(value["manifest"]), signature=_signature(value))
        same = end_bytes(found) == data
    except (KeyError, TypeError, ValueError):
        same, found = False, End(manifest="")
    if not same:
        raise damaged("its last member is not one of this format")
    return found


def _signature(value: dict[str, Any]) -> Signature | None:
    if "signature" not in value:
        return None
    return Signature(key_id=_hex(value["keyId"]), value=canonical.decode(value["signature"]))


def _loads(data: bytes, what: str) -> Any:
    try:
        return canonical.loads(data, what, code="E_SNAPSHOT_DAMAGED")
    except EvidenceError as error:
        raise damaged(error.message) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _hex(value: Any) -> str:
    if not _HEX64.fullmatch(_text(value)):
        raise ValueError("not a SHA-256")
    return _text(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("not a count")
    return value
