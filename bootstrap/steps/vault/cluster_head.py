"""The signed head in the cluster: ConfigMap ``ledger-head``, written by compare-and-swap once Vault's copy has it."""

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.head import read_head
from bootstrap.ledger.witnesses import extends
from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.init_window import Window
from bootstrap.model.layout import HEAD
from bootstrap.ports import Clock, Cluster, Object, Ref, Refused
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, labels
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import REBUILT
from bootstrap.waiting import swap

REF = Ref("v1", "ConfigMap", "ledger-head", SYSTEM_NAMESPACE)


def read(cluster: Cluster) -> bytes | None:
    """What lies there, not verified yet."""
    live = cluster.get(REF)
    return None if live is None else _content(live)


def rebuilding(world: World, window: Window | None) -> bool:
    """Whether the ledger is coming back from Vault's copy, and perhaps there in part: the init window was made again
    from the escrow, and no run has come to its end since, which leaves a head."""
    return window is not None and window.facts == REBUILT and read(world.cluster) is None


def write(cluster: Cluster, clock: Clock, content: bytes, ledger: Ledger, key: PublicKey) -> None:
    """Puts the head of ``ledger`` there; EvidenceError E_HEAD where that does not extend what is there."""

    def put(live: Object | None) -> Object | Refused:
        if live is None:
            return cluster.create(_object(content))
        if _content(live) == content:
            return live
        refuse_unextended(_content(live), ledger, key, str(REF))
        return cluster.replace({**live, "data": {HEAD: content.decode()}})

    swap(
        lambda: cluster.get(REF),
        put,
        clock=clock,
        refused=lambda answer: WorldError(
            f"the head cannot be written: {answer.reason}: {answer.detail}",
            code="E_HEAD_WRITE",
            where=str(REF),
        ),
        unsettled=lambda _: UnknownOutcome("the head does not settle", code="E_HEAD_WRITE", where=str(REF)),
    )


def refuse_unextended(present: bytes | None, ledger: Ledger, key: PublicKey, where: str) -> None:
    """EvidenceError E_HEAD where ``present``, the content of a head file, is not extended by the head of ``ledger``."""
    if present is None:
        return
    head = read_head(present, key, where)
    if not extends(ledger, head):
        raise EvidenceError(
            f"a head of {head.size} records lies here, written at {head.time}, and the ledger, "
            f"{ledger.chain.size} records, does not hold it: it is not overwritten",
            code="E_HEAD",
            where=where,
            hint="see which history it is of: bootstrap ledger show, and an exported bundle; put the right one back",
        )


def _content(live: Object) -> bytes:
    return str(live["data"].get(HEAD, "")).encode()


def _object(content: bytes) -> Object:
    meta = {"name": REF.name, "namespace": REF.namespace, "labels": labels("ledger-head")}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {HEAD: content.decode()}}
