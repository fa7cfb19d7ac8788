"""An authority as it may be found, and a snapshot of it, made without a platform."""

from collections.abc import Sequence
from dataclasses import replace

from bootstrap.ledger import chain
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.head import Head
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.heads import Found, Standing, Witness
from bootstrap.model.init_window import Window
from bootstrap.model.snapshot import LedgerPoint, Manifest, RaftFacts, Share
from bootstrap.steps.authority.gather import Authority, Placed
from bootstrap.steps.context.source import SnapshotSource
from tests.support.heads import invented_head
from tests.support.ledger_facts import RUN, TIME, Key

HERE, ELSEWHERE = "uid-1", "uid-2"
NOTE = Fact(type=RecordType.CLAIMED)
NEW = Fact(type=RecordType.NEW_AUTHORITY)


def ledger(*facts: Fact) -> Ledger:
    if not facts:
        return Ledger()
    return Ledger().extended(chain.write(facts, after=chain.Chain(), run=RUN, time=TIME, signer=Key()))


def head(standing: Standing, place: str, size: int = 3, vault: str = "v", cluster: str = HERE) -> Placed:
    return of(replace(invented_head(cluster), size=size, vault_cluster=vault), standing, place)


def head_of(known: Ledger, standing: Standing = Standing.EQUAL, place: str = "a head") -> Placed:
    """That this ledger holds."""
    at = known.chain
    return of(replace(invented_head(HERE), size=at.size, last=at.last, root=at.root), standing, place)


def of(found: Head, standing: Standing, place: str) -> Placed:
    seen = Witness(place=place, standing=standing, size=found.size, cluster=found.cluster)
    return Placed(witness=seen, head=found)


def junk(standing: Standing, place: str, cluster: str = "") -> Placed:
    return Placed(witness=Witness(place=place, standing=standing, cluster=cluster), head=None)


def authority(
    *heads: Placed,
    here: Sequence[Fact] = (),
    copy: Sequence[Fact] | None = None,
    approved: tuple[str, ...] = (),
    carried: tuple[str, ...] = (),
    window: Window | None = None,
    **found: object,
) -> Authority:
    """``here`` is in the ledger of the cluster, ``copy`` in Vault's; ``found`` as in ``Found``."""
    seen = Found(
        witnesses=tuple(p.witness for p in heads),
        ledger=len(here),
        copy=None if copy is None else len(copy),
        **found,  # type: ignore[arg-type]  # names of Found's own
    )
    return Authority(
        cluster=HERE,
        secrets=4,
        found=seen,
        heads=heads,
        ledger=ledger(*here),
        copy=ledger(*(copy or ())),
        batches=(),
        window=window,
        bound=None,
        approved=approved,
        carried=carried,
    )


def snapshot_source(
    *facts: Fact, version: str = "1.21.1", environment: str = "", **more: object
) -> SnapshotSource:
    """With these records in its ledger; ``more`` as in ``SnapshotSource``."""
    known = ledger(*facts)
    placed = head_of(known)
    assert placed.head is not None
    manifest = Manifest(
        environment=environment,
        cluster=HERE,
        vault_cluster="v",
        raft=RaftFacts(version=version, index=41, term=2, sha256="0" * 64, size=1),
        share=Share(generation=1, unseal_key="f", ciphertext=b"c"),
        ledger=LedgerPoint(size=known.chain.size, last=known.chain.last, root=known.chain.root),
        saver="a",
        recipients=(),
        tool="0.1.0",
        time="2026-01-02T00:00:00Z",
        parts={},
    )
    source = SnapshotSource(
        digest="d" * 64,
        where="one.snapshot",
        manifest=manifest,
        ledger=known,
        head=placed.head,
        saved={},
        audit=(),
        sent={"leftOut": "tokens"},
        send=lambda _: None,
    )
    return replace(source, **more)  # type: ignore[arg-type]  # names of SnapshotSource's own
