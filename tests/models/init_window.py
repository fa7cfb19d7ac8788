"""The init window with two operators, crashes, lost answers, late requests of `sys/init` and of the volume's removal.

Every decision is ``next_move``'s (of `abandon`: ``given_up``'s) and every change of the window one of ``Window``'s:
what runs is what is checked.
A store is named by its volume (a number); its key by the volume too, since each store is initialised at most once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from bootstrap.model.init_window import Move, VaultState, Window, WindowPhase, next_move
from bootstrap.steps.vault.empty_store import given_up
from tests.models.checker import Model

STRANGER = 99


@dataclass(frozen=True, kw_only=True)
class Guards:
    """What keeps the protocol safe and live; each can be taken away. ``crashes`` and ``losses`` bound the search."""

    by_uid: bool = True  # the volume is removed by its UID
    bound: bool = True  # an attempt's request is answered by that attempt's certificate only
    swap: bool = True  # the window changes by compare-and-swap
    foreign: bool = True  # a store that is initialised while CLAIMED is left alone
    proven: bool = True  # nothing is written before VERIFIED
    fresh: bool = True  # the pod's shape is applied only under the window that was read
    by_volume: bool = True  # slots are named by the volume whose store they open
    crashes: int = 1
    losses: int = 1
    stranger: bool = False
    abandons: int = 0  # runs that are given back
    given_up: bool = True  # by the rule of ``given_up``: not what is proven, not what a stranger initialised


class Op(NamedTuple):
    """What a process knows, and ``pc``, what it does next."""

    pc: str = "idle"
    window: Window | None = None
    volume: int = 0
    key: int = 0


class State(NamedTuple):
    volume: int = 1  # the claim's volume; 0 while there is none
    last: int = 1  # volumes so far
    keys: frozenset[tuple[int, int]] = frozenset()  # volume to the key of its store, initialised ones only
    pod: int = 1  # attempt whose certificate the pod serves; 0: scaled down
    window: Window = Window(attempt=1, nonce="1", phase=WindowPhase.CLAIMED)
    slots: frozenset[tuple[int, str, int]] = frozenset()  # volume, part, key
    net: frozenset[tuple[str, int]] = frozenset()  # requests on their way: (init, attempt), (wipe, volume)
    data: int = 0  # the volume that holds data
    ops: tuple[Op, ...] = (Op(), Op())
    crashes: int = 0
    losses: int = 0
    abandons: int = 0


IDLE, READ = Op(), Op("read")


def model(guards: Guards) -> Model[State]:
    def wrong(state: State) -> str:
        if state.data and state.data != state.volume:
            return "the volume that holds data was removed"
        key = key_of(state)
        if state.data and key != STRANGER and not any(p == "share" and k == key for _, p, k in state.slots):
            return "data, and the key of its store is nowhere"
        return ""

    def given_up(state: State) -> bool:
        stranger = bool(state.data) and key_of(state) == STRANGER
        return (stranger and all(op == IDLE for op in state.ops)) or (
            next_move(state.window, look(state, state.window)) is Move.EXHAUSTED
        )

    return Model(State(), lambda state: steps(state, guards), wrong, lambda state: bool(state.data), given_up)


def key_of(state: State) -> int:
    """The key of the store on the claim's volume; 0: not initialised."""
    return dict(state.keys).get(state.volume, 0)


def name(volume: int) -> str:
    return str(volume) if volume else ""


def look(state: State, window: Window) -> VaultState:
    volume = int(window.volume or 0)
    found = {part for kept, part, _ in state.slots if kept == volume}
    return VaultState(
        initialized=bool(key_of(state)) if state.pod and state.volume else None,
        volume=name(state.volume),
        slots=bool(volume) and found == {"share", "root"},
    )


