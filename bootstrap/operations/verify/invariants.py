"""The invariants, proven on the live system, each with its evidence (`bootstrap verify`, H4, INV1-INV8).

A proof reads; it never believes the journal. With the root key the values themselves are compared with the
ledger's commitments; without it that proof says so and is left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bootstrap.ledger import copies
from bootstrap.ledger.record import Record, RecordType
from bootstrap.model.catalog import Custody, Secret
from bootstrap.model.errors import BootstrapError
from bootstrap.operations.verify import orphans as left_over
from bootstrap.operations.verify import secret_writers as writers
from bootstrap.operations.verify.residuals import still_alive
from bootstrap.ports import Ref
from bootstrap.steps.authority.gather import gather
from bootstrap.steps.authority.stops import stopped
from bootstrap.steps.context.health import condition, ref_of
from bootstrap.steps.context.names import AUDIT_DEVICE
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.kinds.retired import is_over, refused_copies, waiting_for
from bootstrap.steps.secrets.admission import admission_policy
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.secrets.consumers import unwritten
from bootstrap.steps.secrets.external_secret_objects import external_secrets, published
from bootstrap.steps.secrets.transfer import Here, here, is_written, read_version_one
from bootstrap.steps.vault.escrow import Escrow, escrow_bytes, kept_outside
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.serving_secrets import unseal_ref


@dataclass(frozen=True, slots=True)
class Proof:
    """``requirement``: an id of docs/reference/requirements.md; ``ok``: None where it could not be proven here."""

    requirement: str
    title: str
    ok: bool | None
    evidence: str
    hint: str = ""


Check = Callable[[World], Proof]


def prove(world: World, *, deep: bool = False) -> Iterator[Proof]:
    """Every proof, in the order of the phases. A proof that cannot be made is a failed one, never skipped.

    ``deep`` adds those that ask the servers to try something (a dry run: it changes nothing, and yet stands
    in the API server's audit log as a create).
    """
    for check in (*CHECKS, *DEEP) if deep else CHECKS:
        try:
            yield check(world)
        except BootstrapError as error:
            title = (check.__doc__ or check.__name__).strip().rstrip(".")
            yield Proof("", title, False, f"{error.code}: {error.message}", error.hint)


def voters(world: World) -> Proof:
    """The declared nodes are the voters of one cluster, unsealed."""
    data = granted(world.session.read("sys/storage/raft/configuration"), "raft configuration").data
    servers = [s["node_id"] for s in data["config"]["servers"] if s["voter"]]
    sealed = [p for p in world.session.pods if (s := world.session.seal_status(p)) is None or s.sealed]
    others = sorted(set(servers) - set(world.session.pods))
    ok = set(world.session.pods) == set(servers) and not sealed
    seen = f"voters {', '.join(sorted(servers))}" + (f"; sealed: {', '.join(sealed)}" if sealed else "")
    seen += f"; not declared: {', '.join(others)}" if others else ""
    hint = f"each election counts them; `vault operator raft remove-peer {others[0]}`" if others else ""
    return Proof("G7", "the declared nodes are the voters of one cluster, unsealed", ok, seen, hint)


def cluster_identity(world: World) -> Proof:
    """Vault is the one whose key was proven."""
    window = WindowStore(world.cluster).read()
    status = world.session.seal_status(world.session.active())
    live = status.cluster_id if status else ""
    ok = window is not None and bool(live) and window.cluster_id == live
    return Proof("B4", "Vault is the one whose key was proven", ok, f"cluster id {live}")


def escrow_outside(world: World) -> Proof:
    """The unseal share's ciphertext lies outside the cluster."""
    uid = world.cluster.uid()
    data = kept_outside(world)
    where = f"{world.records.folder}/{uid}/escrow.json"
    escrow = Escrow.from_bytes(data, where) if data else None
    ok = escrow is not None and escrow.cluster == uid
    return Proof(
        "B4",
        "the unseal share's ciphertext lies outside the cluster",
        ok,
        where if ok else "no escrow found",
        "" if ok else "give --records, or restore records/ from Git",
    )


def auditing(world: World) -> Proof:
    """Auditing is on."""
    devices = granted(world.session.read("sys/audit"), "sys/audit").data
    ok = f"{AUDIT_DEVICE}/" in devices
    return Proof("B6", "auditing is on", ok, ", ".join(devices) or "no audit device")


def no_root(world: World) -> Proof:
    """No live token has the policy root."""
    live = world.session.accessors()
    roots = [a for a, policies in live.items() if "root" in policies]
    return Proof(
        "B5", "no live token has the policy root", not roots, f"{len(live)} live tokens, {len(roots)} root"
    )


def authority(world: World) -> Proof:
    """Vault holds each secret that was handed over."""
    committed = named(world.ledger.read(), RecordType.COMMIT)
    lacking = [s.name for s in world.intent.handovers if s.name not in committed or not is_written(world, s)]
    seen = f"{len(world.intent.handovers) - len(lacking)} of {len(world.intent.handovers)}"
    return Proof(
        "INV4", "Vault is the authority of each handed-over secret", not lacking, seen + _names(lacking)
    )


def values(world: World) -> Proof:
    """Version 1 of each secret is what its record commits to."""
    if world.files is None:
        return Proof(
            "H4",
            "version 1 of each secret is what its record commits to",
            None,
            "needs the root key (--root)",
        )
    committed, place = named(world.ledger.read(), RecordType.COMMIT), here(world)
    wrong = [
        s.name
        for s in world.intent.handovers
        if s.name in committed and not _fits(world, s, committed[s.name], place)
    ]
    return Proof(
        "H4",
        "version 1 of each secret is what its record commits to",
        not wrong,
        f"{len(committed)} compared" + _names(wrong),
    )


def scaffolds_gone(world: World) -> Proof:
    """No scaffold is left but by declaration, and none can be made again."""
    title = "no scaffold is left but by declaration, and none can be made again"
    left = [s.name for s in world.intent.scaffolds if not is_over(world, s)]
    if left:
        return _waits("INV2", title, left, world)
    objects = admission_policy(world.intent.scaffolds) if world.intent.scaffolds else ()
    open_ = [str(ref_of(o)) for o in objects if world.cluster.differs(o)]
    seen = f"{len(world.intent.scaffolds)} scaffolds, {_kept(world)}admission policy as it should be"
    return Proof("INV2", title, not open_, f"not as it should be{_names(open_)}" if open_ else seen)


def _kept(world: World) -> str:
    found = [
        bootstrap_copy_ref(s)
        for s in world.intent.scaffolds
        if world.cluster.get(bootstrap_copy_ref(s)) is not None
    ]
    names = [f"{ref.namespace}/{ref.name}" for ref in found]
    return f"{len(names)} left in the cluster by declaration{_names(names)}; " if names else ""


def scaffolds_refused(world: World) -> Proof:
    """Admission refuses each retired scaffold, asked live."""
    title = "admission refuses each retired scaffold, asked live"
    free = [name for name, refused in refused_copies(world).items() if not refused]
    return Proof("H3", title, not free, f"{len(world.intent.scaffolds)} asked" + _names(free))


def retirement(world: World) -> Proof:
    """Each handover is followed by a recorded retirement."""
    title = "each bootstrap copy is retired, on record"
    recorded = named(world.ledger.read(), RecordType.RETIRED)
    lacking = [s.name for s in world.intent.handovers if s.name not in recorded]
    if lacking:
        return _waits("H3", title, lacking, world)
    return Proof("H3", title, True, f"{len(recorded)} records")


def _waits(requirement: str, title: str, names: list[str], world: World) -> Proof:
    """A retirement that its consumers hold up is no broken invariant; one that nothing holds up is."""
    waiting = waiting_for(world)
    idle = [name for name in names if name not in waiting]
    if idle:
        return Proof(requirement, title, False, ", ".join(idle), "`bootstrap up` retires them")
    reasons = "; ".join(f"{name}: {', '.join(waiting[name])}" for name in names)
    return Proof(
        requirement, title, None, f"waits for {reasons}", "make the consumer ready, then `bootstrap up`"
    )


def consumers_served(world: World) -> Proof:
    """Each materialized Secret is derived from Vault and synced."""
    title = "each materialized Secret is derived from Vault and synced"
    objects, pending = [*external_secrets(world.intent)], []
    for entry, push, readers in published(world.intent):
        source = Ref("v1", "Secret", entry.source.secret, entry.source.namespace)
        if world.cluster.get(source) is None:
            pending.append(f"{entry.name} waits for Secret {source.namespace}/{source.name}")
        else:
            objects += [push, *readers]
    late = [ref_of(o) for o in objects if not condition(world.cluster.get(ref_of(o)), "Ready")]
    waits = unwritten(world, late)
    pending += dict.fromkeys(waits.values())
    late = [ref for ref in late if ref not in waits]
    if pending and not late:
        seen = f"{len(objects) - len(waits)} objects synced; {', '.join(pending)}"
        return Proof("INV5", title, None, seen)
    return Proof("INV5", title, not late, f"{len(objects)} objects" + _names([str(ref) for ref in late]))


def nothing_left_over(world: World) -> Proof:
    """Each copy of ours in the cluster is declared."""
    title = "each copy of ours in the cluster is declared"
    found = left_over.find(world)
    names = ", ".join(map(str, found.others))
    seen = f"{found.declared} declared; " + (f"not declared: {names}" if names else "nothing else of ours")
    seen += f"; {found.unseen}" if found.unseen else ""
    return Proof("INV5", title, not found.others, seen, found.others[0].remedy if found.others else "")


def ledger_whole(world: World) -> Proof:
    """The ledger verifies, and its copies agree."""
    title, known = "the ledger verifies, and its copies agree", gather(world, answering=True)
    if (stop := stopped(known)) is not None:
        return Proof("H4", title, False, f"{stop.code}: {stop.message}", stop.hint)
    compared = copies.compare({"the cluster's": known.ledger, "Vault's": known.copy})
    behind = ", ".join(f"{name} lacks {count}" for name, count in compared.behind.items())
    return Proof("H4", title, compared.agree, behind or f"{compared.size} records in each")


def residuals(world: World) -> Proof:
    """What is left on purpose, declared."""
    left = []
    if world.cluster.get(unseal_ref(world)) is not None:
        declared = world.intent.platform.vault.custody is Custody.CLUSTER
        left.append(f"{unseal_ref(world)} ({'' if declared else 'from '}seal.custody: cluster)")
    if alive := [s.name for s in world.intent.handovers if still_alive(s)]:
        left.append(
            f"values in Git's history that are still live: {len(alive)} (`status` says why, and until when)"
        )
    if escrow_bytes(world):
        left.append("sys/generate-root and sys/rekey take a key without a token on this version of Vault")
    return Proof("H5", "residuals, declared", True, "; ".join(left) or "none")


def vault_writers(world: World) -> Proof:
    """Whoever can change a secret in Vault is declared, or named."""
    return _writers("whoever can change a secret in Vault is declared, or named", writers.in_vault(world))


def kubernetes_writers(world: World) -> Proof:
    """Whoever can change a materialized Secret, or read the unseal key, by Kubernetes RBAC is declared, or named."""
    title = "whoever can change a materialized Secret, or read the unseal key, is declared, or named"
    return _writers(title, writers.in_kubernetes(world))


def _writers(title: str, found: writers.Writers) -> Proof:
    """Broken where somebody certainly is a second authority; who else has a way in is a matter of naming."""
    seen = f"declared: {', '.join(found.declared)}"
    seen += f"; not declared: {', '.join(found.others)}" if found.others else "; nobody else seen"
    seen += f"; a second authority: {', '.join(found.broken)}" if found.broken else ""
    hint = "take the grant away: `up` writes this policy without it" if found.broken else ""
    return Proof("INV6", title, not found.broken, f"{seen}; cannot be seen: {found.unseen}", hint)


CHECKS: tuple[Check, ...] = (
    cluster_identity,
    voters,
    escrow_outside,
    auditing,
    no_root,
    authority,
    values,
    consumers_served,
    nothing_left_over,
    scaffolds_gone,
    retirement,
    ledger_whole,
    vault_writers,
    kubernetes_writers,
    residuals,
)


DEEP: tuple[Check, ...] = (scaffolds_refused,)


def _fits(world: World, secret: Secret, record: Record, place: Here) -> bool:
    version = read_version_one(world, secret, place)
    return version is None or version.commitments == dict(record.fact.commitments)


def _names(found: list[str]) -> str:
    return f": {', '.join(found)}" if found else ""
