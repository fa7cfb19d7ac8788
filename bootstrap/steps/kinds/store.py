"""The one ClusterSecretStore, the accounts by which namespaces log in, and what the operator may write (D2, S2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.ports import Object
from bootstrap.steps.context.applied import applied_in_any_order
from bootstrap.steps.context.health import condition, condition_message, ref_of
from bootstrap.steps.context.names import READER_ACCOUNT, STORE, labels, namespace
from bootstrap.steps.context.operator import writing_namespaces
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.resting import at_rest, operator_ref, start
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.operator_rights import operator_rights
from bootstrap.steps.secrets.vault_backend import STORE_REF, store_object


@dataclass(frozen=True, slots=True)
class Observation:
    missing: tuple[Object, ...]  # namespaces and accounts, create-only
    rights: tuple[Object, ...]  # of the operator, not as they should be
    changed: bool
    valid: bool
    resting: bool = False  # the operator, since a restore began


class Store:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        cluster = self.world.cluster
        accounts, rights = tuple(self._accounts()), tuple(operator_rights(self.world.intent))
        live = self.world.each(lambda o: cluster.get(ref_of(o)), accounts, "accounts looked at")
        differing = self.world.each(cluster.differs, rights, "rights looked at")
        missing = tuple(o for o, found in zip(accounts, live, strict=True) if found is None)
        rights = tuple(o for o, differs in zip(rights, differing, strict=True) if differs)
        changed = cluster.differs(store_object(self.world))
        return Observation(
            missing,
            rights,
            changed,
            condition(cluster.get(STORE_REF), "Ready"),
            at_rest(self.world),
        )

    def decide(self, seen: Observation) -> Decision:
        changes = [f"create {ref_of(o)}" for o in seen.missing]
        changes += [f"apply {ref_of(o)}" for o in seen.rights]
        if seen.resting:
            changes.append(f"start {operator_ref(self.world.intent)} again")
        if seen.changed:
            changes.append(f"apply {STORE_REF}")
        elif not seen.valid:
            changes.append(f"wait until {STORE_REF} is valid")
        if changes:
            return Act("connect the namespaces to Vault", tuple(changes))
        return Satisfied(f"{STORE} is valid")

    def act(self, seen: Observation) -> None:
        cluster = self.world.cluster
        for _, homes_then_accounts in groupby(seen.missing, _kind):
            self.world.each(self._create, homes_then_accounts, "objects made")
        for _, role_then_bindings in groupby(seen.rights, _kind):
            applied_in_any_order(self.world, role_then_bindings)
        if seen.changed:
            expect(cluster.apply(store_object(self.world)), STORE_REF)
        if seen.resting:
            start(self.world)
        try:
            self.world.wait(
                f"{STORE} is valid", lambda: condition(cluster.get(STORE_REF), "Ready"), seconds=120
            )
        except WorldError as error:
            error.message += ": " + condition_message(cluster.get(STORE_REF), "Ready")
            raise

    def _create(self, obj: Object) -> None:
        expect(self.world.cluster.create(obj), ref_of(obj))

    def _accounts(self) -> Iterator[Object]:
        intent = self.world.intent
        for name in writing_namespaces(intent):
            yield namespace(name)
        for name in sorted({*intent.reading_namespaces, *intent.pushing_namespaces}):
            yield {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": READER_ACCOUNT, "namespace": name, "labels": labels("store-identity")},
                "automountServiceAccountToken": False,
            }


def _kind(obj: Object) -> str:
    return str(obj["kind"])
