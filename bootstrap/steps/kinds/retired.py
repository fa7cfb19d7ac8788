"""Retirement: of a scaffold what Git declares, its return refused and that proven, and a RETIRED record (H3, H5).

``deleted``: the object goes, by its UID. ``inert``: its content goes, by one compare-and-swap. ``ignored``: it
stays as it is, and counts as retired once no pod holds it.

A secret that never had a scaffold has no bootstrap copy in the cluster; its record says so, and names what
stays in Git's history.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from bootstrap.ledger.record import Fact, Record, RecordType
from bootstrap.model.catalog import Custody, Renew, RetireMode, Secret
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.handover import CopyState, Next, SecretState, next_step, over
from bootstrap.model.plan import Step
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.admission import POLICY, admission_policy
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.secrets.consumers import holders, unready
from bootstrap.steps.secrets.transfer import Here, fact, here, recorded_bytes, renewed
from bootstrap.steps.secrets.values import source_values
from bootstrap.steps.vault.restoration import restored
from bootstrap.waiting import NotYet, retry

READY_SECONDS = 120
_HOW = {
    RetireMode.DELETED: "scaffold deleted by UID, re-creation refused",
    RetireMode.INERT: "its content removed by compare-and-swap; the object stays",
    RetireMode.IGNORED: "left in the cluster; no pod holds it",
}
_MORE = (RetireMode.IGNORED, RetireMode.INERT, RetireMode.DELETED)  # each takes more away than the one before


@dataclass(frozen=True, slots=True)
class Observation:
    policy: bool  # admission refuses scaffolds as it should
    standing: tuple[tuple[Secret, Object], ...]  # scaffolds of which something has to go still
    unrecorded: Mapping[str, Secret]  # by name
    waiting: Mapping[str, tuple[str, ...]]  # secret to what its retirement waits for
    scaffolds: Mapping[str, CopyState]  # secret to what is there of its scaffold
    waited: bool  # consumers have had their time in this run

    def step(self, secret: Secret, scaffold: CopyState | None = None) -> Next:
        """What comes next for a secret whose handover is committed; ``scaffold`` where its content was compared."""
        return next_step(
            SecretState(
                written=True,
                committed=True,
                waiting=secret.name in self.waiting,
                scaffold=scaffold or self.scaffolds.get(secret.name, CopyState.ABSENT),
                retire=secret.handover.retire,
                retired=secret.name not in self.unrecorded,
            )
        )


class Retired:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.scaffolds = world.intent.scaffolds
        self._waited = False

    def observe(self) -> Observation:
        cluster = self.world.cluster
        policy = all(not cluster.differs(o) for o in self._policy())
        live = self._copies()
        found = {name: as_seen(obj) for name, obj in live.items()}
        standing = tuple(
            (s, obj)
            for s in self.scaffolds
            if (obj := live[s.name]) is not None and not over(found[s.name], s.handover.retire)
        )
        ledger = self.world.ledger.read()
        recorded, moved = named(ledger, RecordType.RETIRED), restored(ledger)
        since = moved[-1].seq if moved else -1
        unrecorded = {
            s.name: s for s in self.world.intent.handovers if not _done(s, recorded.get(s.name), since)
        }
        waiting = waiting_for(self.world) if standing or unrecorded else {}
        return Observation(policy, standing, unrecorded, waiting, found, self._waited)

    def decide(self, seen: Observation) -> Decision:
        changes = [] if seen.policy else [f"apply ValidatingAdmissionPolicy {POLICY}"]
        verbs = {Next.DELETE: "delete", Next.EMPTY: "empty"}
        changes += [
            f"{verb} {bootstrap_copy_ref(s)} (UID {o['metadata']['uid']})"
            for s, o in seen.standing
            if (verb := verbs.get(seen.step(s)))
        ]
        changes += [
            f"record {name} RETIRED" for name, s in seen.unrecorded.items() if seen.step(s) is not Next.WAIT
        ]
        if not seen.waited:
            changes += [f"give {name} time: {', '.join(why)}" for name, why in seen.waiting.items()]
        if changes:
            return Act("retire the bootstrap copies", tuple(changes))
        retired = len(self.world.intent.handovers) - len(seen.unrecorded)
        pending = tuple(f"{name}: {', '.join(why)}" for name, why in sorted(seen.waiting.items()))
        return Satisfied(f"{retired} retired, {self._summary(seen)}", pending)

    def act(self, seen: Observation) -> None:
        for obj in self._policy():
            expect(self.world.cluster.apply(obj), ref_of(obj))
        # A policy takes effect after a while: until then a deleted scaffold could come back.
        self.world.wait("admission refuses retired scaffolds", self._refused, seconds=60)
        seen = replace(seen, waiting=self._patiently())
        committed = named(self.world.ledger.read(), RecordType.COMMIT)
        going = [s for s, _ in seen.standing if s.name in committed and seen.step(s) is not Next.WAIT]
        self.world.each(lambda s: self._take_away(s, seen), going, "bootstrap copies retired")
        after = {name: as_seen(live) for name, live in self._copies().items()}
        gone = [
            s
            for s in seen.unrecorded.values()
            if seen.step(s) is not Next.WAIT and over(after.get(s.name, CopyState.ABSENT), s.handover.retire)
        ]
        place = here(self.world)
        self.world.ledger.append(
            [self._retired(s, committed[s.name], place, after.get(s.name)) for s in gone]
        )
        self._waited = True

    def _copies(self) -> dict[str, Object | None]:
        """Secret to its scaffold as it is now."""
        cluster = self.world.cluster
        live = self.world.each(
            lambda s: cluster.get(bootstrap_copy_ref(s)), self.scaffolds, "scaffolds looked at"
        )
        return {s.name: obj for s, obj in zip(self.scaffolds, live, strict=True)}

    def _summary(self, seen: Observation) -> str:
        """The scaffolds, by what became of them."""
        modes = [(s.handover.retire, seen.scaffolds[s.name]) for s in self.scaffolds]
        gone = sum(found is CopyState.ABSENT for _, found in modes)
        emptied = modes.count((RetireMode.INERT, CopyState.EMPTIED))
        left = sum(mode is RetireMode.IGNORED and found is not CopyState.ABSENT for mode, found in modes)
        text = f"{gone} scaffolds gone for good"
        return text + (f", {emptied} emptied" if emptied else "") + (f", {left} left" if left else "")

    def _policy(self) -> tuple[Object, ...]:
        return admission_policy(self.scaffolds) if self.scaffolds else ()

    def _patiently(self) -> dict[str, tuple[str, ...]]:
        """The same, after giving the consumers their time."""
        waiting: dict[str, tuple[str, ...]] = {}

        def look() -> None:
            nonlocal waiting
            waiting = waiting_for(self.world)
            if waiting:
                raise NotYet

        def tell(_error: Exception, _pause: float) -> None:
            first = next(iter(waiting))
            self.world.narrator.event("waiting", message=f"{first}: {waiting[first][0]}")

        with suppress(NotYet):
            retry(look, clock=self.world.clock, seconds=READY_SECONDS, pause=1, errors=(), before_pause=tell)
        return waiting

    def _take_away(self, secret: Secret, seen: Observation) -> None:
        """Only the bytes that were handed over: a scaffold that was changed since is kept and named."""
        ref = bootstrap_copy_ref(secret)
        # As it is now: its consumers have had their time since it was seen.
        live = self.world.cluster.get(ref)
        if live is None:
            return
        meta, step = live["metadata"], seen.step(secret, self._compared(secret, live))
        if step is Next.DRIFT:
            raise EvidenceError(
                f"{secret.name}: its scaffold holds something else than what was handed over",
                code="E_SOURCE_DRIFT",
                where=str(ref),
                hint="see who changed it; put the declared value back, or remove the Secret yourself",
            )
        if step is Next.EMPTY:
            expect(self.world.cluster.replace(emptied(live)), ref)
        elif step is Next.DELETE:
            version = meta["resourceVersion"]
            expect(self.world.cluster.delete(ref, uid=meta["uid"], resource_version=version), ref)

    def _compared(self, secret: Secret, live: Object) -> CopyState:
        """One that is empty already was emptied by a run before: that is no drift."""
        seen = as_seen(live)
        if seen is CopyState.STANDS and live["data"] != source_values(self.world, secret):
            return seen if recorded_bytes(self.world, secret, live["data"]) else CopyState.CHANGED
        return seen

    def _refused(self) -> bool:
        return all(refused_copies(self.world).values())

    def _retired(self, secret: Secret, committed: Record, place: Here, left: CopyState | None) -> Fact:
        dead = set(renewed(secret, committed.fact.commitments)) >= set(committed.fact.commitments)
        residuals = [] if dead else ["git-history"]
        if secret.scaffold is not None:
            residuals += ["etcd-history", "etcd-backups"]
        mode, how = _how(secret, left)
        if mode is RetireMode.IGNORED:
            residuals.append("scaffold-in-cluster")
        if self.world.intent.platform.vault.custody is Custody.CLUSTER:
            residuals.append("unseal-key-in-cluster")
        details = dict(committed.fact.details) | {"how": how}
        if secret.handover.renew is Renew.REISSUE:
            details["live"] = "the value in Git is live until its issuer replaces it"
        if secret.handover.renew is Renew.KEEP:
            details["live"] = "the value in Git is live until it is rotated"
        if secret.handover.reason:
            details["reason"] = secret.handover.reason
        if secret.handover.until:
            details["until"] = secret.handover.until
        made = fact(
            self.world, secret, RecordType.RETIRED, dict(committed.fact.commitments), place, retire=mode
        )
        return replace(made, source=committed.fact.source, residuals=tuple(residuals), details=details)


def as_seen(live: Object | None) -> CopyState:
    """What is there of a scaffold; its bytes are not compared."""
    if live is None:
        return CopyState.ABSENT
    return CopyState.STANDS if live.get("data") else CopyState.EMPTIED


def is_over(world: World, secret: Secret) -> bool:
    """Whether what Git declares of this scaffold is so now: gone, empty, or there and held by no pod."""
    found = as_seen(world.cluster.get(bootstrap_copy_ref(secret)))
    return over(found, secret.handover.retire) and (
        found is not CopyState.STANDS or not holders(world, secret)
    )


def emptied(live: Object) -> Object:
    """The same object, by the UID and the version it was read with, without its content; kubectl's copy of it goes
    too, a value in an annotation.
    """
    meta = live["metadata"]
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if not isinstance(v, Sensitive)}
    return {**live, "metadata": {**meta, "annotations": notes}, "data": {}}


def _done(secret: Secret, record: Record | None, since: int) -> bool:
    """Whether the record says what is declared: one that was left in the cluster may have to go after all. ``since`` is
    the place of the last restore's record: before it the copy stood, and went, elsewhere."""
    if record is None or record.fact.retire is None:
        return False
    if secret.scaffold is None:
        return True
    return record.seq > since and _MORE.index(record.fact.retire) >= _MORE.index(secret.handover.retire)


