"""What consumers read: Secrets derived from Vault, and what the cluster itself publishes through it (INV5, INV7).

An internal entry whose source Secret its operator has not made yet is pending, not a failure.
"""

from dataclasses import dataclass

from bootstrap.model.catalog import Internal
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref
from bootstrap.steps.derived_objects import external_secrets, published
from bootstrap.steps.health import condition, condition_message, ref_of
from bootstrap.steps.outcome import expect
from bootstrap.steps.world import World

SOURCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Seen:
    changed: tuple[Object, ...]
    waiting: tuple[Object, ...]  # applied, not ready
    pending: tuple[Internal, ...]


class Materialized:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Seen:
        pending = tuple(e for e in self.world.intent.internals if not self._source(e))
        waits = {e.name for e in pending}
        changed, waiting = [], []
        for obj, name in self._objects():
            if self.world.cluster.differs(obj):
                changed.append(obj)
            elif name not in waits and not self._ready(obj):
                waiting.append(obj)
        return Seen(tuple(changed), tuple(waiting), pending)

    def decide(self, seen: Seen) -> Decision:
        if seen.changed:
            return Act(
                f"materialize: apply {len(seen.changed)} objects",
                tuple(f"apply {ref_of(o)}" for o in seen.changed),
            )
        if seen.waiting:
            return Act("wait until they are synced", tuple(f"wait for {ref_of(o)}" for o in seen.waiting))
        count = sum(1 for _ in self._objects())
        return Satisfied(f"{count} synced", tuple(_why(e) for e in seen.pending))

    def act(self, seen: Seen) -> None:
        wait_for_sources = bool(seen.pending)
        for obj in (*seen.changed, *seen.waiting):
            if obj["kind"] == "ExternalSecret":
                self._free_other_type(obj)
        for obj in seen.changed:
            if obj["kind"] == "ExternalSecret" and not self._internal(obj):
                self._apply(obj)
        if wait_for_sources:
            self._wait_for_sources(seen.pending)
        for _, push, readers in published(self.world.intent):
            self._publish(push, readers, seen)
        for obj, _ in self._objects():
            if self._expected(obj):
                self._wait(obj)

    def _free_other_type(self, obj: Object) -> None:
        """A Secret's type never changes, so a derived one of another type makes room (INV5: it is disposable)."""
        target = obj["spec"]["target"]
        ref = Ref("v1", "Secret", target["name"], obj["metadata"]["namespace"])
        live = self.world.cluster.get(ref)
        wanted = target.get("template", {}).get("type", "Opaque")
        owners = live["metadata"].get("ownerReferences", ()) if live else ()
        if live and live.get("type", wanted) != wanted and any(o["kind"] == "ExternalSecret" for o in owners):
            expect(self.world.cluster.delete(ref, uid=live["metadata"]["uid"]), ref)

    def _publish(self, push: Object, readers: tuple[Object, ...], seen: Seen) -> None:
        """The pusher first: a reader that finds nothing yet would back off for long."""
        if push in seen.changed:
            self._apply(push)
        if self._expected(push):
            self._wait(push)
        for reader in readers:
            if reader in seen.changed:
                self._apply(reader)

    def _expected(self, obj: Object) -> bool:
        entry = self._internal(obj)
        return entry is None or self._source(entry)

    def _internal(self, obj: Object) -> Internal | None:
        for entry, push, readers in published(self.world.intent):
            if ref_of(obj) in (ref_of(push), *(ref_of(r) for r in readers)):
                return entry
        return None

    def _objects(self) -> list[tuple[Object, str]]:
        found = [(o, "") for o in external_secrets(self.world.intent)]
        for entry, push, readers in published(self.world.intent):
            found += [(push, entry.name), *((r, entry.name) for r in readers)]
        return found

    def _source(self, entry: Internal) -> bool:
        return (
            self.world.cluster.get(Ref("v1", "Secret", entry.source_secret, entry.source_namespace))
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

    def _apply(self, obj: Object) -> None:
        expect(self.world.cluster.apply(obj), ref_of(obj))

    def _ready(self, obj: Object) -> bool:
        live = self.world.cluster.get(ref_of(obj))
        if obj["kind"] == "ExternalSecret":
            target = Ref("v1", "Secret", obj["spec"]["target"]["name"], obj["metadata"]["namespace"])
            return condition(live, "Ready") and self.world.cluster.get(target) is not None
        return condition(live, "Ready")

    def _wait(self, obj: Object) -> None:
        try:
            self.world.wait(f"{ref_of(obj)} is synced", lambda: self._ready(obj), seconds=120)
        except WorldError as error:
            error.message += ": " + condition_message(self.world.cluster.get(ref_of(obj)), "Ready")
            raise


def _why(entry: Internal) -> str:
    return f"{entry.name} waits for Secret {entry.source_namespace}/{entry.source_secret}, which its operator makes"
