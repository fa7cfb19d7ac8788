"""One scaffolded, generated secret: two operators, crashes, lost and late writes, a rotator, GitOps, a purge.

``Guards.retire`` is what Git declares of the scaffold: it is deleted, emptied, or left alone.

Every decision is ``next_step``'s. A value that is made anew is another one each time it is planned, so each plan
has a number of its own; 0 is nobody's, R the rotator's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from bootstrap.model.catalog import RetireMode
from bootstrap.model.handover import Commitments, CopyState, Next, SecretState, next_step, over
from tests.models.checker import Model

STRANGER, ROTATED = 90, 91


@dataclass(frozen=True, kw_only=True)
class Guards:
    cas: bool = True  # version 1 is written to an empty path only
    fence: bool = True  # a run revokes its predecessors' tokens before its first write
    given_back: bool = True  # a run revokes its own token at its end
    version_one: bool = True  # version 1 is compared, not the current one
    announced: bool = True  # a version that no INTENT record announced is not ours
    commit_first: bool = True  # a scaffold goes only after COMMIT
    by_uid: bool = True  # and by its UID
    swap: bool = True  # it is emptied as it was seen, or not at all
    refused: bool = True  # admission refuses its return before RETIRED is recorded
    retire: RetireMode = RetireMode.DELETED
    crashes: int = 1
    losses: int = 1
    plans: int = 4
    stranger: bool = False
    purge: bool = False


class Op(NamedTuple):
    pc: str = "idle"
    value: int = 0  # planned
    uid: int = 0  # of the scaffold as it was seen
    token: bool = False  # it holds the one that lives


class State(NamedTuple):
    scaffold: tuple[int, bool] | None = (1, True)  # UID, holds what Git says
    emptied: bool = False  # the scaffold holds nothing any more
    versions: tuple[int, ...] = ()
    announced: frozenset[int] = frozenset()
    commit: int = 0  # the value that COMMIT is about
    retired: bool = False
    policy: bool = False
    ready: bool = False
    net: frozenset[tuple[str, int, bool]] = (
        frozenset()
    )  # (put, value, under the living token), (delete, uid, False)
    token: bool = False  # one lives
    plans: int = 0
    ops: tuple[Op, ...] = (Op(), Op())
    crashes: int = 0
    losses: int = 0
    edited: bool = False
    returned: bool = False
    purged: bool = False
    foul: str = ""  # what must never happen, noted when it does


IDLE = Op()


def model(guards: Guards) -> Model[State]:
    def wrong(state: State) -> str:
        if state.foul:
            return state.foul
        if ROTATED in state.versions and state.versions[-1] != ROTATED:
            return "a rotated value was overwritten"
        if sum(v not in (ROTATED, STRANGER) for v in state.versions) > 1:
            return "two versions from us"
        if state.commit and not state.purged and (not state.versions or state.versions[0] != state.commit):
            return "COMMIT is about another value than version 1"
        if state.commit == STRANGER:
            return "COMMIT is about a stranger's value"
        if state.retired and not over(seen(state), guards.retire):
            return "the scaffold stands after RETIRED"
        if guards.retire is RetireMode.IGNORED and (state.emptied or state.scaffold is None):
            return "a scaffold that is to be left alone was touched"
        return "a purged secret came back" if state.purged and state.versions else ""

    def goal(state: State) -> bool:
        return state.retired or state.purged

    def given_up(state: State) -> bool:
        drift = state.edited and guards.retire is not RetireMode.IGNORED
        human = STRANGER in state.versions or (drift and bool(state.commit))  # CONFLICT, DRIFT
        return (human and all(op == IDLE for op in state.ops)) or state.plans > guards.plans

    return Model(State(), lambda state: steps(state, guards), wrong, goal, given_up)


@cache
def commitments(value: int) -> Commitments:
    return frozenset({("value", str(value))})


def seen(state: State) -> CopyState:
    if state.scaffold is None:
        return CopyState.ABSENT
    if state.emptied:
        return CopyState.EMPTIED
    return CopyState.STANDS if state.scaffold[1] else CopyState.CHANGED


def look(state: State, guards: Guards, planned: int = 0, *, read: bool = False) -> SecretState:
    version = (
        (state.versions[0] if guards.version_one else state.versions[-1]) if state.versions and read else 0
    )
    announced = frozenset(commitments(v) for v in state.announced)
    if not guards.announced:
        announced |= {commitments(v) for v in state.versions}
    return SecretState(
        written=bool(state.versions),
        announced=announced,
        version=commitments(version) if version else None,
        planned=commitments(planned) if planned else None,
        committed=bool(state.commit) or (not guards.commit_first and bool(state.versions)),
        waiting=not state.ready,
        scaffold=seen(state),
        retire=guards.retire,
        retired=state.retired,
    )


def steps(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    found = [
        (f"{i}: {label}", after)
        for i, op in enumerate(state.ops)
        for label, after in act(state, i, op, guards)
    ]
    for i, op in enumerate(state.ops):
        if op.pc != "idle" and state.crashes < guards.crashes:
            found.append((f"{i}: crash", put(state, i, IDLE, crashes=state.crashes + 1)))
    found += world(state, guards)
    for label, after in found:
        yield label, after._replace(ops=tuple(sorted(after.ops)))  # the two are alike


def put(state: State, i: int, op: Op, **changes: Any) -> State:
    ops = tuple(op if n == i else other for n, other in enumerate(state.ops))
    return state._replace(ops=ops, **changes)


def act(state: State, i: int, op: Op, guards: Guards) -> Iterator[tuple[str, State]]:
    match op.pc:
        case "idle":
            if not (state.retired and over(seen(state), guards.retire)) and not state.purged:
                before = state if not guards.fence else revoked(state)
                yield "up, log in, revoke others", put(before, i, Op("look", token=True), token=True)
        case "look":
            yield from decided(state, i, op, guards)
        case "write":
            net = state.net | {("put", op.value, op.token)}
            yield "send version 1", put(state, i, op._replace(pc="answer"), net=net)
        case "answer":
            if state.losses < guards.losses:
                yield "no answer", put(state, i, op._replace(pc="look", value=0), losses=state.losses + 1)
        case "delete" | "empty":
            certain = guards.by_uid if op.pc == "delete" else guards.swap
            net = state.net | {(op.pc, op.uid if certain else 0, False)}
            yield (
                f"refuse its return, send: {op.pc}",
                put(state, i, op._replace(pc="look"), net=net, policy=guards.refused),
            )


def revoked(state: State) -> State:
    """No token lives any more; requests under it are refused when they arrive."""
    ops = tuple(op._replace(token=False) for op in state.ops)
    net = frozenset((kind, what, False) for kind, what, _ in state.net)
    return state._replace(token=False, ops=ops, net=net)


def decided(state: State, i: int, op: Op, guards: Guards) -> Iterator[tuple[str, State]]:
    """One look, the rule book's answer, and its first effect."""
    if not state.commit and not op.token:
        yield "403: another run has begun", put(state, i, IDLE)
        return
    step = next_step(look(state, guards, op.value))
    if step is Next.READ:
        step = next_step(look(state, guards, op.value, read=True))
    # Without the fence others' tokens live on: what is given back is one's own.
    ended = put(revoked(state) if op.token and guards.given_back and guards.fence else state, i, IDLE)
    match step:
        case Next.INTEND:
            value = state.plans + 1
            yield (
                "INTENT",
                put(state, i, op._replace(value=value), announced=state.announced | {value}, plans=value),
            )
        case Next.WRITE:
            yield from act(state, i, op._replace(pc="write"), guards)
        case Next.COMMIT:
            version = state.versions[0] if guards.version_one else state.versions[-1]
            yield "COMMIT", put(state, i, op._replace(value=0), commit=version)
        case Next.DELETE | Next.EMPTY:
            assert state.scaffold is not None
            following = op._replace(pc=step.name.lower(), uid=state.scaffold[0])
            yield f"decide {step.name}", put(state, i, following)
        case Next.RECORD:
            yield "RETIRED", ended._replace(retired=True)
        case Next.WAIT | Next.DONE | Next.CONFLICT | Next.LOST | Next.DRIFT:
            yield step.name, ended
        case Next.READ:
            raise AssertionError("version 1 was read")


