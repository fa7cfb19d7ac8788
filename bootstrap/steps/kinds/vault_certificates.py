"""Each Vault serves a certificate of the CA in Vault, which the renewer beside it renews (G7).

A renewer looks by itself whether it may ask by now, so here is mostly waiting; this comes late on the road, so that
there is little left to wait for. Where the CA in Vault is another one by now, the renewers learn it, by a name in
the Secret that they mount.
"""

from dataclasses import dataclass
from datetime import datetime

from bootstrap.model.certificates import LATE, Certificate
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.intermediate import live_intermediate
from bootstrap.steps.vault.lives import served_by_all
from bootstrap.steps.vault.serving_secrets import announce, is_announced

SECONDS = 420.0  # a renewer that was refused often looks every five minutes


@dataclass(frozen=True, slots=True)
class Observation:
    """``leaves`` are what each pod serves, None where it does not answer; ``announced`` is whether the renewers know
    which CA is in Vault now."""

    authority: Certificate | None
    leaves: tuple[tuple[str, Certificate | None], ...]
    announced: bool
    now: datetime

    @property
    def waiting(self) -> tuple[str, ...]:
        return tuple(pod for pod, leaf in self.leaves if not self._renews(leaf))

    def _renews(self, leaf: Certificate | None) -> bool:
        return leaf is not None and leaf.names_as_issuer(self.authority) and leaf.left(self.now) >= LATE

    @property
    def moves(self) -> bool:
        """Whether a pod serves what an earlier CA in Vault made, which its renewer does not know by itself."""
        of = self.authority
        return any(
            leaf and of and leaf.issuer == of.subject and not leaf.names_as_issuer(of)
            for _, leaf in self.leaves
        )


class VaultCertificates:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        world = self.world
        authority = live_intermediate(world)
        leaves = tuple(served_by_all(world, authority).items())
        known = authority is None or is_announced(world, authority.key)
        return Observation(authority, leaves, known, world.cluster.server_time())

    def decide(self, seen: Observation) -> Decision:
        if seen.waiting:
            news = seen.moves and not seen.announced
            first = ("tell the renewers of the CA that is in Vault now",) if news else ()
            return Act(
                "wait until each Vault serves a certificate that is renewed",
                (*first, *(f"wait for the renewer of {pod}" for pod in seen.waiting)),
            )
        ends = min(leaf.until for _, leaf in seen.leaves if leaf is not None)
        return Satisfied(
            f"{len(seen.leaves)} certificates of the CA in Vault, the first ends {ends:%Y-%m-%d}"
        )

    def act(self, seen: Observation) -> None:
        if seen.moves and not seen.announced and seen.authority is not None:
            announce(self.world, seen.authority.key)
        what = "each Vault serves a certificate of the CA in Vault"
        try:
            self.world.wait(what, lambda: not self.observe().waiting, seconds=SECONDS, pause=0.5)
        except WorldError as error:
            if error.code != "E_TIMEOUT" or not (waiting := self.observe().waiting):
                raise
            raise _not_renewed(self.world, waiting) from None


def _not_renewed(world: World, waiting: tuple[str, ...]) -> WorldError:
    namespace = world.intent.platform.vault.namespace
    return WorldError(
        f"{', '.join(waiting)}: the renewer has got no certificate within {SECONDS:.0f} s",
        code="E_NOT_RENEWED",
        where=f"StatefulSet {namespace}/vault",
        hint=f"kubectl -n {namespace} logs {waiting[0]} -c renewer says why; `bootstrap up` looks again",
    )
