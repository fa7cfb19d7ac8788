"""The escrow: the unseal share's ciphertext outside the cluster, and the proof that it opens this Vault.

``records/<cluster uid>/escrow.json`` is written before the key is called VERIFIED, and read by a fresh
process that has nothing but commit, root and that file (B4).
"""

import base64
import hashlib
import json
from dataclasses import dataclass

from bootstrap.model.errors import EvidenceError, Transient
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Vault
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import Slots, WindowStore


@dataclass(frozen=True, slots=True)
class Escrow:
    """``share`` is an OpenPGP message to the unseal key; ``volume`` the UID of the first store's claim."""

    cluster: str
    volume: str
    fingerprint: str
    share: Sensitive

    def to_bytes(self) -> bytes:
        document = {
            "apiVersion": "bootstrap/v1",
            "cluster": self.cluster,
            "kind": "Escrow",
            "share": base64.b64encode(self.share.ciphertext()).decode(),
            "unsealKey": self.fingerprint,
            "volume": self.volume,
        }
        return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"

    @staticmethod
    def from_bytes(data: bytes, where: str) -> "Escrow":
        try:
            document = json.loads(data)
            share = Sensitive(base64.b64decode(document["share"], validate=True), "share ciphertext")
            return Escrow(document["cluster"], document["volume"], document["unsealKey"], share)
        except (ValueError, KeyError, TypeError):
            raise EvidenceError(
                "the escrow is damaged",
                code="E_ESCROW",
                where=where,
                hint="restore the file from Git, or from a bundle",
            ) from None


def escrow_digest(data: bytes) -> str:
    """SHA-256 of the escrow file: ciphertext, so a plain hash gives nothing away."""
    return hashlib.sha256(data).hexdigest()


def escrow_bytes(world: World) -> bytes | None:
    """The escrow file: from the records folder, else from the commit, else made again from the share's slot (a
    run that was killed left the folder on a machine that is gone; only with the root key)."""
    return kept_outside(world) or _from_slot(world, world.cluster.uid())


def kept_outside(world: World) -> bytes | None:
    """The escrow file as it lies outside the cluster: in the records folder, or in the commit."""
    uid = world.cluster.uid()
    return world.records.read(uid, ESCROW) or world.intent.escrows.get(uid)


def _from_slot(world: World, uid: str) -> bytes | None:
    window = WindowStore(world.cluster).read()
    if window is None or window.phase is not WindowPhase.VERIFIED or world.files is None:
        return None
    share = Slots(world.cluster, window.volume).read(Slots.SHARE)
    return (
        Escrow(uid, window.volume, world.material.unseal_key().fingerprint, share).to_bytes()
        if share
        else None
    )


def read_escrow(world: World) -> Escrow | None:
    """This cluster's escrow, from the records folder or else from the commit."""
    data = escrow_bytes(world)
    return Escrow.from_bytes(data, f"records/{world.cluster.uid()}/{ESCROW}") if data else None


def prove_escrow(world: World, cluster_uid: str) -> dict[str, str]:
    """In the fresh process: open the share with the root's unseal key, and show that it opens this Vault.

    A sealed Vault is unsealed with it. An unsealed one is asked to begin a rekey that it must verify
    before anything changes; it takes only the right key that far, and the attempt is then cancelled.
    EvidenceError E_ESCROW when the share does not open it.
    """
    escrow = read_escrow(world)
    if escrow is None or escrow.cluster != cluster_uid:
        raise EvidenceError("no escrow of this cluster", code="E_ESCROW", where=world.records.folder)
    share = world.material.unseal_key().decrypt(escrow.share.ciphertext())
    status = world.wait("Vault answers", lambda: world.session.seal_status("vault-0"), seconds=60)
    if status.sealed:
        after = world.session.vault.unseal("vault-0", share)
        if after.sealed:
            raise _does_not_open()
        method = "unseal"
    else:
        _prove_by_rekey(world, share)
        method = "rekey, cancelled"

    def cluster_id() -> str:
        now = world.session.seal_status("vault-0")
        return now.cluster_id if now else ""

    return {"vaultClusterId": world.wait("Vault names its cluster", cluster_id, seconds=60), "method": method}


def _prove_by_rekey(world: World, share: Sensitive) -> None:
    vault = world.session.vault
    pod = world.wait("an active Vault node", lambda: vault.active(world.session.pods), seconds=60)
    unseal_key = world.material.unseal_key()
    key = base64.b64encode(unseal_key.certificate).decode()
    _end_forgotten(vault, pod, unseal_key.fingerprint)
    begun = vault.call(
        "PUT",
        "sys/rekey/init",
        {"secret_shares": 1, "secret_threshold": 1, "pgp_keys": [key], "require_verification": True},
        pod=pod,
        token=None,
    )
    if not begun.ok:
        raise Transient("a rekey is under way: " + "; ".join(begun.errors), code="E_REKEY")
    nonce = begun.data["nonce"]
    try:
        answer = vault.call("PUT", "sys/rekey/update", {"key": share, "nonce": nonce}, pod=pod, token=None)
        if not (answer.ok and answer.data.get("complete")):
            raise _does_not_open()
    finally:
        vault.call("DELETE", "sys/rekey/init", {"nonce": nonce}, pod=pod, token=None)


def _end_forgotten(vault: Vault, pod: str, fingerprint: str) -> None:
    """Cancel what a killed proof left under way, by its nonce: Vault cancels nothing without it. A rekey to other
    keys is another's work, and stays."""
    begun = vault.call("GET", "sys/rekey/init", pod=pod, token=None).data
    keys = [str(found).upper() for found in begun.get("pgp_fingerprints") or ()]
    if begun.get("nonce") and keys == [fingerprint]:
        vault.call("DELETE", "sys/rekey/init", {"nonce": begun["nonce"]}, pod=pod, token=None)


def _does_not_open() -> EvidenceError:
    return EvidenceError(
        "the escrow's share does not open this Vault",
        code="E_ESCROW",
        hint="compare records/ with the commit that belongs to this cluster",
    )
