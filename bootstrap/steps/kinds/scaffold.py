"""Bootstrap secrets that something needs before Vault exists: create-only, labelled, in their one namespace (B1)."""

from dataclasses import dataclass

from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import COMMIT_ANNOTATION, SECRET_ANNOTATION, is_ours, labels, namespace
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref, ledger_is_lost
from bootstrap.steps.secrets.values import source_values


@dataclass(frozen=True, slots=True)
class Observation:
    missing: tuple[Secret, ...]
    taken: tuple[Secret, ...]
    over: tuple[Secret, ...]
    undecided: bool = False


class BootstrapCopies:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        missing, taken, over = [], [], []
        if ledger_is_lost(self.world):
            return Observation((), (), (), undecided=True)
        committed = named(self.world.ledger.read(), RecordType.COMMIT)
        for secret in self.world.intent.scaffolds:
            live = self.world.cluster.get(bootstrap_copy_ref(secret))
            if secret.name in committed:
                over.append(secret)  # authority has moved: a scaffold is never made again
            elif live is None:
                missing.append(secret)
            elif not is_ours(live):
                taken.append(secret)
        return Observation(tuple(missing), tuple(taken), tuple(over))

    def decide(self, seen: Observation) -> Decision:
        if seen.taken:
            ref = bootstrap_copy_ref(seen.taken[0])
            return Blocked(
                PreconditionError(
                    "a Secret of this name exists and is not ours; it is left as it is",
                    code="E_NAME_TAKEN",
                    where=str(ref),
                    hint=f"rename the scaffold ({seen.taken[0].where}), or remove that Secret if nothing uses it",
                )
            )
        if seen.missing:
            refs = tuple(f"create {bootstrap_copy_ref(s)}" for s in seen.missing)
            return Act(f"materialize {len(seen.missing)} bootstrap secrets", refs)
        count = len(self.world.intent.scaffolds)
        if seen.undecided:
            return Satisfied("what was handed over is known once the ledger is open")
        return Satisfied(f"{count - len(seen.over)} in the cluster, {len(seen.over)} handed over before")

    def act(self, seen: Observation) -> None:
        for secret in seen.missing:
            ref = bootstrap_copy_ref(secret)
            if self.world.cluster.get(Ref("v1", "Namespace", ref.namespace)) is None:
                made = namespace(ref.namespace)
                expect(self.world.cluster.create(made), Ref("v1", "Namespace", ref.namespace))
            expect(self.world.cluster.create(self._object(secret, ref)), ref)

    def _object(self, secret: Secret, ref: Ref) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": secret.scaffold.type if secret.scaffold else "Opaque",
            "metadata": {
                "name": ref.name,
                "namespace": ref.namespace,
                "labels": labels("scaffold"),
                "annotations": {SECRET_ANNOTATION: secret.name, COMMIT_ANNOTATION: self.world.intent.commit},
            },
            "data": source_values(self.world, secret),
        }
