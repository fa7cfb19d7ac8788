"""Retirement: the scaffold deleted by UID, its return refused and that proven, and a RETIRED record (H3, H5).

A secret that never had a scaffold has no bootstrap copy in the cluster; its record says so, and names what
stays in Git's history.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bootstrap.ledger.record import Fact, Phase, Record
from bootstrap.model.catalog import Custody, Renew, Secret
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.handover import Next, Scaffold, Sight, next_step
from bootstrap.model.plan import Step
from bootstrap.ports import Object
from bootstrap.steps.admission import POLICY, admission_policy
from bootstrap.steps.consumers import holders, unready
from bootstrap.steps.handover_one import Here, fact, here, renewed
from bootstrap.steps.health import ref_of
from bootstrap.steps.outcome import expect
from bootstrap.steps.scaffold import scaffold_ref
from bootstrap.steps.transfers import named
from bootstrap.steps.values import source_values
from bootstrap.steps.world import World

READY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Seen:
    policy: bool  # admission refuses scaffolds as it should
    standing: tuple[tuple[Secret, Object], ...]  # scaffolds that are still there
    unrecorded: tuple[Secret, ...]
    waiting: Mapping[str, tuple[str, ...]]  # secret to what its retirement waits for

    def step(self, secret: Secret, scaffold: Scaffold | None = None) -> Next:
        """What comes next for a secret whose handover is committed; ``scaffold`` where its content was read."""
        stands = any(s.name == secret.name for s, _ in self.standing)
        return next_step(
            Sight(
                written=True,
                committed=True,
                waiting=secret.name in self.waiting,
                scaffold=scaffold or (Scaffold.STANDS if stands else Scaffold.ABSENT),
                retired=all(s.name != secret.name for s in self.unrecorded),
            )
        )


class Retired:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.scaffolds = world.intent.scaffolds
        self._waited = False  # consumers have had their time in this run

    def observe(self) -> Seen:
        cluster = self.world.cluster
        policy = all(not cluster.differs(o) for o in self._policy())
        standing = tuple(
            (s, live) for s in self.scaffolds if (live := cluster.get(scaffold_ref(s))) is not None
        )
        recorded = named(self.world.ledger.read(), Phase.RETIRED)
        unrecorded = tuple(s for s in self.world.intent.handovers if s.name not in recorded)
        waiting = waiting_for(self.world) if standing or unrecorded else {}
        return Seen(policy, standing, unrecorded, waiting)

    def decide(self, seen: Seen) -> Decision:
        changes = [] if seen.policy else [f"apply ValidatingAdmissionPolicy {POLICY}"]
        changes += [
            f"delete {scaffold_ref(s)} (UID {o['metadata']['uid']})"
            for s, o in seen.standing
            if seen.step(s) is Next.DELETE
        ]
        changes += [f"record {s.name} RETIRED" for s in seen.unrecorded if seen.step(s) is not Next.WAIT]
        if not self._waited:
            changes += [f"give {name} time: {', '.join(why)}" for name, why in seen.waiting.items()]
        if changes:
            return Act("retire the bootstrap copies", tuple(changes))
        retired = len(self.world.intent.handovers) - len(seen.unrecorded)
        pending = tuple(f"{name}: {', '.join(why)}" for name, why in sorted(seen.waiting.items()))
        return Satisfied(
            f"{retired} retired, {len(self.scaffolds) - len(seen.standing)} scaffolds gone for good", pending
        )

    def act(self, seen: Seen) -> None:
        for obj in self._policy():
            expect(self.world.cluster.apply(obj), ref_of(obj))
        seen = replace(seen, waiting=self._patiently())
        committed = named(self.world.ledger.read(), Phase.COMMIT)
        for secret, live in seen.standing:
            if secret.name in committed:
                self._take_away(secret, live, seen)
        if self.scaffolds:
            self.world.wait("admission refuses retired scaffolds", self._refused, seconds=60)
        held = {s.name for s in self.scaffolds if self.world.cluster.get(scaffold_ref(s)) is not None}
        gone = [s for s in seen.unrecorded if seen.step(s) is not Next.WAIT and s.name not in held]
        place = here(self.world)
        self.world.ledger.append([self._retired(s, committed[s.name], place) for s in gone])
        self._waited = True

    def _policy(self) -> tuple[Object, ...]:
        return admission_policy(self.scaffolds) if self.scaffolds else ()

    def _patiently(self) -> dict[str, tuple[str, ...]]:
        """The same, after giving the consumers their time."""
        until = self.world.clock.monotonic() + READY_SECONDS
        while (waiting := waiting_for(self.world)) and self.world.clock.monotonic() < until:
            first = next(iter(waiting))
            self.world.narrator.event("waiting", message=f"{first}: {waiting[first][0]}")
            self.world.clock.sleep(1)
        return waiting

    def _take_away(self, secret: Secret, live: Object, seen: Seen) -> None:
        """Only the bytes that were handed over: a scaffold that somebody changed since is kept and named."""
        if seen.step(secret) is Next.WAIT:
            return
        same = live["data"] == source_values(self.world, secret)
        if seen.step(secret, Scaffold.STANDS if same else Scaffold.CHANGED) is Next.DRIFT:
            raise EvidenceError(
                f"{secret.name}: its scaffold holds something else than what was handed over",
                code="E_SOURCE_DRIFT",
                where=str(scaffold_ref(secret)),
                hint="see who changed it; put the declared value back, or remove the Secret yourself",
            )
        meta = live["metadata"]
        ref = scaffold_ref(secret)
        expect(self.world.cluster.delete(ref, uid=meta["uid"], resource_version=meta["resourceVersion"]), ref)

    def _refused(self) -> bool:
        return all(refused_scaffolds(self.world).values())

    def _retired(self, secret: Secret, committed: Record, place: Here) -> Fact:
        dead = set(renewed(secret, committed.fact.commitments)) >= set(committed.fact.commitments)
        residuals = [] if dead else ["git-history"]
        if secret.scaffold is not None:
            residuals += ["etcd-history", "etcd-backups"]
        if self.world.intent.platform.vault.custody is Custody.CLUSTER:
            residuals.append("unseal-key-in-cluster")
        how = "scaffold deleted by UID, re-creation refused" if secret.scaffold else "no copy in the cluster"
        details = dict(committed.fact.details) | {"how": how}
        if secret.handover.renew is Renew.REISSUE:
            details["live"] = "the value in Git is live until its issuer replaces it"
        if secret.handover.renew is Renew.KEEP:
            details["live"] = "the value in Git is live until it is rotated"
        if secret.handover.reason:
            details["reason"] = secret.handover.reason
        if secret.handover.until:
            details["until"] = secret.handover.until
        made = fact(self.world, secret, Phase.RETIRED, dict(committed.fact.commitments), place)
        return replace(made, source=committed.fact.source, residuals=tuple(residuals), details=details)


def waiting_for(world: World) -> dict[str, tuple[str, ...]]:
    """Secret to what its retirement waits for: consumers, pods that hold the scaffold, finalizers."""
    found = {s.name: unready(world, s) for s in world.intent.handovers}
    for secret in world.intent.scaffolds:
        live = world.cluster.get(scaffold_ref(secret))
        held = finalizers(live) if live is not None else ()
        found[secret.name] = (*found.get(secret.name, ()), *holders(world, secret), *held)
    return {name: why for name, why in found.items() if why}


def refused_scaffolds(world: World) -> dict[str, bool]:
    """Scaffold to whether admission refuses it, asked of the live API server (a dry run)."""
    return {
        str(scaffold_ref(s)): bool(world.cluster.refused_at_admission(_probe(s)))
        for s in world.intent.scaffolds
    }


def _probe(secret: Secret) -> Object:
    ref = scaffold_ref(secret)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": ref.name, "namespace": ref.namespace}}


def finalizers(live: Object) -> tuple[str, ...]:
    """Why a deleted scaffold is still there."""
    if not live["metadata"].get("deletionTimestamp"):
        return ()
    return (f"deleted, and held by finalizers {', '.join(live['metadata'].get('finalizers', ()))}",)
