"""Snapshots that the cluster saves of itself: made as declared, and not too old (INV1)."""

from bootstrap.operations.snapshot.age import Age, age
from bootstrap.operations.verify.proof import Verdict, claim, judged, names
from bootstrap.steps.context.environment import environment_of
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_bytes
from bootstrap.steps.vault.snapshot_objects import CLAIM, objects, settings_of

INSIDE = f"they lie on volume {CLAIM.namespace}/{CLAIM.name} of this cluster, so none is off-cluster"
OUTSIDE = "they lie in bucket {bucket} at {endpoint}"


@claim(
    "snapshots",
    "INV1",
    "snapshots are saved as declared, and the newest is not older than twice the schedule",
    reads="`snapshots` of `bootstrap.yaml`; the CronJob, its rights and its settings; the note of its last success",
    unseen="the file itself, and whether it opens: `snapshot verify --root` shows that; copies outside the cluster",
)
def snapshots(world: World) -> Verdict:
    found = age(world)
    if found is None:
        return judged(True, "none are declared: what lies in Vault alone rests on those that people save")
    wrong = _altered(world)
    wanted = world.intent.platform.snapshots
    bucket = wanted.bucket if wanted is not None else None
    place = OUTSIDE.format(bucket=bucket.bucket, endpoint=bucket.endpoint) if bucket is not None else INSIDE
    evidence = f"{_shown(found)}; {place}"
    evidence += f"; not as declared{names(wrong)}" if wrong else ""
    hint = "`bootstrap up` puts back what is declared; find out who changed it"
    if found.overdue:
        evidence += f"; {found.warning}"
        hint = "`kubectl --namespace bootstrap-system get jobs`, and the log of the newest, say why"
    return judged(not wrong and not found.overdue, evidence, hint)


def _shown(found: Age) -> str:
    if found.last is None:
        return f"scheduled at {found.schedule} (UTC), none saved yet in {found.seconds} s"
    last = found.last
    return (
        f"{last.file} of {last.time}, {found.seconds} s old, {last.size} bytes, {last.records} records, "
        f"raft index {last.raft_index}; {last.kept} kept; scheduled at {found.schedule} (UTC)"
    )


def _altered(world: World) -> list[str]:
    """A change of its settings can have a job seal to another root."""
    wanted, escrow = world.intent.platform.snapshots, escrow_bytes(world)
    if wanted is None or escrow is None:
        return ["no escrow to compare with"]
    cluster = world.cluster
    settings = settings_of(world.intent, wanted, cluster.uid(), environment_of(cluster))
    made = objects(world.intent, wanted, settings, escrow)
    return [str(ref_of(obj)) for obj in made if cluster.differs(obj)]
