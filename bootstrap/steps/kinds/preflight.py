"""What must hold before anything is touched: every permission at once, storage, versions, clock, no foreign Vault.

And no change of Git that cannot be made on this cluster.
"""

from dataclasses import dataclass
from datetime import timedelta

from bootstrap.model.decision import Blocked, Decision, Satisfied
from bootstrap.model.errors import BootstrapError, PreconditionError
from bootstrap.model.plan import Step
from bootstrap.ports import Permission
from bootstrap.steps.context.world import World
from bootstrap.steps.permissions import wanted
from bootstrap.steps.secrets.immutable_fields import refused_changes
from bootstrap.steps.vault.foreign import foreign_error, foreign_store

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
    refused: tuple[PreconditionError, ...]


class Preflight:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        cluster = self.world.cluster
        version = cluster.version()
        skew = abs(self.world.clock.now() - cluster.server_time())
        missing = cluster.missing(wanted(self.world.intent))
        foreign = "" if missing else foreign_store(self.world)
        # What a missing permission would deny is not asked for: it is named once, with all the others.
        storage = "" if missing else self._storage()
        refused = () if missing or foreign else tuple(refused_changes(self.world))
        return Observation(cluster.context, version, missing, storage, skew, foreign, refused)

    def decide(self, seen: Observation) -> Decision:
        found = tuple(self._problems(seen))
        if found:
            return Blocked(found[0] if len(found) == 1 else _together(found))
        return Satisfied(f"Kubernetes {seen.version}, storage class {seen.storage}, all permissions")

    def act(self, seen: Observation) -> None:
        """Nothing: preconditions are brought by whoever owns the cluster."""

    def _problems(self, seen: Observation) -> list[PreconditionError]:
        found = []
        if seen.missing:
            listed = "".join(f"\n    {p}" for p in seen.missing)
            found.append(
                PreconditionError(
                    f"{len(seen.missing)} permissions are missing:{listed}",
                    code="E_RBAC",
                    where=f"context {seen.context}",
                    hint="docs/reference/permissions.md has the ClusterRole to grant; or use another context",
                )
            )
        if _numbers(seen.version) < OLDEST:
            found.append(
                PreconditionError(
                    f"Kubernetes {seen.version} is too old; 1.30 or newer is needed",
                    code="E_VERSION",
                    where=f"context {seen.context}",
                    hint="upgrade it, or name another one with --context",
                )
            )
        if not seen.storage and not seen.missing:
            name = self.world.intent.platform.vault.storage_class
            what = f"no StorageClass {name!r}" if name else "no default StorageClass"
            found.append(
                PreconditionError(
                    what,
                    code="E_STORAGE",
                    where=self.world.intent.platform.where,
                    hint="mark one as default, or name one in spec.vault.storage.className",
                )
            )
        if seen.skew > SKEW:
            found.append(
                PreconditionError(
                    f"the clocks of this machine and of the API server differ by {seen.skew.total_seconds():.0f} s",
                    code="E_CLOCK",
                    where=f"context {seen.context}",
                    hint="set this machine's clock; tokens and certificates would be refused",
                )
            )
        if seen.foreign:
            found.append(foreign_error(seen.foreign))
        return [*found, *seen.refused]

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
    major, minor = version.lstrip("v").split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()))


def _together(problems: tuple[BootstrapError, ...]) -> PreconditionError:
    text = "\n".join(
        f"  {p.code}: {p.message}" + (f"\n    hint: {p.hint}" if p.hint else "") for p in problems
    )
    return PreconditionError(f"{len(problems)} preconditions do not hold:\n{text}", code=problems[0].code)
