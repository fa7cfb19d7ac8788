"""What Git once put into the cluster is gone, stays gone, and what is left is declared (INV2, H3, H5)."""

from collections.abc import Iterator

from bootstrap.ledger.record import RecordType
from bootstrap.ledger.versions import changed
from bootstrap.model.catalog import Custody
from bootstrap.operations.verify.beyond import altered
from bootstrap.operations.verify.proof import State, Verdict, claim, judged, names
from bootstrap.operations.verify.residuals import still_alive
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.kinds.retired import is_over, refused_copies, waiting_for
from bootstrap.steps.secrets.admission import admission_policy
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.secrets.versions import current_version
from bootstrap.steps.vault.escrow import escrow_bytes
from bootstrap.steps.vault.serving_secrets import unseal_ref


@claim(
    "scaffolds",
    "INV2",
    "no scaffold is left but by declaration, and none can be made again",
    reads="each scaffold's place, the pods beside it, the admission policy and its binding as they are applied",
    unseen="revisions of etcd, and its backups",
)
def scaffolds_gone(world: World) -> Verdict:
    left = [s.name for s in world.intent.scaffolds if not is_over(world, s)]
    if left:
        return _waits(left, world)
    objects = admission_policy(world.intent.scaffolds) if world.intent.scaffolds else ()
    open_ = altered(world, objects)
    seen = f"{len(world.intent.scaffolds)} scaffolds, {_kept(world)}admission policy as it should be"
    return judged(not open_, f"not as it should be{names(open_)}" if open_ else seen)


def _kept(world: World) -> str:
    found = [
        bootstrap_copy_ref(s)
        for s in world.intent.scaffolds
        if world.cluster.get(bootstrap_copy_ref(s)) is not None
    ]
    places = [f"{ref.namespace}/{ref.name}" for ref in found]
    return f"{len(places)} left in the cluster by declaration{names(places)}; " if places else ""


@claim(
    "scaffolds-refused",
    "H3",
    "admission refuses each retired scaffold, asked live",
    reads="the API server's answer to a dry run of creating each scaffold (`--deep`)",
    unseen="what a person may do who changes the admission policy first",
    deep=True,
)
def scaffolds_refused(world: World) -> Verdict:
    free = [name for name, refused in refused_copies(world).items() if not refused]
    return judged(not free, f"{len(world.intent.scaffolds)} asked" + names(free))


@claim(
    "retirement",
    "H3",
    "each bootstrap copy is retired, on record",
    reads="the ledger's RETIRED records, and the consumers that a retirement waits for",
    unseen="whether a process still holds in memory what it once read",
)
def retirement(world: World) -> Verdict:
    recorded = named(world.ledger.read(), RecordType.RETIRED)
    lacking = [s.name for s in world.intent.handovers if s.name not in recorded]
    if lacking:
        return _waits(lacking, world)
    return judged(True, f"{len(recorded)} records")


def _waits(lacking: list[str], world: World) -> Verdict:
    """A retirement that its consumers hold up is no broken invariant; one that nothing holds up is."""
    waiting = waiting_for(world)
    idle = [name for name in lacking if name not in waiting]
    if idle:
        return judged(False, ", ".join(idle), "`bootstrap up` retires them")
    reasons = "; ".join(f"{name}: {', '.join(waiting[name])}" for name in lacking)
    return Verdict(State.WAITS, f"waits for {reasons}", "make the consumer ready, then `bootstrap up`")


@claim(
    "residuals",
    "H5",
    "what is left alive is declared",
    reads="the catalog's `handover`, the custody, and the Secret with the unseal key",
    unseen="copies of Git, of etcd, and of what a consumer once read",
)
def residuals(world: World) -> Verdict:
    left, custody = [], world.intent.platform.vault.custody
    unseal = world.cluster.get(unseal_ref(world)) is not None
    if unseal:
        left.append(
            f"{unseal_ref(world)} ({'' if custody is Custody.CLUSTER else 'from '}seal.custody: cluster)"
        )
    since = changed(world.ledger.read())
    if alive := [s.name for s in world.intent.handovers if still_alive(s, since)]:
        left.append(
            f"values in Git's history that are still live: {len(alive)} (`status` says why, and until when)"
        )
    if escrow_bytes(world):
        left.append("sys/generate-root and sys/rekey take a key without a token on this version of Vault")
    late = tuple(_overdue(world))
    left += [f"past the day that was declared{names(late)}"] if late else []  # `check` warns: W_UNTIL
    return judged(not unseal or custody is Custody.CLUSTER, "; ".join(left) or "none")


def _overdue(world: World) -> Iterator[str]:
    """Values of Git that were to be dead by a day that is over, and are the ones in Vault."""
    today = world.cluster.server_time().date().isoformat()
    for secret in world.intent.handovers:
        until = secret.handover.until
        if until and until < today and current_version(world, str(secret.path)) == 1:
            yield f"{secret.name} (until {until})"
