"""Bootstrap secrets that something needs before Vault exists: create-only, labelled, in their one namespace (B1)."""

from dataclasses import dataclass

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref
from bootstrap.steps.authority.approvals import decided
from bootstrap.steps.authority.facts import new_authority
from bootstrap.steps.authority.gather import begins_anew, gather
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import COMMIT_ANNOTATION, SECRET_ANNOTATION, is_ours, labels, namespace
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref, ledger_is_lost
from bootstrap.steps.secrets.values import copy_values
from bootstrap.steps.vault.restoration import under_way


@dataclass(frozen=True, slots=True)
class Observation:
    """``emptied`` were retired as inert and are needed once more, under a new authority or in a restore; ``decision``
    is what makes it one, where the ledger lacks it; ``refusal`` is what refuses retired copies, which has to go for
    that."""

    missing: tuple[Secret, ...] = ()
    emptied: tuple[tuple[Secret, Object], ...] = ()
    taken: tuple[Secret, ...] = ()
    over: tuple[Secret, ...] = ()
    undecided: bool = False
    decision: tuple[Fact, ...] = ()
    refusal: tuple[Object, ...] = ()


class BootstrapCopies:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        missing, taken, over = [], [], []
        emptied: list[tuple[Secret, Object]] = []
        ledger = self.world.ledger.read()
        # Of a platform that is being restored nothing stands here yet: what it needs before its Vault, it needs again.
        restoring = under_way(self.world.cluster, ledger) is not None
        if not restoring and ledger_is_lost(self.world):
            return Observation(undecided=True)
        anew = begins_anew(self.world, ledger)
        committed = {} if anew or restoring else named(ledger, RecordType.COMMIT)
        cluster, scaffolds = self.world.cluster, self.world.intent.scaffolds
        found = self.world.each(
            lambda s: cluster.get(bootstrap_copy_ref(s)), scaffolds, "scaffolds looked at"
        )
        for secret, live in zip(scaffolds, found, strict=True):
            if secret.name in committed:
                over.append(secret)  # authority has moved: a scaffold is never made again
            elif live is None:
                missing.append(secret)
            elif not is_ours(live):
                taken.append(secret)
            elif not live.get("data"):
                emptied.append((secret, live))
        return Observation(
            missing=tuple(missing),
            emptied=tuple(emptied),
            taken=tuple(taken),
            over=tuple(over),
            decision=self._decision(ledger) if anew else (),
            refusal=self._refusal() if (anew or restoring) and (missing or emptied) else (),
        )

    def _decision(self, ledger: Ledger) -> tuple[Fact, ...]:
        """Where the ledger of the lost authority is there still, it goes on, and has the decision first."""
        if not ledger.entries or decided(ledger):
            return ()
        return new_authority(self.world, gather(self.world))

    def _refusal(self) -> tuple[Object, ...]:
        refs = (Ref(API, f"ValidatingAdmissionPolicy{kind}", POLICY) for kind in ("Binding", ""))
        found = (self.world.cluster.get(ref) for ref in refs)
        return tuple(obj for obj in found if obj is not None and is_ours(obj))

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
        changes = ["record the new authority"] if seen.decision else []
        changes += [f"delete {ref_of(obj)}, until they are retired again" for obj in seen.refusal]
        changes += [f"create {bootstrap_copy_ref(s)}" for s in seen.missing]
        changes += [f"fill {bootstrap_copy_ref(s)}" for s, _ in seen.emptied]
        if changes:
            count = len(seen.missing) + len(seen.emptied)
            begun = "begin a new authority, " if seen.decision else ""
            return Act(f"{begun}materialize {count} bootstrap secrets", tuple(changes))
        count = len(self.world.intent.scaffolds)
        if seen.undecided:
            return Satisfied("what was handed over is known once the ledger is open")
        return Satisfied(f"{count - len(seen.over)} in the cluster, {len(seen.over)} handed over before")

    def act(self, seen: Observation) -> None:
        self.world.ledger.append(seen.decision)
        for obj in seen.refusal:
            expect(self.world.cluster.delete(ref_of(obj), uid=obj["metadata"]["uid"]), ref_of(obj))
        self._make_namespaces(seen.missing)
        if seen.refusal:
            wanted = (*seen.missing, *(secret for secret, _ in seen.emptied))
            self.world.wait("admission takes bootstrap copies again", lambda: self._admitted(wanted))
        for secret, live in seen.emptied:
            filled = {**live, "data": copy_values(self.world, secret)}
            expect(self.world.cluster.replace(filled), bootstrap_copy_ref(secret))
        for secret in seen.missing:
            ref = bootstrap_copy_ref(secret)
            expect(self.world.cluster.create(self._object(secret, ref)), ref)

    def _make_namespaces(self, secrets: tuple[Secret, ...]) -> None:
        """Before admission is asked: in a namespace that is not there a dry run says nothing of a policy."""
        for name in dict.fromkeys(bootstrap_copy_ref(secret).namespace for secret in secrets):
            ref = Ref("v1", "Namespace", name)
            if self.world.cluster.get(ref) is None:
                expect(self.world.cluster.create(namespace(name)), ref)

    def _admitted(self, secrets: tuple[Secret, ...]) -> bool:
        """Asked by dry runs: the API server learns late that a policy is gone."""
        made = (self._object(secret, bootstrap_copy_ref(secret)) for secret in secrets)
        return not any(self.world.cluster.refused_at_admission(obj) for obj in made)

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
            "data": copy_values(self.world, secret),
        }
