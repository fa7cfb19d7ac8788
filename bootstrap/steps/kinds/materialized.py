"""What consumers read: Secrets derived from Vault, and what the cluster itself publishes through it (INV5, INV7).

An internal entry whose source Secret its operator has not made yet is pending, not a failure. So is a secret that
Git does not introduce, as long as it is not written into Vault. What was last synced with a Vault that is gone is
asked for again: its values are those of before.
"""

from dataclasses import dataclass

from bootstrap.model.catalog import Internal
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import condition, condition_message, kubectl, ref_of, refreshed_since
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.consumers import look_again, secret_of, unwritten
from bootstrap.steps.secrets.external_secret_objects import external_secrets, published
from bootstrap.steps.vault.presence import since

SOURCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Observation:
    changed: tuple[Object, ...]
    waiting: tuple[Object, ...]  # applied, not ready
    sourceless: tuple[Internal, ...]
    unwritten: tuple[str, ...]  # what secrets without a value wait for
    synced: int
    since: str  # what was last synced before, was synced with a Vault that is gone


class Materialized:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        sourceless = tuple(e for e in self.world.intent.internals if not self._source(e))
        changed, late, synced, began = [], [], 0, since(self.world)
        for obj, entry in self._objects():
            if self.world.cluster.differs(obj):
                changed.append(obj)
            elif self._ready(obj, began):
                synced += 1
            elif entry not in sourceless:
                late.append(obj)
        # Vault is asked about what is late only: on a finished cluster about nothing.
        waits = unwritten(self.world, [ref_of(o) for o in late])
        waiting = tuple(o for o in late if ref_of(o) not in waits)
        why = tuple(dict.fromkeys(waits.values()))
        return Observation(tuple(changed), waiting, sourceless, why, synced, began)

    def decide(self, seen: Observation) -> Decision:
        if seen.changed:
            return Act(
                f"materialize: apply {len(seen.changed)} objects",
                tuple(f"apply {ref_of(o)}" for o in seen.changed),
            )
        if seen.waiting:
            return Act("wait until they are synced", tuple(f"wait for {ref_of(o)}" for o in seen.waiting))
        pending = (*(_why(e) for e in seen.sourceless), *seen.unwritten)
        return Satisfied(f"{seen.synced} synced", pending)

    def act(self, seen: Observation) -> None:
        for obj in (*seen.changed, *seen.waiting):
            if obj["kind"] == "ExternalSecret":
                self._free_other_type(obj)
        for obj in external_secrets(self.world.intent):
            self._put(obj, seen)
        if seen.sourceless:
            self._wait_for_sources(seen.sourceless)
        for entry, push, readers in published(self.world.intent):
            self._publish(entry, push, readers, seen)
        self._wait_for_all(seen.since)

    def _free_other_type(self, obj: Object) -> None:
        """A Secret's type never changes, so a derived one of another type makes room (INV5: it is disposable)."""
        target = obj["spec"]["target"]
        ref = Ref("v1", "Secret", target["name"], obj["metadata"]["namespace"])
        live = self.world.cluster.get(ref)
        wanted = target.get("template", {}).get("type", "Opaque")
        owners = live["metadata"].get("ownerReferences", ()) if live else ()
        if live and live.get("type", wanted) != wanted and any(o["kind"] == "ExternalSecret" for o in owners):
            expect(self.world.cluster.delete(ref, uid=live["metadata"]["uid"]), ref)

    def _put(self, obj: Object, seen: Observation) -> None:
        """Applied where it differs. One that is there and late is asked for again: its operator, which found
        nothing before, may not look for minutes, and a change makes it look at once."""
        if obj in seen.waiting:
            look_again(self.world, obj)
        elif obj in seen.changed:
            expect(self.world.cluster.apply(obj), ref_of(obj))

    def _publish(self, entry: Internal, push: Object, readers: tuple[Object, ...], seen: Observation) -> None:
        """The pusher first: a reader that finds nothing yet would back off for long."""
        self._put(push, seen)
        if self._source(entry):
            self._wait(push, seen.since)
        for reader in readers:
            self._put(reader, seen)

    def _objects(self) -> list[tuple[Object, Internal | None]]:
        found: list[tuple[Object, Internal | None]] = [(o, None) for o in external_secrets(self.world.intent)]
        for entry, push, readers in published(self.world.intent):
            found += [(push, entry), *((r, entry) for r in readers)]
        return found

    def _source(self, entry: Internal) -> bool:
        return (
            self.world.cluster.get(Ref("v1", "Secret", entry.source.secret, entry.source.namespace))
            is not None
        )

    def _wait_for_sources(self, entries: tuple[Internal, ...]) -> None:
        """Operators that the workloads step has just started get a minute; then the run goes on without."""
        try:
            self.world.wait(
                "the sources of internal secrets",
                lambda: all(self._source(e) for e in entries),
                seconds=SOURCE_SECONDS,
            )
        except WorldError:
            for entry in entries:
                self.world.narrator.event("pending", message=_why(entry))

    def _wait_for_all(self, began: str) -> None:
        """What may have no value comes last, so that one which was written during this run still counts."""
        intent = self.world.intent
        given = {ref_of(o) for o in external_secrets(intent) if secret_of(o, intent).handed_over}
        for obj, entry in self._objects():
            if self._source(entry) if entry else ref_of(obj) in given:
                self._wait(obj, began)
        late = [o for o in external_secrets(intent) if ref_of(o) not in given and not self._ready(o, began)]
        waits = unwritten(self.world, [ref_of(o) for o in late])
        for why in dict.fromkeys(waits.values()):
            self.world.narrator.event("pending", message=why)
        for obj in late:
            if ref_of(obj) not in waits:
                self._wait(obj, began)

    def _ready(self, obj: Object, began: str) -> bool:
        live = self.world.cluster.get(ref_of(obj))
        ready = condition(live, "Ready") and refreshed_since(live, began)
        if obj["kind"] == "ExternalSecret":
            target = Ref("v1", "Secret", obj["spec"]["target"]["name"], obj["metadata"]["namespace"])
            return ready and self.world.cluster.get(target) is not None
        return ready

    def _wait(self, obj: Object, began: str) -> None:
        ref = ref_of(obj)
        try:
            self.world.wait(f"{ref} is synced", lambda: self._ready(obj, began), seconds=120)
        except WorldError as error:
            if error.code == "E_TIMEOUT":
                error.message += ": " + condition_message(self.world.cluster.get(ref), "Ready")
                error.where = str(ref)
                error.hint = kubectl("describe", ref)
            raise


def _why(entry: Internal) -> str:
    return f"{entry.name} waits for Secret {entry.source.namespace}/{entry.source.secret}, which its operator makes"
