"""The cluster saves snapshots of itself as declared, or no longer does (INV1, G4, S2).

Where ``snapshots`` left ``bootstrap.yaml``, what was made for them goes, the settings last: they tell that there is
something. The volume stays: what lies on it may be the only copy.
"""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.model.plan import Step
from bootstrap.ports import Object
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.environment import environment_of
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_bytes
from bootstrap.steps.vault.snapshot_objects import REMOVED, SETTINGS, made_once, objects, settings_of


@dataclass(frozen=True, slots=True)
class Observation:
    """``missing`` are created, ``changed`` applied, ``left`` deleted; ``no_escrow``: where none was found."""

    missing: tuple[Object, ...] = ()
    changed: tuple[Object, ...] = ()
    left: tuple[Object, ...] = ()
    no_escrow: str = ""


class Snapshots:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.wanted = world.intent.platform.snapshots

    def observe(self) -> Observation:
        cluster, intent = self.world.cluster, self.world.intent
        if self.wanted is None:
            there = cluster.get(SETTINGS) is not None
            found = [cluster.get(ref) for ref in REMOVED] if there else []
            return Observation(left=tuple(obj for obj in found if obj is not None))
        escrow = escrow_bytes(self.world)
        missing = tuple(o for o in made_once(self.wanted) if cluster.get(ref_of(o)) is None)
        if escrow is None:
            return Observation(missing, no_escrow=self.world.records.folder)
        settings = settings_of(intent, self.wanted, cluster.uid(), environment_of(cluster))
        wanted = objects(intent, self.wanted, settings, escrow)
        return Observation(missing, tuple(o for o in wanted if cluster.differs(o)))

    def decide(self, seen: Observation) -> Decision:
        if seen.no_escrow:
            return Blocked(
                PreconditionError(
                    "no escrow of this cluster's unseal share: a snapshot without it could not be opened",
                    code="E_ESCROW_MISSING",
                    where=seen.no_escrow,
                    hint="give --records with the folder that `up` wrote, or the commit that holds records/",
                )
            )
        changes = [f"create {ref_of(o)}" for o in seen.missing]
        changes += [f"apply {ref_of(o)}" for o in seen.changed]
        changes += [f"delete {ref_of(o)}" for o in seen.left]
        if changes:
            what = "snapshots are no longer declared" if seen.left else "let the cluster save snapshots"
            return Act(what, tuple(changes))
        if self.wanted is None:
            return Satisfied("none are declared")
        return Satisfied(f"saved at {self.wanted.schedule} (UTC), {self.wanted.keep} are kept")

    def act(self, seen: Observation) -> None:
        cluster = self.world.cluster
        for obj in seen.changed[:1]:  # the settings, by which the others are known of
            applied(self.world, obj)
        for obj in seen.missing:
            expect(cluster.create(obj), ref_of(obj))
        for obj in seen.changed[1:]:
            applied(self.world, obj)
        for obj in seen.left:
            expect(cluster.delete(ref_of(obj), uid=obj["metadata"]["uid"]), ref_of(obj))
