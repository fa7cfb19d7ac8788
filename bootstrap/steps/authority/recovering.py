"""Whether Vault's quorum is lost for good while a store is there; then a human decides what counts (INV4, S4).

Offered is nothing while a quorum could come back. What the node that is left had not received is not known before it
serves: its copy of the ledger is then held against every head, as always.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bootstrap.model.errors import BootstrapError, DecisionNeeded, PreconditionError, WorldError
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.quorum import Node, Quorum, judge, survivor
from bootstrap.model.recovery import Recovery, Stage
from bootstrap.steps.authority import approvals
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.authority.stops import RESTORE, known
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import stateful_set_ref
from bootstrap.steps.vault.quorum import nodes
from bootstrap.steps.vault.recovery import REF, under_way

SETTLED: Final = 20.0  # seconds in which the only voter of a raft has elected itself
PAGE: Final = "docs/how-to/recover-a-quorum.md"


@dataclass(frozen=True, slots=True)
class QuorumSeen:
    """``stop`` is why it may not go on, ``rests_on`` are approvals without which it would not. ``note`` says what is
    under way, and ``recovers`` that the run goes on with it, or begins it."""

    stop: BootstrapError | None = None
    rests_on: tuple[str, ...] = ()
    note: str = ""
    recovers: bool = False


NO_LOSS: Final = QuorumSeen()


def quorum_seen(world: World, authority: Authority) -> QuorumSeen:
    """Nodes are asked only where Vault itself cannot be: that tells of a loss, or of none."""
    if authority.found.restoring:
        return NO_LOSS
    now = under_way(world.cluster, authority.longest)
    if now is not None:
        return QuorumSeen(note=under_way_note(now), recovers=now.stage is not Stage.DONE)
    if not authority.found.silent or not _is_proven(authority):
        return NO_LOSS
    found, yes = _settled(world), _approved(authority)
    match judge(found):
        case Quorum.LOST if yes:
            return QuorumSeen(rests_on=(yes,), recovers=True)
        case Quorum.LOST:
            return QuorumSeen(_lost(world, authority, found))
        case Quorum.MAY_RETURN if yes:
            return QuorumSeen(_may_return(world, found))
    return NO_LOSS


def under_way_note(now: Recovery) -> str:
    return f"a lost quorum is being recovered from {now.pod} since {now.begun}, {now.stage}"


def survivor_lost(now: Recovery) -> DecisionNeeded:
    return DecisionNeeded(
        f"{under_way_note(now)}, and the volume of {now.pod} is another one by now: its store is gone",
        code="E_SURVIVOR_LOST",
        where=str(REF),
        hint=f"{RESTORE}; {PAGE}",
    )


def _is_proven(authority: Authority) -> bool:
    return authority.window is not None and authority.window.phase is WindowPhase.VERIFIED


def _approved(authority: Authority) -> str:
    given = (yes for yes in authority.approved if yes.partition("@")[0] == approvals.RECOVER_QUORUM)
    return next(given, "")


def _settled(world: World) -> tuple[Node, ...]:
    """A node that has just been unsealed finds its leader late, or elects itself."""
    found: tuple[Node, ...] = ()

    def settled() -> bool:
        nonlocal found
        found = nodes(world)
        return judge(found) is not Quorum.LOST

    with suppress(WorldError):  # it is looked at as it is then
        world.wait("a node of Vault leads", settled, seconds=SETTLED, pause=2)
    return found


def _lost(world: World, authority: Authority, found: Sequence[Node]) -> BootstrapError:
    left = survivor(found)
    return DecisionNeeded(
        f"Vault's quorum is lost and cannot come back: {_gone(found)} of {len(found)} nodes have no store any more:"
        + "".join(f"\n    {line}" for line in _stated(authority, found))
        + f"\nwhat {left.pod} had not received is lost; once it serves it is held against what is known here",
        code="E_QUORUM_LOST",
        where=str(stateful_set_ref(world)),
        hint=f"`bootstrap up --approve {approvals.RECOVER_QUORUM}`: {left.pod} alone becomes Vault again, the volumes "
        f"of all other nodes are voided, and that is recorded; or {RESTORE}; {PAGE}",
    )


def _gone(found: Sequence[Node]) -> int:
    return sum(not node.holds for node in found)


def _stated(authority: Authority, found: Sequence[Node]) -> Iterator[str]:
    yield from map(str, found)
    yield from known(authority)


def _may_return(world: World, found: Sequence[Node]) -> BootstrapError:
    return PreconditionError(
        "no quorum is recovered: the one that was here may come back by itself:"
        + "".join(f"\n    {node}" for node in found),
        code="E_QUORUM_MAY_RETURN",
        where=str(stateful_set_ref(world)),
        hint="`bootstrap up` waits for nodes that start, `bootstrap unseal` opens sealed ones; delete the pod of one "
        f"that stays sealed, and the claim too where its volume is lost; {PAGE}",
    )
