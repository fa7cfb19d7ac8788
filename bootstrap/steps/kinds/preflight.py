"""What must hold before anything is touched: every permission at once, storage, versions, clock, no foreign Vault.

No change of Git that cannot be made on this cluster, and no authority that was here and is lost.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bootstrap.model.decision import Blocked, Decision, Satisfied
from bootstrap.model.errors import BootstrapError, PreconditionError
from bootstrap.model.plan import Step
from bootstrap.model.reserved import reserved_uses
from bootstrap.ports import Permission, Ref
from bootstrap.steps.authority.gather import Authority, gather
from bootstrap.steps.authority.recovering import NO_LOSS, QuorumSeen, quorum_seen
from bootstrap.steps.authority.restoring import NO_RESTORE, RestoreSeen, in_place, restore_seen
from bootstrap.steps.authority.stops import rests_on, stopped
from bootstrap.steps.context.environment import mismatch
from bootstrap.steps.context.health import terminating
from bootstrap.steps.context.outcome import being_deleted
from bootstrap.steps.context.world import World
from bootstrap.steps.guards import passes
from bootstrap.steps.permissions import beginning_anew, recovering_a_quorum, restoring_in_place, wanted
from bootstrap.steps.secrets.immutable_fields import refused_changes
from bootstrap.steps.secrets.sources import opening_sources
from bootstrap.steps.vault.dropped_ca import in_use
from bootstrap.steps.vault.foreign import foreign_error, foreign_store
from bootstrap.steps.vault.serving_secrets import taken

OLDEST = (1, 30)  # ValidatingAdmissionPolicy is stable from here
SKEW = timedelta(minutes=5)
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


@dataclass(frozen=True, slots=True)
class Observation:
    context: str  # of the kubeconfig
    version: str
    missing: tuple[Permission, ...]
    storage: str
    skew: timedelta
    foreign: str
    refused: tuple[BootstrapError, ...]
    authority: Authority | None  # None where it could not be looked for
    unknown: str = ""  # who we are, where the guard of the run's account would not let us pass
    taken: tuple[PreconditionError, ...] = ()  # Secrets that have the name of one of ours
    restore: RestoreSeen = NO_RESTORE
    quorum: QuorumSeen = NO_LOSS
    dropped: PreconditionError | None = None
    leaving: bool = False  # Vault's namespace is being deleted: what is in it now tells nothing


class Preflight:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        cluster = self.world.cluster
        version = cluster.version()
        skew = abs(self.world.clock.now() - cluster.server_time())
        missing = cluster.missing(wanted(self.world.intent))
        dropped = None if missing else in_use(self.world)
        if dropped is not None:  # a Vault that is not trusted is asked nothing
            return Observation(cluster.context, version, missing, "", skew, "", (), None, dropped=dropped)
        authority = None if missing else gather(self.world)
        quorum = NO_LOSS if authority is None else quorum_seen(self.world, authority)
        if authority is not None:
            missing = cluster.missing(self._more(authority, quorum))
        foreign = "" if missing else foreign_store(self.world)
        # What a missing permission would deny is not asked for: it is named once, with all the others.
        storage = "" if missing else self._storage()
        # Of a lost authority nothing has to be kept as it was.
        anew = authority is None or authority.found.new_authority
        refused: list[BootstrapError] = []
        if not (missing or foreign or anew):
            refused += refused_changes(self.world)
        if not missing:
            refused += opening_sources(self.world)
            refused += self._no_issuer()
        names_taken = () if missing else tuple(taken(self.world))
        leaving = False if missing else self._leaving()
        who = cluster.identity()
        unknown = "" if passes(self.world.intent.platform, who) else who.user
        return Observation(
            context=cluster.context,
            version=version,
            missing=missing,
            storage=storage,
            skew=skew,
            foreign=foreign,
            refused=tuple(refused),
            authority=authority,
            unknown=unknown,
            taken=names_taken,
            leaving=leaving,
            restore=NO_RESTORE if authority is None else restore_seen(self.world, authority),
            quorum=quorum,
        )

    def _no_issuer(self) -> Iterator[BootstrapError]:
        """Vault's pods log in by tokens whose keys the API server has to show."""
        try:
            self.world.cluster.token_issuer()
        except PreconditionError as error:
            yield error

    def _more(self, authority: Authority, quorum: QuorumSeen) -> tuple[Permission, ...]:
        """What is needed besides, for what this run is asked to do."""
        if authority.found.new_authority:
            return beginning_anew()
        if quorum.recovers:
            return recovering_a_quorum(self.world.intent)
        return restoring_in_place(self.world.intent) if in_place(self.world, authority) else ()

    def _leaving(self) -> bool:
        return terminating(self.world.cluster.get(self._home()))

    def _home(self) -> Ref:
        return Ref("v1", "Namespace", self.world.intent.platform.vault.namespace)

    def decide(self, seen: Observation) -> Decision:
        if seen.dropped is not None:
            return Blocked(seen.dropped)
        if (stop := self._stop(seen)) is not None:
            return Blocked(stop)
        found = tuple(self._problems(seen))
        if found:
            return Blocked(found[0] if len(found) == 1 else _together(found))
        note = f"Kubernetes {seen.version}, storage class {seen.storage}, all permissions"
        if seen.authority is None:
            return Satisfied(note)
        more = (seen.authority.unseen, seen.restore.note, seen.quorum.note)
        notes = "; ".join(text for text in (note, *more) if text)
        yes = (*rests_on(seen.authority), *seen.restore.rests_on, *seen.quorum.rests_on)
        return Satisfied(notes, rests_on=yes)

    def act(self, seen: Observation) -> None:
        """Nothing: preconditions are brought by the cluster's owner."""

    def _stop(self, seen: Observation) -> BootstrapError | None:
        """Another environment, a snapshot that may not be restored here, a quorum that is lost, or an authority that
        only a human may go on over."""
        if seen.authority is None:
            return None
        wrong = mismatch(seen.authority.bound, self.world.plan.environment)
        return wrong or seen.restore.stop or seen.quorum.stop or stopped(seen.authority)

    def _problems(self, seen: Observation) -> Iterator[BootstrapError]:
        yield from self._rights(seen)
        yield from self._cluster(seen)
        yield from self._names(seen)
        yield from seen.taken
        yield from seen.refused

    def _rights(self, seen: Observation) -> Iterator[BootstrapError]:
        if seen.missing:
            listed = "".join(f"\n    {p}" for p in seen.missing)
            yield PreconditionError(
                f"{len(seen.missing)} permissions are missing:{listed}",
                code="E_RBAC",
                where=f"context {seen.context}",
                hint="docs/reference/permissions.md has the ClusterRole to grant; or use another context",
            )
        if seen.unknown:
            yield PreconditionError(
                f"{seen.unknown} is not declared, so it may not log in to Vault as bootstrap",
                code="E_OPERATOR_UNKNOWN",
                where=self.world.intent.platform.where,
                hint="add it to spec.operators in bootstrap.yaml with a reason, and commit; or use another context",
            )

    def _cluster(self, seen: Observation) -> Iterator[BootstrapError]:
        if _numbers(seen.version) < OLDEST:
            yield PreconditionError(
                f"Kubernetes {seen.version} is too old; 1.30 or newer is needed",
                code="E_VERSION",
                where=f"context {seen.context}",
                hint="upgrade it, or name another one with --context",
            )
        if not seen.storage and not seen.missing:
            name = self.world.intent.platform.vault.storage_class
            yield PreconditionError(
                f"no StorageClass {name!r}" if name else "no default StorageClass",
                code="E_STORAGE",
                where=self.world.intent.platform.where,
                hint="mark one as default, or name one in spec.vault.storage.className",
            )
        if seen.skew > SKEW:
            yield PreconditionError(
                f"the clocks of this machine and of the API server differ by {seen.skew.total_seconds():.0f} s",
                code="E_CLOCK",
                where=f"context {seen.context}",
                hint="set this machine's clock; tokens and certificates would be refused",
            )

    def _names(self, seen: Observation) -> Iterator[BootstrapError]:
        for message, where in reserved_uses(self.world.intent):
            yield PreconditionError(
                message,
                code="E_NAMESPACE",
                where=where,
                hint="name another namespace, or another Secret in Vault's",
            )
        if seen.leaving:
            yield being_deleted(self._home())
        if seen.foreign:
            yield foreign_error(seen.foreign)

    def _storage(self) -> str:
        classes = self.world.cluster.list("storage.k8s.io/v1", "StorageClass")
        declared = self.world.intent.platform.vault.storage_class
        for each in classes:
            meta = each["metadata"]
            default = (meta.get("annotations") or {}).get(DEFAULT_CLASS) == "true"
            if meta["name"] == declared or (not declared and default):
                return str(meta["name"])
        return ""


def _numbers(version: str) -> tuple[int, int]:
    """(0, 0) for what is no version."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _together(problems: tuple[BootstrapError, ...]) -> PreconditionError:
    text = "\n".join(
        f"  {p.code}: {p.message}" + (f"\n    hint: {p.hint}" if p.hint else "") for p in problems
    )
    return PreconditionError(f"{len(problems)} preconditions do not hold:\n{text}", code=problems[0].code)