def _how(secret: Secret, left: CopyState | None) -> tuple[RetireMode, str]:
    """What became of the bootstrap copy: by declaration, or because it was deleted before."""
    if secret.scaffold is None:
        return RetireMode.DELETED, "no copy in the cluster"
    mode = secret.handover.retire
    if left is CopyState.ABSENT and mode is not RetireMode.DELETED:
        return RetireMode.DELETED, "the scaffold was gone already, re-creation refused"
    return mode, _HOW[mode]


def waiting_for(world: World) -> dict[str, tuple[str, ...]]:
    """Secret to what its retirement waits for: consumers, pods that hold the scaffold, finalizers."""
    secrets, scaffolds = world.intent.handovers, world.intent.scaffolds
    late = world.each(lambda s: unready(world, s), secrets, "consumers looked at")
    found = {s.name: why for s, why in zip(secrets, late, strict=True)}
    holding = world.each(lambda s: _held(world, s), scaffolds, "scaffolds looked at")
    for secret, held in zip(scaffolds, holding, strict=True):
        found[secret.name] = (*found.get(secret.name, ()), *held)
    return {name: why for name, why in found.items() if why}


def _held(world: World, secret: Secret) -> list[str]:
    live = world.cluster.get(bootstrap_copy_ref(secret))
    held = finalizers(live) if live is not None else ()
    return [*holders(world, secret), *held]


def refused_copies(world: World) -> dict[str, bool]:
    """Scaffold to whether admission refuses it, asked of the live API server (a dry run)."""
    scaffolds = world.intent.scaffolds
    refused = world.each(
        lambda s: world.cluster.refused_at_admission(_probe(s)), scaffolds, "scaffolds tried"
    )
    return {str(bootstrap_copy_ref(s)): bool(why) for s, why in zip(scaffolds, refused, strict=True)}


def _probe(secret: Secret) -> Object:
    ref = bootstrap_copy_ref(secret)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": ref.name, "namespace": ref.namespace}}


def finalizers(live: Object) -> tuple[str, ...]:
    """Why a deleted scaffold is still there."""
    if not live["metadata"].get("deletionTimestamp"):
        return ()
    return (f"deleted, and held by finalizers {', '.join(live['metadata'].get('finalizers', ()))}",)