def steps(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    found = [
        (f"{i}: {label}", after)
        for i, op in enumerate(state.ops)
        for label, after in act(state, i, op, guards)
    ]
    for i, op in enumerate(state.ops):
        if op.pc not in ("idle", "read") and state.crashes < guards.crashes:
            found.append((f"{i}: crash", put(state, i, IDLE, crashes=state.crashes + 1)))
    found += world(state, guards)
    for label, after in found:
        yield label, after._replace(ops=tuple(sorted(after.ops, key=repr_of)))  # the two are alike


@cache
def repr_of(op: Op) -> str:
    return repr(op)


def put(state: State, i: int, op: Op, **changes: Any) -> State:
    ops = tuple(op if n == i else other for n, other in enumerate(state.ops))
    return state._replace(ops=ops, **changes)


def act(state: State, i: int, op: Op, guards: Guards) -> Iterator[tuple[str, State]]:
    """The next thing that operator ``i`` does: one remote call, and what follows from its answer."""
    window = op.window or state.window
    match op.pc:
        case "idle" | "read":
            if op.pc == "read" or not state.data:
                yield from begun(state, i)
        case "install":
            # The StatefulSet is applied as it was seen, and the window read after it: nobody came between.
            same = state.window == window or not guards.fresh
            yield "install", put(state, i, READ, **(installed(state, window) if same else {}))
        case "look":
            yield from decided(state, i, window, guards)
        case "sent":
            sent = window.sent(name(op.volume))
            done, now = swapped(state, window, sent, guards)
            net = state.net | {("init", window.attempt)} if done else state.net
            yield (
                "SENT, send",
                put(state, i, Op("wait", sent, op.volume) if done else READ, window=now, net=net),
            )
        case "wait":
            if state.losses < guards.losses:
                yield "no answer", put(state, i, READ, losses=state.losses + 1)
        case "share" | "root":
            if not guards.proven:
                yield "write data at once", put(state, i, op, data=state.volume)
            yield from slot(state, i, op, guards)
        case "keys" | "void":
            after = window.keys() if op.pc == "keys" else window.voiding()
            yield f"mark {after.phase}", put(state, i, READ, window=swapped(state, window, after, guards)[1])
        case "wipe":
            yield from wipe(state, i, op, guards)
        case "again":
            yield from again(state, i, window, guards)
        case "prove":
            yield from prove(state, i, window, guards)


def begun(state: State, i: int) -> Iterator[tuple[str, State]]:
    """vault-install, or once VERIFIED vault-serve: where no pod runs it is put there (not while voiding)."""
    away = not state.pod and state.window.phase is not WindowPhase.VOIDING
    yield "read window", put(state, i, Op("install" if away else "look", state.window))


def abandoned(state: State, i: int, window: Window, guards: Guards) -> Iterator[tuple[str, State]]:
    """`abandon` comes upon this window: one swap to VOIDING; what follows is what any run does with that."""
    sight = look(state, window)
    after = given_up(window, sight)
    if isinstance(after, str) and not guards.given_up and sight.volume:
        after = window.sent(sight.volume).voiding()
    if isinstance(after, str) or after == window or not after.volume:
        return
    now = swapped(state, window, after, guards)[1]
    yield "give it back", put(state, i, READ, window=now, abandons=state.abandons + 1)


def decided(state: State, i: int, window: Window, guards: Guards) -> Iterator[tuple[str, State]]:
    if state.abandons < guards.abandons:
        yield from abandoned(state, i, window, guards)
    move = next_move(window, look(state, window))
    if move is Move.FOREIGN and not guards.foreign and window.phase is WindowPhase.CLAIMED:
        # "initialised, and no keys of ours: so void it", as operators do that infer from the server's state
        sent = window.sent(name(state.volume))
        done, now = swapped(state, window, sent, guards)
        yield "takes it for ours", put(state, i, Op("void", sent) if done else READ, window=now)
        return
    following = {
        Move.SEND: Op("sent", window, state.volume),
        Move.MARK_KEYS: Op("keys", window),
        Move.VOID: Op("void", window),
        Move.FINISH_VOID: Op("wipe", window),
        Move.WAIT: READ,
        Move.DONE: Op("prove", window),
        Move.FOREIGN: IDLE,
        Move.EXHAUSTED: IDLE,
    }[move]
    yield f"decide {move.name}", put(state, i, following)


def slot(state: State, i: int, op: Op, guards: Guards) -> Iterator[tuple[str, State]]:
    """Create-only, read back: a slot that holds something else ends the run."""
    where = op.volume if guards.by_volume else 0
    held = {(volume, part): key for volume, part, key in state.slots}.get((where, op.pc), op.key)
    if held != op.key and guards.by_volume:
        yield "slot is another's", put(state, i, IDLE)
        return
    following = op._replace(pc="root") if op.pc == "share" else Op("keys", op.window)
    yield f"write {op.pc}", put(state, i, following, slots=state.slots | {(where, op.pc, held)})


def wipe(state: State, i: int, op: Op, guards: Guards) -> Iterator[tuple[str, State]]:
    """Scale to 0, then remove the claim; it goes when the request arrives, whoever sent it."""
    assert op.window is not None
    volume = int(op.window.volume or 0)
    sends = state.volume == volume or not guards.by_uid
    net = state.net | {("wipe", volume)} if sends else state.net
    yield "scale to 0, remove volume", put(state, i, op._replace(pc="again"), pod=0, net=net)


def again(state: State, i: int, window: Window, guards: Guards) -> Iterator[tuple[str, State]]:
    if name(state.volume) == window.volume:
        if ("wipe", state.volume) not in state.net:
            yield "remove volume", put(state, i, Op("wipe", window))
        return
    following = window.again(str(window.attempt + 1))
    done, now = swapped(state, window, following, guards)
    kept = frozenset(s for s in state.slots if name(s[0]) != window.volume)
    yield "claim again", put(state, i, Op("install", following) if done else READ, window=now, slots=kept)


def prove(state: State, i: int, window: Window, guards: Guards) -> Iterator[tuple[str, State]]:
    """A fresh process opens the slot and shows that it opens this Vault; then VERIFIED, then data."""
    key = key_of(state) if state.pod else 0
    if window.phase is WindowPhase.VERIFIED:
        ready = bool(key) and str(key) == window.cluster_id
        yield (
            "write data" if ready else "not yet",
            put(state, i, IDLE, data=state.volume if ready else state.data),
        )
        return
    where = int(window.volume or 0) if guards.by_volume else 0
    share = {(volume, part): k for volume, part, k in state.slots}.get((where, "share"), 0)
    if not share or share != key:
        yield "does not open it", put(state, i, IDLE)
        return
    done, now = swapped(state, window, window.verified(str(share)), guards)
    yield "mark VERIFIED", put(state, i, READ if done else IDLE, window=now)


def swapped(state: State, before: Window, after: Window, guards: Guards) -> tuple[bool, Window]:
    if guards.swap and state.window != before:
        return False, state.window
    return True, after


def installed(state: State, window: Window) -> dict[str, Any]:
    """The pod of this attempt, on the volume that is there or on a fresh one; a running pod stays as it is."""
    if state.pod:
        return {}
    if state.volume:
        return {"pod": window.attempt}
    return {"pod": window.attempt, "volume": state.last + 1, "last": state.last + 1}


def world(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    for kind, what in state.net:
        rest = state._replace(net=state.net - {(kind, what)})
        if kind == "wipe":
            hit = state.volume and (state.volume == what or not guards.by_uid)
            yield f"removal of volume {what} arrives", rest._replace(volume=0, pod=0) if hit else rest
        else:
            yield from served(rest, what, guards)
    free = state.pod and state.volume and not key_of(state) and state.window.phase is WindowPhase.CLAIMED
    if guards.stranger and free:
        keys = state.keys | {(state.volume, STRANGER)}
        yield "a stranger initialises it", state._replace(keys=keys, data=state.volume)


def served(state: State, attempt: int, guards: Guards) -> Iterator[tuple[str, State]]:
    """`sys/init` arrives. Who waits for the answer gets it, or finds it lost."""
    label = f"init of attempt {attempt} arrives"
    waits = next(
        (
            i
            for i, op in enumerate(state.ops)
            if op.pc == "wait" and op.window and op.window.attempt == attempt
        ),
        None,
    )
    takes = state.volume and not key_of(state) and (state.pod == attempt or (state.pod and not guards.bound))
    if not takes:
        yield f"{label}, refused", state if waits is None else put(state, waits, READ)
        return
    after = state._replace(keys=state.keys | {(state.volume, state.volume)})
    if waits is None:
        yield label, after
        return
    yield f"{label}, answered", put(after, waits, state.ops[waits]._replace(pc="share", key=state.volume))
    if state.losses < guards.losses:
        yield f"{label}, answer lost", put(after, waits, READ, losses=state.losses + 1)
