"""The escrow: the unseal share's ciphertext outside the cluster, and the proof that it opens this Vault.

``records/<cluster uid>/escrow.json`` is written before the key is called VERIFIED, and read by a fresh
process that has nothing but commit, root and that file (B4).
"""

import base64
import hashlib
import json
from dataclasses import dataclass

from bootstrap.model.errors import EvidenceError, Transient, UnknownOutcome, WorldError
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Vault
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import Slots, WindowStore, share_part


@dataclass(frozen=True, slots=True)
class Escrow:
    """``share`` is an OpenPGP message to the unseal key, of ``generation``; ``volume`` the UID of the first store's
    claim. ``following`` is the share of the next generation while a rekey is under way: one of the two opens Vault."""

    cluster: str
    volume: str
    fingerprint: str
    share: Sensitive
    generation: int = 1
    following: Sensitive | None = None

    @property
    def shares(self) -> dict[int, Sensitive]:
        """Generation to ciphertext."""
        more = {} if self.following is None else {self.generation + 1: self.following}
        return {self.generation: self.share} | more

    def to_bytes(self) -> bytes:
        document: dict[str, str | int] = {
            "apiVersion": "bootstrap/v1",
            "cluster": self.cluster,
            "kind": "Escrow",
            "share": _text(self.share),
            "unsealKey": self.fingerprint,
            "volume": self.volume,
        }
        if self.generation > 1:
            document["generation"] = self.generation
        if self.following is not None:
            document["following"] = _text(self.following)
        return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"

    @staticmethod
    def from_bytes(data: bytes, where: str) -> "Escrow":
        try:
            document = json_value(data)
            following = document.get("following")
            return Escrow(
                document["cluster"],
                document["volume"],
                document["unsealKey"],
                _ciphertext(document["share"]),
                int(document.get("generation", 1)),
                None if following is None else _ciphertext(following),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise EvidenceError(
                "the escrow is damaged",
                code="E_ESCROW",
                where=where,
                hint="restore the file from Git, or from a bundle",
            ) from None


def _text(share: Sensitive) -> str:
    return base64.b64encode(share.ciphertext()).decode()


def _ciphertext(text: str) -> Sensitive:
    return Sensitive(base64.b64decode(text, validate=True), "share ciphertext")


def escrow_digest(data: bytes) -> str:
    """SHA-256 of the escrow file: ciphertext, so a plain hash gives nothing away."""
    return hashlib.sha256(data).hexdigest()


def escrow_bytes(world: World) -> bytes | None:
    """The escrow file: from the records folder, else from the commit, else made again from the share's slot (a
    run that was killed left the folder on a machine that is gone; only with the root key). One of an earlier
    generation than the cluster's counts as lost."""
    outside, uid = kept_outside(world), world.cluster.uid()
    if outside is not None and _is_current(world, outside):
        return outside
    return _from_slot(world, uid) or outside


def _is_current(world: World, outside: bytes) -> bool:
    window = WindowStore(world.cluster).read()
    if window is None or window.generation == 1:
        return True
    return Escrow.from_bytes(outside, world.records.folder).generation >= window.generation


def kept_outside(world: World) -> bytes | None:
    """The escrow file as it lies outside the cluster: in the records folder, or in the commit."""
    uid = world.cluster.uid()
    return world.records.read(uid, ESCROW) or world.intent.escrows.get(uid)


def _from_slot(world: World, uid: str) -> bytes | None:
    window = WindowStore(world.cluster).read()
    if window is None or window.phase is not WindowPhase.VERIFIED or world.files is None:
        return None
    slots, generation = Slots(world.cluster, window.volume), window.generation
    share, following = slots.read(share_part(generation)), slots.read(share_part(generation + 1))
    if share is None:
        return None
    fingerprint = world.material.unseal_key().fingerprint
    return Escrow(uid, window.volume, fingerprint, share, generation, following).to_bytes()


def read_escrow(world: World) -> Escrow | None:
    """This cluster's escrow, from the records folder or else from the commit."""
    data = escrow_bytes(world)
    return Escrow.from_bytes(data, f"records/{world.cluster.uid()}/{ESCROW}") if data else None


def prove_escrow(world: World, cluster_uid: str) -> dict[str, str]:
    """In the fresh process: open the share with the root's unseal key, and show that it opens this Vault.

    A sealed Vault is unsealed with it. An unsealed one is asked to begin a rekey that it must verify
    before anything changes; it takes only the right key that far, and the attempt is then cancelled.
    Of two shares, while a rekey is under way, the generation of the one that opens it is named. EvidenceError E_ESCROW
    when none does.
    """
    escrow = _escrow_of(world, cluster_uid)
    status = world.wait("Vault answers", lambda: world.session.seal_status("vault-0"), seconds=60)
    generation = _opening(world, escrow, sealed=status.sealed)
    method = "unseal" if status.sealed else "rekey, cancelled"

    def cluster_id() -> str:
        now = world.session.seal_status("vault-0")
        return now.cluster_id if now else ""

    return {
        "vaultClusterId": world.wait("Vault names its cluster", cluster_id, seconds=60),
        "method": method,
        "generation": str(generation),
    }


def prove_following(world: World, cluster_uid: str) -> dict[str, str]:
    """In the fresh process, before a rekey counts: the keyed digest of the next share, as the escrow alone gives it.

    Vault is not asked: the rekey that waits would end. EvidenceError E_ESCROW where there is no next share.
    """
    escrow = _escrow_of(world, cluster_uid)
    if escrow.following is None:
        raise EvidenceError(
            "the escrow holds no next share", code="E_ESCROW", where=world.records.folder, hint="bootstrap up"
        )
    share = world.material.unseal_key().decrypt(escrow.following.ciphertext())
    return {"generation": str(escrow.generation + 1), "commitment": share_digest(world, cluster_uid, share)}


def share_digest(world: World, cluster_uid: str, share: Sensitive) -> str:
    return world.material.commitments().commit(cluster_uid, "unseal", "share", share)


def _escrow_of(world: World, cluster_uid: str) -> Escrow:
    escrow = read_escrow(world)
    if escrow is None or escrow.cluster != cluster_uid:
        raise EvidenceError("no escrow of this cluster", code="E_ESCROW", where=world.records.folder)
    return escrow


def _opening(world: World, escrow: Escrow, *, sealed: bool) -> int:
    """The generation of the share that opens this Vault. UnknownOutcome where one may, and none is seen to: another key
    of the right form is a 500 on 1.21."""
    unknown: UnknownOutcome | None = None
    for generation, ciphertext in escrow.shares.items():
        share = world.material.unseal_key().decrypt(ciphertext.ciphertext())
        try:
            if sealed:
                _unseal(world, share)
            else:
                _prove_by_rekey(world, share)
        except UnknownOutcome as error:
            unknown = error
        except EvidenceError:
            pass  # the other one may
        else:
            return generation
    raise unknown or _does_not_open()


def _unseal(world: World, share: Sensitive) -> None:
    try:
        after = world.session.vault.unseal("vault-0", share)
    except WorldError as error:
        if error.code != "E_VAULT_UNSEAL":
            raise
        raise _does_not_open() from None
    if after.sealed:
        raise _does_not_open()


def _prove_by_rekey(world: World, share: Sensitive) -> None:
    vault = world.session.vault
    pod = world.wait("an active Vault node", lambda: vault.active(world.session.pods), seconds=60)
    unseal_key = world.material.unseal_key()
    key = base64.b64encode(unseal_key.certificate).decode()
    end_forgotten(vault, pod, unseal_key.fingerprint)
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


def end_forgotten(vault: Vault, pod: str, fingerprint: str) -> None:
    """Cancel what a killed proof left under way, by its nonce: Vault cancels nothing without it. A rekey to other
    keys is another's work, and stays."""
    if nonce := _own(vault, pod, fingerprint):
        vault.call("DELETE", "sys/rekey/init", {"nonce": nonce}, pod=pod, token=None)


def is_under_way(vault: Vault, pod: str, fingerprint: str) -> bool:
    """Whether a rekey to this key has begun on the active node, and has not ended."""
    return bool(_own(vault, pod, fingerprint))


def _own(vault: Vault, pod: str, fingerprint: str) -> str:
    begun = granted(vault.call("GET", "sys/rekey/init", pod=pod, token=None), "sys/rekey/init").data
    keys = [str(found).upper() for found in begun.get("pgp_fingerprints") or ()]
    return str(begun.get("nonce", "")) if keys == [fingerprint.upper()] else ""


def _does_not_open() -> EvidenceError:
    return EvidenceError(
        "the escrow's share does not open this Vault",
        code="E_ESCROW",
        hint="compare records/ with the commit that belongs to this cluster",
    )
