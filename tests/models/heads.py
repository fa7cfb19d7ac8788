"""The rule over heads against crashes, losses and restores between any two writes of a run.

``judge`` of the code decides. What is modelled: the cluster's ledger, Vault's copy, the head in the cluster and the one
in ``records/``, each as the number of records that it holds or names; a history that was written anew has another
number of the world. A guard that is taken out must give a counterexample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bootstrap.model.heads import STOPS, Found, Standing, Verdict, Witness, judge
from tests.models.checker import Model

MOST = 3  # records
SNAPSHOTS = 1  # restores of an older Vault
LOSSES = 2  # deletions by somebody


class Head(NamedTuple):
    """``world`` counts how often the authority began anew."""

    world: int
    size: int


class State(NamedTuple):
    world: int = 0
    ledger: int = 0  # in the cluster
    copy: int | None = None  # in Vault; None: there is no Vault
    in_cluster: Head | None = None
    in_records: Head | None = None
    snapshot: int | None = None  # records that a snapshot of Vault holds
    superseded: tuple[Head, ...] = ()
    lost: bool = False  # Vault lost what a head that is still there names, and nobody decided
    blind: bool = False  # something was written to Vault on top of such a loss
    asked: bool = False  # a human was asked though nothing was lost
    restores: int = SNAPSHOTS
    losses: int = LOSSES


@dataclass(frozen=True)
class Guards:
    """Parts of the protocol, each to be taken out in turn."""

    head_last: bool = True  # a head is written only once Vault's copy has reached it
    asks_without_vault: bool = True
    asks_behind: bool = True
    two_places: bool = True  # records/ counts, not the cluster alone


def model(guards: Guards) -> Model[State]:
    return Model(
        first=State(),
        steps=lambda state: steps(state, guards),
        wrong=wrong,
        goal=done,
        given_up=lambda state: False,
    )


def wrong(state: State) -> str:
    if state.blind:
        return "records were written over a loss that nobody decided on"
    return "a human was asked though nothing was lost" if state.asked else ""


def done(state: State) -> bool:
    """All copies and heads agree."""
    head = Head(state.world, state.ledger)
    return state.copy == state.ledger >= MOST and state.in_cluster == head == state.in_records


def steps(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    yield from run(state, guards)
    yield from losses(state)


def run(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    """One act of `up`, after a look; a crash between two acts is the absence of the next one."""
    verdict = judge(found(state, guards))
    if verdict in STOPS:
        yield from decided(state, verdict)
        return
    yield from acts(state, guards, verdict)


def acts(state: State, guards: Guards, verdict: Verdict) -> Iterator[tuple[str, State]]:
    if state.copy is None:
        yield "make Vault", state._replace(copy=0, blind=state.lost)
    elif verdict is Verdict.REBUILD:
        yield "rebuild the ledger", state._replace(ledger=state.copy)
    elif verdict is Verdict.FINISH_COPY:
        yield "complete Vault's copy", state._replace(copy=state.ledger, blind=state.lost)
        if not guards.head_last:
            yield "write a head early", heads_written(state)
    elif state.ledger < MOST:
        yield "append a record", state._replace(ledger=state.ledger + 1, blind=state.lost)
    if state.copy is not None and state.copy == state.ledger:
        head = Head(state.world, state.ledger)
        if state.in_cluster != head:
            yield "head in the cluster", state._replace(in_cluster=head)
        if state.in_records != head:
            yield "head in records", state._replace(in_records=head)
        if state.snapshot is None:
            yield "snapshot", state._replace(snapshot=state.copy)


def heads_written(state: State) -> State:
    head = Head(state.world, state.ledger)
    return state._replace(in_cluster=head, in_records=head)


def decided(state: State, verdict: Verdict) -> Iterator[tuple[str, State]]:
    """A human says yes; the decision stands in the first record that follows, and names the heads."""
    if not state.lost:
        yield f"asks: {verdict}", state._replace(asked=True)
        return
    named = tuple({h for h in (state.in_cluster, state.in_records) if h is not None} | set(state.superseded))
    begun = state._replace(world=state.world + 1, superseded=tuple(sorted(named)), lost=False, snapshot=None)
    if verdict is Verdict.AUTHORITY_LOST:
        yield "new authority", begun._replace(ledger=min(1, MOST), copy=0)
    elif verdict is Verdict.VAULT_BEHIND:
        # What either copy holds goes on, and the record of the decision follows it.
        yield "rollback accepted", begun._replace(ledger=max(state.ledger, state.copy or 0) + 1)


def losses(state: State) -> Iterator[tuple[str, State]]:
    """What others do: Vault is put back or lost, the namespace bootstrap-system is deleted."""
    if state.restores and state.snapshot is not None and (state.copy or 0) > state.snapshot:
        restored = state._replace(copy=state.snapshot, restores=state.restores - 1)
        yield "Vault is restored", marked(restored)
    if not state.losses:
        return
    fewer = state.losses - 1
    if state.copy is not None:
        yield "Vault is lost", marked(state._replace(copy=None, losses=fewer))
    if state.ledger or state.in_cluster:
        yield "bootstrap-system is deleted", marked(state._replace(ledger=0, in_cluster=None, losses=fewer))


def marked(state: State) -> State:
    """Whether what is gone from Vault is still told of by a head or by the cluster's ledger."""
    heads = [h for h in (state.in_cluster, state.in_records) if h and h not in state.superseded]
    newest = max((h.size for h in heads), default=0)
    held = state.copy or 0
    gone = newest > held or (state.copy is None and state.ledger > 0)
    return state._replace(lost=gone)


def found(state: State, guards: Guards) -> Found:
    places = [("cluster", state.in_cluster), ("records", state.in_records if guards.two_places else None)]
    witnesses = tuple(witness(name, head, state) for name, head in places if head is not None)
    if not guards.asks_behind or (not guards.asks_without_vault and state.copy is None):
        witnesses = tuple(w for w in witnesses if w.standing is not Standing.AHEAD)
    if not guards.asks_without_vault and state.copy is None:
        return Found(copy=None)
    return Found(witnesses=witnesses, ledger=state.ledger, copy=state.copy)


def witness(place: str, head: Head, state: State) -> Witness:
    longest = max(state.ledger, state.copy or 0)
    if head in state.superseded:
        standing = Standing.SUPERSEDED
    elif head.size > longest:
        standing = Standing.AHEAD
    else:
        standing = Standing.EQUAL if head.size == longest else Standing.BEHIND
    return Witness(place=place, standing=standing, size=head.size)
