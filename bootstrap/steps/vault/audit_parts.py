"""What is kept of Vault's audit log, and whether it is still what the ledger says (B6, H4).

The loop beside each Vault takes the digests, and its renewer says them in its log, as it says how full the volumes are.
"""

import re
from collections.abc import Mapping
from typing import Final

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Fact, Git, RecordType
from bootstrap.model.errors import WorldError
from bootstrap.steps.context.world import World

LINES: Final = 200  # of a log, in which the last of them is looked for
_LINE: Final = re.compile(r"^parts:(.*)$", re.M)
_PART: Final = re.compile(r"(audit-\d{8}T\d{6}Z\.log)=([0-9a-f]{64})")

Parts = Mapping[str, str]  # POD/NAME to SHA-256 in hex


def kept(world: World) -> Parts:
    """As they are now. Of a pod whose log cannot be read, or whose log has no such line yet, none is known."""
    found: dict[str, str] = {}
    for pod in world.session.pods:
        try:
            log = world.cluster.logs(world.intent.platform.vault.namespace, pod, "renewer", LINES)
        except WorldError:
            continue
        if lines := _LINE.findall(log):
            found |= {f"{pod}/{name}": digest for name, digest in _PART.findall(lines[-1])}
    return found


def recorded(ledger: Ledger) -> Parts:
    """The first record of a part counts."""
    found: dict[str, str] = {}
    for record in ledger.records:
        if record.fact.type is RecordType.AUDIT_LOG:
            found = {**record.fact.details, **found}
    return found


def not_recorded(world: World, ledger: Ledger, parts: Parts) -> Parts:
    """Of these. None without the root: what can be recorded later is no reason to ask for it."""
    if world.files is None:
        return {}
    known = recorded(ledger)
    return {part: digest for part, digest in parts.items() if part not in known}


def changed(parts: Parts, known: Parts) -> tuple[str, ...]:
    """Those that are not what is on record."""
    return tuple(part for part, digest in parts.items() if known.get(part, digest) != digest)


def missing(parts: Parts, known: Parts) -> tuple[str, ...]:
    """Those on record that a pod keeps no longer, though it keeps one that is older: what is cut goes oldest first."""
    oldest: dict[str, str] = {}
    for part in sorted(parts, reverse=True):
        oldest[_pod(part)] = part
    return tuple(p for p in sorted(known) if p not in parts and oldest.get(_pod(p), p) < p)


def _pod(part: str) -> str:
    return part.partition("/")[0]


def record_of(world: World, parts: Parts) -> Fact:
    return Fact(type=RecordType.AUDIT_LOG, git=Git(commit=world.intent.commit), details=parts)
