"""What `abandon` gives back: its parts are kinds like those of `up`, and each also says what it leaves, and why.

Only what the run owns and nothing committed: never a store whose key is proven, a path in Vault, a scaffold whose
secret is handed over, or a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import Transient, WorldError
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.plan import Step
from bootstrap.ports import Object
from bootstrap.steps.base import Kind
from bootstrap.steps.context.names import is_ours
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.kinds.retired import is_over
from bootstrap.steps.kinds.root_revoked import Observation as RevocableToken
from bootstrap.steps.kinds.root_revoked import RootRevoked
from bootstrap.steps.kinds.run_identity import RunIdentity
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref, ledger_is_lost
from bootstrap.steps.vault.configuring import begun, end, powerful
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.root_session import RootSession

Stays = Mapping[str, str]  # what stays, and why
# Codes of a login before the identity is complete.
NOWHERE = ("E_VAULT_DENIED", "E_VAULT_LOGIN", "E_NOT_FOUND")


class Part(Kind, Protocol):
    """``decide`` says what goes; ``stays`` what of the same sort does not."""

    def stays(self, seen: Any) -> Stays: ...


class PartClass(Protocol):
    def __call__(self, step: Step, world: World) -> Part: ...


def proven(world: World) -> bool:
    """Before, there was no login, and the root token goes with its store."""
    window = WindowStore(world.cluster).read()
    return window is not None and window.phase is WindowPhase.VERIFIED


def vault_is_away(world: World) -> str:
    """Why no conversation with Vault is possible now; empty when one is."""
    try:
        world.session.active()
    except Transient as error:
        return error.message
    return ""


@dataclass(frozen=True, slots=True)
class OtherTokens:
    accessors: tuple[str, ...]
    away: str = ""


class RunTokens:
    """The Vault tokens of earlier runs; what remains of them afterwards is one's own, given back at the end."""

    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> OtherTokens:
        if not proven(self.world):
            return OtherTokens(())
        if away := vault_is_away(self.world):
            return OtherTokens((), away)
        try:
            return OtherTokens(tuple(dict.fromkeys((*self.world.session.others(), *self._configuring()))))
        except WorldError as error:
            if error.code not in NOWHERE:
                raise
            return OtherTokens(())  # the run has no identity yet

    def decide(self, seen: OtherTokens) -> Decision:
        if seen.accessors:
            gone = tuple(f"revoke Vault token {accessor} of a run" for accessor in seen.accessors)
            return Act(f"revoke {len(gone)} tokens of the run", gone)
        return Satisfied(seen.away or "no other token of the run lives")

    def act(self, seen: OtherTokens) -> None:
        self.world.session.fence()
        if self._configuring():
            end(self.world)

    def _configuring(self) -> tuple[str, ...]:
        """What a change of Vault's configuration left that was killed: its root token too."""
        unfinished = begun(self.world.ledger.read())
        return powerful(self.world.session.accessors()) if unfinished else ()

    def stays(self, seen: OtherTokens) -> Stays:
        ends = f"{seen.away}; each ends by itself within 15 minutes"
        return {"tokens of the run in Vault": ends} if seen.away else {}


@dataclass(frozen=True, slots=True)
class KeptRootToken:
    """``revocable`` is what its revocation sees, where it goes; else ``why`` says why it stays, if there is one."""

    slot: bool
    why: str
    revocable: RevocableToken | None = None


class RootToken:
    """The initial root token, once the run's identity can do without it; before, nothing else could make that."""

    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.root = RootSession(world)
        self.identity = RunIdentity(step, world)
        self.revoked = RootRevoked(step, world)

    def observe(self) -> KeptRootToken:
        if not proven(self.world) or not self.root.present():
            return KeptRootToken(False, "")
        if self.world.files is None:
            return KeptRootToken(True, "only the root key opens its ciphertext: --root revokes it here")
        if away := vault_is_away(self.world):
            return KeptRootToken(True, f"{away}; its ciphertext opens with the root key alone")
        if self.identity.observe().why:
            return KeptRootToken(
                True, "nothing else can make the run's identity; `bootstrap up` does, and revokes it"
            )
        return KeptRootToken(True, "", self.revoked.observe())

    def decide(self, seen: KeptRootToken) -> Decision:
        if seen.revocable is not None:
            return self.revoked.decide(seen.revocable)
        return Satisfied(
            "the initial root token stays for the next run" if seen.slot else "no root token is kept"
        )

    def act(self, seen: KeptRootToken) -> None:
        assert seen.revocable is not None  # else it is satisfied
        self.revoked.act(seen.revocable)

    def stays(self, seen: KeptRootToken) -> Stays:
        return {"the initial root token, as ciphertext": seen.why} if seen.slot and seen.why else {}


@dataclass(frozen=True, slots=True)
class CopiesInCluster:
    go: tuple[tuple[Secret, Object], ...]
    kept: tuple[tuple[Secret, str], ...]


class UncommittedCopies:
    """Bootstrap secrets in the cluster of which Vault is not the authority: `up` makes them again from Git."""

    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> CopiesInCluster:
        go, kept = [], []
        lost = ledger_is_lost(self.world)
        ledger = self.world.ledger.read()
        committed, retired = named(ledger, RecordType.COMMIT), named(ledger, RecordType.RETIRED)
        for secret in self.world.intent.scaffolds:
            live = self.world.cluster.get(bootstrap_copy_ref(secret))
            if live is None:
                continue
            if secret.name in retired and is_over(self.world, secret):
                kept.append((secret, f"retired: it stays by declaration (retire: {secret.handover.retire})"))
            elif secret.name in committed:
                kept.append((secret, "handed over: `bootstrap up` retires it"))
            elif not is_ours(live):
                kept.append((secret, "not ours"))
            elif lost:
                kept.append((secret, "the ledger is lost, so nobody can say whether it was handed over"))
            else:
                go.append((secret, live))
        return CopiesInCluster(tuple(go), tuple(kept))

    def decide(self, seen: CopiesInCluster) -> Decision:
        if seen.go:
            gone = tuple(f"delete {bootstrap_copy_ref(s)} (UID {o['metadata']['uid']})" for s, o in seen.go)
            return Act(f"delete {len(gone)} bootstrap secrets that are not handed over", gone)
        return Satisfied("no bootstrap secret stands that is not handed over")

    def act(self, seen: CopiesInCluster) -> None:
        for secret, live in seen.go:
            meta, ref = live["metadata"], bootstrap_copy_ref(secret)
            expect(
                self.world.cluster.delete(ref, uid=meta["uid"], resource_version=meta["resourceVersion"]), ref
            )

    def stays(self, seen: CopiesInCluster) -> Stays:
        return {str(bootstrap_copy_ref(secret)): why for secret, why in seen.kept}
