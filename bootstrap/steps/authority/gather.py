"""What is known of the authority of this cluster, by reads only; ``model/heads.py`` says what it means."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bootstrap.ledger import copies
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.head import VAULT_CLUSTER, Head, glance_head
from bootstrap.ledger.record import RecordType
from bootstrap.ledger.witnesses import Known, witness
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.heads import OWN, Found, Standing, Witness
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.layout import HEAD
from bootstrap.ports import Ref
from bootstrap.steps.authority import approvals
from bootstrap.steps.authority.traces import traces, unseen
from bootstrap.steps.context.environment import bound_to
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.ledger_copy import KvCopy
from bootstrap.steps.vault.presence import is_gone
from bootstrap.steps.vault.restoration import is_back, under_way


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A head in one place; ``head`` is None where what lies there is none of ours."""

    witness: Witness
    head: Head | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """``copy`` is what Vault's copy holds, empty where it could not be read; ``batches`` are its parts.

    ``bound`` is the environment of this cluster, None before its first run. ``approved`` are the approvals of this run,
    in the form in which they are kept, ``carried`` those of them that an earlier look has kept. ``unseen`` says what
    could not be looked for.
    """

    cluster: str
    secrets: int  # that the commit hands over
    found: Found
    heads: tuple[Placed, ...]
    ledger: Ledger
    copy: Ledger
    batches: tuple[Batch, ...]
    window: Window | None
    bound: str | None
    approved: tuple[str, ...]
    carried: tuple[str, ...]
    unseen: str = ""

    @property
    def longest(self) -> Ledger:
        return max(self.ledger, self.copy, key=lambda each: each.chain.size)

    @property
    def own(self) -> tuple[Head, ...]:
        """The heads that speak of this cluster and that no decision names, the newest first; each once."""
        found = {p.head: None for p in self.heads if p.head is not None and p.witness.standing in OWN}
        return tuple(sorted(found, key=lambda head: -head.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vault:
    copy: Ledger | None
    batches: tuple[Batch, ...] = ()
    silent: bool = False
    unfinished: bool = False


def gather(world: World, *, answering: bool = False) -> Authority:
    """Raises EvidenceError for a ledger that does not verify, E_FORK for copies that contradict each other.

    ``answering``: Vault must answer now, and its errors leave; else a Vault that cannot be read is silent.
    """
    window, ledger = WindowStore(world.cluster).read(), world.ledger.read()
    vault = _vault(world, window, answering)
    copy = vault.copy or Ledger()
    copies.compare({"the cluster's": ledger, "Vault's": copy})
    longest = max(ledger, copy, key=lambda each: each.chain.size)
    known = Known(
        ledger=longest,
        key=world.ledger.key,
        cluster=world.cluster.uid(),
        environment=world.plan.environment,
    )
    heads = tuple(_placed(place, folder, data, known) for place, folder, data in _files(world))
    yes = tuple(y for name in approvals.DECISIONS if (y := approvals.given(world.approvals, name, ledger)))
    found = Found(
        witnesses=tuple(p.witness for p in heads),
        ledger=ledger.chain.size,
        copy=None if vault.copy is None else vault.copy.chain.size,
        silent=vault.silent,
        unfinished=vault.unfinished,
        rebuilding=cluster_head.rebuilding(world, window) or under_way(world.cluster, longest) is not None,
        other_vault=_unknown(window, longest, heads),
        new_authority=_begins(window, longest, vault)
        and (approvals.decided(ledger) or _is_among(approvals.NEW_AUTHORITY, yes)),
        rollback=_is_among(approvals.ROLLBACK, yes),
        restoring=_restoring(world, longest),
    )
    authority = Authority(
        cluster=known.cluster,
        secrets=len(world.intent.handovers),
        found=found,
        heads=heads,
        ledger=ledger,
        copy=copy,
        batches=vault.batches,
        window=window,
        bound=_bound(world, heads),
        approved=yes,
        carried=tuple(each for each in yes if each in world.approvals),
    )
    return _with_traces(world, authority)


def begins_anew(world: World, ledger: Ledger) -> bool:
    """Whether this run makes Git's values authoritative again, by a decision that was taken: on record, or kept."""
    if approvals.decided(ledger):
        return True
    if not approvals.kept(world.approvals, approvals.NEW_AUTHORITY, ledger):
        return False
    window = WindowStore(world.cluster).read()
    return _begins(window, ledger, _presence(world, window))


def is_open(ledger: Ledger, window: Window | None) -> bool:
    """Whether a record says that the Vault of this window was initialised."""
    return window is not None and bool(window.cluster_id) and window.cluster_id in _initialised(ledger)


def _vault(world: World, window: Window | None, answering: bool) -> _Vault:
    seen = _presence(world, window)
    if not (seen.silent or answering):
        return seen
    try:
        batches = copies.fetch(KvCopy(world.session).ahead(world.each), world.ledger.stored())
        copy = world.ledger.verified(batches)
    except WorldError:
        if answering:
            raise
        return seen
    return _Vault(copy=copy, batches=batches)


def _presence(world: World, window: Window | None) -> _Vault:
    """Without a word of what it holds: a Vault that is there is silent."""
    if window is not None and window.phase is not WindowPhase.VERIFIED:
        return _Vault(copy=None, unfinished=True)
    return _Vault(copy=None, silent=not is_gone(world))


def _begins(window: Window | None, longest: Ledger, vault: _Vault) -> bool:
    """No Vault is here that the ledger knows: none at all, or one that this unfinished run has made."""
    if vault.copy is None and not vault.silent:
        return True
    return window is not None and not is_open(longest, window)


def _restoring(world: World, longest: Ledger) -> bool:
    """A snapshot was begun to be restored, or is about to be, and no record says so yet."""
    if under_way(world.cluster, longest) is not None:
        return True
    digest = world.restore.digest if world.restore else ""
    return bool(digest) and not is_back(world, longest, digest)


def _unknown(window: Window | None, longest: Ledger, heads: tuple[Placed, ...]) -> bool:
    """A Vault was proven here that neither a record nor a head names."""
    if window is None or window.phase is not WindowPhase.VERIFIED:
        return False
    named = {p.head.vault_cluster for p in heads if p.head is not None}
    return window.cluster_id not in _initialised(longest) | named


def _initialised(ledger: Ledger) -> set[str]:
    found = (r.fact for r in ledger.records if r.fact.type is RecordType.VAULT_INITIALISED)
    return {fact.details.get(VAULT_CLUSTER, "") for fact in found}


def _is_among(name: str, yes: tuple[str, ...]) -> bool:
    return any(each.partition("@")[0] == name for each in yes)


def _files(world: World) -> Iterator[tuple[str, str, bytes]]:
    """Place, cluster that it is kept for, and content of each head file. What the folder of the records says as the
    commit does counts once."""
    committed = world.intent.heads
    for cluster, data in sorted(committed.items()):
        yield f"records/{cluster}/{HEAD} of the commit", cluster, data
    for cluster in world.records.clusters():
        found = world.records.read(cluster, HEAD)
        if found is not None and found != committed.get(cluster):
            yield f"{world.records.folder}/{cluster}/{HEAD}", cluster, found
    here = cluster_head.read(world.cluster)
    if here is not None:
        yield str(cluster_head.REF), world.cluster.uid(), here


def _placed(place: str, folder: str, data: bytes, known: Known) -> Placed:
    """One that lies in another cluster's folder is not what it says; a forged one names no cluster at all."""
    seen = witness(place, data, known)
    if seen.standing is not Standing.FOREIGN_KEY and seen.cluster != folder:
        return Placed(witness=replace(seen, standing=Standing.FORGED), head=None)
    return Placed(witness=seen, head=_shown(data))


def _shown(data: bytes) -> Head | None:
    try:
        return glance_head(data)
    except EvidenceError:  # of a foreign key, and of another form
        return None


def _bound(world: World, heads: tuple[Placed, ...]) -> str | None:
    """By the namespace; where that is lost, by a head of this cluster."""
    live = world.cluster.get(Ref("v1", "Namespace", SYSTEM_NAMESPACE))
    if live is not None:
        return bound_to(live)
    signed = [p.head for p in heads if p.head and p.witness.standing in OWN]
    return max(signed, key=lambda head: head.size).environment if signed else None


def _with_traces(world: World, authority: Authority) -> Authority:
    """Looked for only where nothing else tells: no head, no record, no Vault, and no first run that is under way."""
    found = authority.found
    if found.copy is not None or found.silent or found.unfinished or found.ledger or found.newest:
        return authority
    seen = traces(world)
    if authority.window is not None:
        seen = (f"the init window of Vault {authority.window.cluster_id}", *seen)
    return replace(authority, found=replace(found, traces=seen), unseen=unseen(world))
