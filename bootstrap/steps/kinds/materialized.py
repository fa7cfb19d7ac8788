"""What consumers read: Secrets derived from Vault, and what the cluster itself publishes through it (INV5, INV7).

An internal entry whose source Secret its operator has not made yet is pending, not a failure. So is a secret that
Git does not introduce, as long as it is not written into Vault. What was last synced with a Vault that is gone is
asked for again: its values are those of before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bootstrap.model.catalog import Internal
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import DefinitionError, WorldError
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import condition, condition_message, kubectl, ref_of, refreshed_since
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.consumers import look_again, secret_of, unwritten
from bootstrap.steps.secrets.external_secret_objects import external_secrets, look_ahead, published
from bootstrap.steps.secrets.sources import opening_sources, source
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
    kept_back: DefinitionError | None = None  # a source that holds a key of the root


class Materialized:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        kept_back = next(opening_sources(self.world), None)
        sourceless = tuple(e for e in self.world.intent.internals if not self._source(e))
        began, objects = since(self.world), self._objects()
        look_ahead(self.world)
        changed = [obj for obj, _ in objects if self.world.cluster.differs(obj)]
        differing = {ref_of(obj) for obj in changed}
        same = [(obj, entry) for obj, entry in objects if ref_of(obj) not in differing]
        unready = self._unready([obj for obj, _ in same], began)
        late = [obj for obj, entry in same if ref_of(obj) in unready and entry not in sourceless]
        # Vault is asked about what is late only: on a finished cluster about nothing.
        waits = unwritten(self.world, [ref_of(o) for o in late])
        waiting = tuple(o for o in late if ref_of(o) not in waits)
        why = tuple(dict.fromkeys(waits.values()))
        synced = len(same) - len(unready)
        return Observation(tuple(changed), waiting, sourceless, why, synced, began, kept_back)

    def decide(self, seen: Observation) -> Decision:
        if seen.kept_back is not None:
            return Blocked(seen.kept_back)
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
        missing = [o for o in (*seen.changed, *seen.waiting) if o["kind"] == "ExternalSecret"]
        self.world.each(self._free_other_type, missing, "consumers looked at")
        put = self._putting(seen)
        self.world.each(put, tuple(external_secrets(self.world.intent)), "consumers applied")
        if seen.sourceless:
            self._wait_for_sources(seen.sourceless)
        for entry, push, readers in published(self.world.intent):
            self._publish(entry, push, readers, put, seen.since)
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

    def _putting(self, seen: Observation) -> Callable[[Object], None]:
        """Applied where it differs. One that is there and late is asked for again: its operator, which found
        nothing before, may not look for minutes, and a change makes it look at once."""
        changed, late = ({ref_of(o) for o in those} for those in (seen.changed, seen.waiting))

        def put(obj: Object) -> None:
            if ref_of(obj) in late:
                look_again(self.world, obj)
            elif ref_of(obj) in changed:
                expect(self.world.cluster.apply(obj), ref_of(obj))

        return put

    def _publish(
        self,
        entry: Internal,
        push: Object,
        readers: tuple[Object, ...],
        put: Callable[[Object], None],
        began: str,
    ) -> None:
        """The pusher first: a reader that finds nothing yet would back off for long. Its source may have come since
        the last look."""
        for error in opening_sources(self.world):
            raise error
        put(push)
        if self._source(entry):
            self._wait([push], began)
        for reader in readers:
            put(reader)

    def _objects(self) -> list[tuple[Object, Internal | None]]:
        found: list[tuple[Object, Internal | None]] = [(o, None) for o in external_secrets(self.world.intent)]
        for entry, push, readers in published(self.world.intent):
            found += [(push, entry), *((r, entry) for r in readers)]
        return found

    def _source(self, entry: Internal) -> bool:
        return source(self.world, entry) is not None

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
        self._wait(
            [o for o, entry in self._objects() if (self._source(entry) if entry else ref_of(o) in given)],
            began,
        )
        others = [o for o in external_secrets(intent) if ref_of(o) not in given]
        unready = self._unready(others, began)
        late = [o for o in others if ref_of(o) in unready]
        waits = unwritten(self.world, [ref_of(o) for o in late])
        for why in dict.fromkeys(waits.values()):
            self.world.narrator.event("pending", message=why)
        self._wait([o for o in late if ref_of(o) not in waits], began)

    def _unready(self, objects: Sequence[Object], began: str) -> frozenset[Ref]:
        """As they are now: in lists where there are several."""
        with self.world.look.shared():
            look_ahead(self.world)
            ready = self.world.each(lambda o: self._ready(o, began), objects, "consumers looked at")
        return frozenset(ref_of(o) for o, is_ready in zip(objects, ready, strict=True) if not is_ready)

    def _ready(self, obj: Object, began: str) -> bool:
        live = self.world.cluster.get(ref_of(obj))
        ready = condition(live, "Ready") and refreshed_since(live, began)
        if obj["kind"] == "ExternalSecret":
            target = Ref("v1", "Secret", obj["spec"]["target"]["name"], obj["metadata"]["namespace"])
            return ready and self.world.cluster.get(target) is not None
        return ready

    def _wait(self, objects: Sequence[Object], began: str) -> None:
        """Until all are synced: two minutes for each time that one more is."""
        late = list(objects)

        def fewer() -> bool:
            nonlocal late
            before, unready = len(late), self._unready(late, began)
            late = [o for o in late if ref_of(o) in unready]
            return len(late) < before

        while late:
            ref, more = ref_of(late[0]), len(late) - 1
            try:
                self.world.wait(
                    f"{ref} is synced" + (f", and {more} more" if more else ""), fewer, seconds=120
                )
            except WorldError as error:
                if error.code == "E_TIMEOUT":
                    error.message += ": " + condition_message(self.world.cluster.get(ref), "Ready")
                    error.where = str(ref)
                    error.hint = kubectl("describe", ref)
                raise


def _why(entry: Internal) -> str:
    return f"{entry.name} waits for Secret {entry.source.namespace}/{entry.source.secret}, which its operator makes"
