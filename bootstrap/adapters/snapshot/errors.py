"""What is wrong with a snapshot file: a code for each way, so that a script can tell them apart."""

from bootstrap.model.errors import EvidenceError

ANOTHER = "take another copy of this snapshot, or an older one: bootstrap snapshot list FOLDER"


def no_snapshot(why: str) -> EvidenceError:
    hint = (
        "bootstrap snapshot save writes one; Vault's own snapshots are read by `vault operator raft snapshot`"
    )
    return EvidenceError(f"this is no snapshot of this program: {why}", code="E_SNAPSHOT_FORMAT", hint=hint)


def cut(why: str) -> EvidenceError:
    """It ends before its end."""
    return EvidenceError(f"the snapshot is cut: {why}", code="E_SNAPSHOT_CUT", hint=ANOTHER)


def unsigned() -> EvidenceError:
    hint = "bootstrap snapshot save writes signed ones; what wrote this one, or took its signature away?"
    return EvidenceError(
        "Vault has not signed this snapshot: it can be of anybody", code="E_SNAPSHOT_UNSIGNED", hint=hint
    )


def missigned(why: str) -> EvidenceError:
    return EvidenceError(
        f"Vault has not signed this snapshot: {why}",
        code="E_SNAPSHOT_SIGNATURE",
        hint="take one that it signed; of a platform whose authority began anew since, name an older commit: --rev",
    )


def damaged(why: str) -> EvidenceError:
    return EvidenceError(f"the snapshot is damaged: {why}", code="E_SNAPSHOT_DAMAGED", hint=ANOTHER)