def world(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    for message in state.net:
        kind, what, token = message
        rest = state._replace(net=state.net - {message})
        if kind == "put":
            yield from served(rest, what, token, guards)
        elif kind == "empty":
            yield from swapped(rest, what)
        elif state.scaffold is not None and what in (0, state.scaffold[0]):
            foul = "" if state.commit else "a scaffold was deleted before COMMIT"
            foul = foul or ("" if state.scaffold[1] else "somebody's changed scaffold was deleted")
            yield f"deletion of {what or 'the name'} arrives", rest._replace(scaffold=None, foul=foul)
        else:
            yield f"deletion of {what} arrives late", rest
    if not state.ready:
        yield "consumers are ready", state._replace(ready=True)
    if state.versions and ROTATED not in state.versions:
        yield "the rotator writes", state._replace(versions=(*state.versions, ROTATED))
    # Admission refuses that it is made again, not that it is changed.
    free = not state.policy or (guards.retire is not RetireMode.DELETED and not state.emptied)
    if state.scaffold == (1, True) and not state.edited and free:
        yield "GitOps replaces the scaffold by another", state._replace(scaffold=(2, False), edited=True)
    if state.scaffold is None and not state.policy and not state.returned:
        yield "GitOps brings the scaffold back", state._replace(scaffold=(3, True), returned=True)
    if guards.stranger and not state.versions:
        yield "a stranger writes", state._replace(versions=(STRANGER,))
    over = not state.token or not guards.given_back or not guards.fence
    if guards.purge and over and state.retired and not state.purged and all(op == IDLE for op in state.ops):
        yield "purge", state._replace(versions=(), purged=True)


def swapped(state: State, what: int) -> Iterator[tuple[str, State]]:
    """The replace of one version by nothing; another version than was seen is refused."""
    if state.scaffold is None or state.emptied or what not in (0, state.scaffold[0]):
        yield f"emptying of {what} arrives late", state
        return
    foul = "" if state.commit else "a scaffold was emptied before COMMIT"
    foul = foul or ("" if state.scaffold[1] else "somebody's changed scaffold was emptied")
    yield f"emptying of {what or 'the name'} arrives", state._replace(emptied=True, foul=foul)


def served(state: State, value: int, token: bool, guards: Guards) -> Iterator[tuple[str, State]]:
    waits = next((i for i, op in enumerate(state.ops) if op.pc == "answer" and op.value == value), None)
    live = token
    taken = live and (not state.versions or not guards.cas)
    after = state._replace(versions=(*state.versions, value)) if taken else state
    label = f"write of plan {value} arrives" + ("" if taken else ", refused")
    if waits is None:
        yield label, after
    elif live:
        yield label, put(after, waits, after.ops[waits]._replace(pc="look"))
    else:
        yield f"{label}: 403", put(after, waits, IDLE)
