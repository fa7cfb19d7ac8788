"""What a proof is: a claim about the live system, and the verdict of looking (`bootstrap verify`, H4, INV1-INV8)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from bootstrap.model.errors import BootstrapError
from bootstrap.steps.context.world import World

DENIED = frozenset({"E_KUBE_DENIED", "E_VAULT_DENIED", "E_ROOT_NEEDED"})


class State(StrEnum):
    """``WAITS``: for something that is to come, such as a consumer; ``LEFT_OUT``: it could not be made here."""

    HOLDS = "holds"
    BROKEN = "BROKEN"
    WAITS = "waits"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Verdict:
    state: State
    evidence: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """``requirement``: an id of docs/reference/requirements.md; ``ok``: None where it waits or was left out."""

    id: str
    requirement: str
    title: str
    state: State
    ok: bool | None
    evidence: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """``reads`` and ``unseen`` are what docs/reference/verify.md says of it.

    ``deep``: it asks a server to try something (a dry run: it changes nothing, and yet stands in the API server's
    audit log as a create).
    """

    id: str
    requirement: str
    title: str
    reads: str
    unseen: str
    look: Callable[[World], Verdict]
    deep: bool = False

    def __call__(self, world: World) -> Proof:
        """A claim that cannot be looked at is left out where a right or the root is lacking, else it is broken."""
        try:
            verdict = self.look(world)
        except BootstrapError as error:
            state = State.LEFT_OUT if error.code in DENIED else State.BROKEN
            verdict = Verdict(state, f"{error.code}: {error.message}", error.hint)
        ok = {State.HOLDS: True, State.BROKEN: False}.get(verdict.state)
        return Proof(self.id, self.requirement, self.title, verdict.state, ok, verdict.evidence, verdict.hint)


def claim(
    name: str, requirement: str, title: str, *, reads: str, unseen: str, deep: bool = False
) -> Callable[[Callable[[World], Verdict]], Claim]:
    """Makes a claim of the function below it."""

    def made(look: Callable[[World], Verdict]) -> Claim:
        return Claim(
            id=name, requirement=requirement, title=title, reads=reads, unseen=unseen, look=look, deep=deep
        )

    return made


def judged(ok: bool, evidence: str, hint: str = "") -> Verdict:
    return Verdict(State.HOLDS if ok else State.BROKEN, evidence, hint)


def names(found: Iterable[str]) -> str:
    """To stand behind a count; empty where nothing was found."""
    listed = ", ".join(found)
    return f": {listed}" if listed else ""
