"""A rekey with crashes, a restarting Vault, lost answers and late requests; then whoever goes on (B4).

Shares are numbers; 1 is the one that opens Vault at first. ``kept`` are those that are durable in the slots, in the
escrow and with the unsealers, together: what makes them so is one act here, and its crashes are the simulator's
(``tests/simulated/test_unseal_rekey.py``). An attempt lives in Vault's memory: a restart, or a cancel, ends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.models.checker import Model


@dataclass(frozen=True, kw_only=True)
class Guards:
    """What keeps the protocol safe; each can be taken away. The numbers bound the search."""

    kept_first: bool = True  # the new share is kept before it is given back to Vault
    ended_first: bool = True  # an attempt is ended before it is asked which share opens Vault
    proven: bool = True  # which share opens is asked, not taken from an answer
    both: bool = True  # the share that does not open goes only once the other one is seen to
    crashes: int = 2
    restarts: int = 2
    attempts: int = 3


class State(NamedTuple):
    opens: int = 1  # the share that opens Vault
    attempt: int = 0  # the share that waits in Vault's memory to be given back; 0: none
    made: int = 1  # shares so far
    kept: frozenset[int] = frozenset({1})
    current: int = 1  # the share that the window names
    net: frozenset[int] = frozenset()  # shares that are on their way back to Vault
    pc: str = "look"
    new: int = 0  # what the process holds in memory
    seen: int = 0  # what the proof has shown
    crashes: int = 0
    restarts: int = 0


def model(guards: Guards) -> Model[State]:
    def wrong(state: State) -> str:
        return "" if state.opens in state.kept else "no share that is kept opens Vault"

    def goal(state: State) -> bool:
        return state.pc == "done"

    def given_up(state: State) -> bool:
        return state.pc == "look" and state.made >= guards.attempts and state.kept == {state.current}

    return Model(State(), lambda state: steps(state, guards), wrong, goal, given_up)


def steps(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    yield from world(state, guards)
    if state.pc != "look" and state.pc != "done" and state.crashes < guards.crashes:
        yield "crash", state._replace(pc="look", new=0, seen=0, crashes=state.crashes + 1)
    match state.pc:
        case "look":
            if len(state.kept) > 1:
                yield "something is left", state._replace(pc="end")
            elif state.made < guards.attempts:
                yield "ask for a share", asked(state)
        case "keep":
            yield "keep it", state._replace(pc="send", kept=state.kept | {state.new})
        case "send":
            yield "give it back", state._replace(pc="end", net=state.net | {state.new})
        case "late keep":
            yield "keep it", state._replace(pc="end", kept=state.kept | {state.new})
        case "end":
            ended = state._replace(attempt=0) if guards.ended_first else state
            yield "end the attempt", ended._replace(pc="prove")
        case "prove":
            # Without a proof the answer counts: "it was given back" is taken for "it counts".
            seen = state.opens if guards.proven else max(state.kept)
            yield f"{seen} opens", state._replace(pc="settle", seen=seen)
        case "settle":
            yield from settled(state, guards)


def asked(state: State) -> State:
    """Each attempt gives another share; the one before, of ours, is ended."""
    return state._replace(pc="keep", attempt=state.made + 1, made=state.made + 1, new=state.made + 1)


def settled(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    kept = frozenset({state.seen}) if guards.both else frozenset({max(state.kept)})
    forward = state.seen != state.current
    after = state._replace(kept=kept, current=state.seen, new=0, seen=0)
    yield f"keep {state.seen} alone", after._replace(pc="done" if forward else "look")


def world(state: State, guards: Guards) -> Iterator[tuple[str, State]]:
    if not guards.kept_first and state.pc == "keep":
        yield "give it back at once", state._replace(pc="late keep", net=state.net | {state.new})
    for share in state.net:
        rest = state._replace(net=state.net - {share})
        counts = state.attempt == share
        after = rest._replace(opens=share, attempt=0) if counts else rest
        yield f"{share} arrives{'' if counts else ', refused'}", after
    if state.attempt and state.restarts < guards.restarts:
        yield "Vault restarts", state._replace(attempt=0, restarts=state.restarts + 1)
