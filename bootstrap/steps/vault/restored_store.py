"""Vault's store out of a snapshot, move by move (INV1, docs/explanation/restore.md).

Nothing but a port-forward reaches this Vault until no token of before lives in it. What an answer says counts for
nothing: the snapshot's share opens the store, or it does not.
"""

from bootstrap.model.errors import EvidenceError, PreconditionError, Transient, UnknownOutcome, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.restoration import Move, Restoration, StoreState
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.clearing import clear
from bootstrap.steps.vault.empty_store import data_claim, remove_store, volume_of
from bootstrap.steps.vault.escrow import Escrow
from bootstrap.steps.vault.first_replica import Attempt, put_there
from bootstrap.steps.vault.foreign import foreign_error
from bootstrap.steps.vault.init_window import RESTORED, Slots, WindowStore, share_part
from bootstrap.steps.vault.restoration import REF, RestorationStore
from bootstrap.steps.vault.restored_tokens import Settled, settled

POD = "vault-0"


class RestoredStore:
    def __init__(self, world: World, source: SnapshotSource) -> None:
        self.world = world
        self.source = source
        self.store = RestorationStore(world.cluster)

    def state(self) -> StoreState:
        status, volume = self.world.session.seal_status(POD), volume_of(self.world)
        if status is None:
            return StoreState(initialized=None, volume=volume)
        restored = not status.sealed and status.cluster_id == self.source.manifest.vault_cluster
        return StoreState(
            initialized=status.initialized, sealed=status.sealed, restored=restored, volume=volume
        )

    def make(self, move: Move, now: Restoration) -> None:
        match move:
            case Move.CLEAR:
                clear(self.world, self.source, now)
            case Move.INSTALL:
                self._install(now)
            case Move.SEND:
                self._send(now)
            case Move.TRY_SHARE:
                self._try_share(now)
            case Move.MARK_OPENED:
                self.store.swap(now, now.opened())
            case Move.VOID:
                self._tell("void", f"the keys of attempt {now.attempt} are gone; its store holds nothing")
                self.store.swap(now, now.voiding())
            case Move.FINISH_VOID:
                if remove_store(self.world, _tls(now), now.volume, lambda: self._is_now(now)):
                    self.store.swap(now, now.again())
            case Move.SETTLE:
                self._settle(now)
            case Move.FOREIGN:
                raise foreign_error(str(data_claim(self.world)))
            case Move.DONE:
                pass

    # ------------------------------------------------------------ before the share has opened it

    def _install(self, now: Restoration) -> None:
        put_there(self.world, Attempt(_tls(now), now.server_name, lambda: self._is_now(now), alone=True))

    def _send(self, now: Restoration) -> None:
        """BEGUN to SENT, then all that only this process can do; its keys end with it."""
        key, vault, volume = (
            self.world.material.passing_key(),
            self.world.session.vault,
            volume_of(self.world),
        )
        sent = now.sent(volume)
        if not volume or not self.store.swap(now, sent):
            return
        try:
            made = vault.initialise(
                POD, sent.server_name, share_key=key.certificate, root_key=key.certificate
            )
            vault.unseal(POD, key.decrypt(made.share))
            self._wait_active()
            check_release(self.source, self._release())
            self._force(key.decrypt(made.root_token))
        except (UnknownOutcome, Transient) as error:
            self._tell("waiting", f"no clear answer ({error.message}); what opens the store tells")
            return  # SENT, and the keys are gone: the next look tries the snapshot's share
        self._try_share(sent)

    def _force(self, token: Sensitive) -> None:
        granted(
            self.world.session.vault.raft_restore(POD, token, self.source.send),
            "sys/storage/raft/snapshot-force",
        )
        self._tell(
            "restore",
            f"the snapshot of {self.source.manifest.time} is sent, without {self.source.sent['leftOut']}",
        )
        if (leases := self.source.sent["leases"]) != "0":
            self._tell(
                "restore",
                f"{leases} leases of dynamic secrets come back; those that are over are revoked at once",
            )
        self.world.proof.begin(self.world.cluster.uid())  # it loads itself while Vault sleeps
        # The answer came before the work. Under other keys Vault seals itself once the store is another one.
        self.world.wait("Vault has put the snapshot in the place of its store", self._is_sealed, seconds=300)

    def _is_sealed(self) -> bool:
        status = self.world.session.seal_status(POD)
        return status is not None and status.sealed

    def _try_share(self, now: Restoration) -> None:
        try:
            self.world.session.vault.unseal(POD, self._share())
        except WorldError as error:
            if error.code != "E_VAULT_UNSEAL":
                raise
            self._tell("void", f"attempt {now.attempt}: the snapshot did not take the place of the store")
            self.store.swap(now, now.voiding())
            return
        self.store.swap(now, now.opened())

    # ------------------------------------------------------------ behind the closed door

    def _settle(self, now: Restoration) -> None:
        """From here on the store is the platform's; each part may be done twice."""
        world = self.world
        self._install(now)
        if self._is_sealed():
            world.session.vault.unseal(POD, self._share())
        self._wait_active()
        uid, escrow = world.cluster.uid(), self._escrow(now)
        world.records.write(uid, ESCROW, escrow.to_bytes())
        found = settled(world, now.nonce)
        proof = world.proof.prove(uid)
        if proof["vaultClusterId"] != self.source.manifest.vault_cluster:
            raise EvidenceError(
                f"the escrow opens Vault {proof['vaultClusterId']}, and the snapshot is of another one",
                code="E_ESCROW",
                where=str(REF),
                hint="look what answers as pod vault-0",
            )
        self._finish(now, escrow, proof["vaultClusterId"], found)

    def _finish(self, now: Restoration, escrow: Escrow, vault_cluster: str, found: Settled) -> None:
        windows = WindowStore(self.world.cluster)
        Slots(self.world.cluster, now.volume).write(share_part(escrow.generation), escrow.share)
        window = Window(
            attempt=now.attempt,
            nonce=now.nonce[:8],
            phase=WindowPhase.VERIFIED,
            volume=now.volume,
            cluster_id=vault_cluster,
            facts=RESTORED,
            generation=escrow.generation,
        )
        if windows.create(window) != window:
            raise UnknownOutcome("another init window is there", code="E_WINDOW", where=str(REF))
        self.store.swap(now, now.done("; ".join(found.repaired), ", ".join(found.batch)))

    def _escrow(self, now: Restoration) -> Escrow:
        share = self.source.manifest.share
        return Escrow(
            self.world.cluster.uid(),
            now.volume,
            share.unseal_key,
            Sensitive(share.ciphertext, "share ciphertext"),
            share.generation,
        )

    # ------------------------------------------------------------ small

    def _share(self) -> Sensitive:
        return self.world.material.unseal_key().decrypt(self.source.manifest.share.ciphertext)

    def _wait_active(self) -> None:
        try:
            self.world.wait("Vault is active", lambda: self.world.session.vault.active((POD,)), seconds=90)
        except WorldError as error:
            error.hint = (
                "Vault's own log says why: a snapshot whose audit devices cannot be opened leaves it on standby; "
                f"kubectl -n {self.world.intent.platform.vault.namespace} logs {POD} -c vault"
            )
            raise

    def _release(self) -> str:
        """Asked until it answers: the snapshot is not sent to a Vault of an unknown release."""
        seen = self.world.wait("Vault answers", lambda: self.world.session.seal_status(POD), seconds=60)
        return seen.version

    def _is_now(self, now: Restoration) -> bool:
        return self.store.read() == now

    def _tell(self, kind: str, message: str) -> None:
        self.world.narrator.event(kind, message=message)


def check_release(source: SnapshotSource, server: str) -> None:
    """PreconditionError E_RESTORE_VERSION unless the Vault that takes the snapshot is of the release that wrote it, but
    for the last number. ``server`` is empty where it is not known yet."""
    wrote = source.manifest.raft.version
    if server and server.split(".")[:2] != wrote.split(".")[:2]:
        raise PreconditionError(
            f"the snapshot is of Vault {wrote}, and Vault {server} would take it: only the same release is tried",
            code="E_RESTORE_VERSION",
            where=source.where,
            hint=f"declare Vault {wrote} in bootstrap.yaml (spec.vault.image), restore, and upgrade afterwards",
        )


def _tls(now: Restoration) -> str:
    return f"vault-tls-restore-{now.nonce[:8]}-{now.attempt}"
