"""Configuration as code: every leaf of Vault's configuration that is declared (B6, D2, D6, S3).

The run's own identity sees what differs and writes none of it: that is a configuring token's, made for the change and
gone with it (``steps/vault/configuring.py``). Nothing differs: no token is made.
"""

import secrets
from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.steps.context.names import KV_MOUNT
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.configuring import announcement, begun, configuring, end, ending, powerful
from bootstrap.steps.vault.leaves import Leaf, every_leaf


@dataclass(frozen=True, slots=True)
class Observation:
    """``begun`` are changes that an earlier run announced and did not end, ``left`` accessors that it may have left."""

    missing: tuple[Leaf, ...]
    begun: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class VaultConfiguration:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        session = self.world.session
        unfinished = begun(self.world.ledger.read())
        left = powerful(session.accessors()) if unfinished else ()
        leaves = tuple(every_leaf(self.world))
        held = self.world.each(lambda leaf: leaf.holds(session.call), leaves, "leaves looked at")
        missing = tuple(leaf for leaf, holds in zip(leaves, held, strict=True) if not holds)
        return Observation(missing, unfinished, left)

    def decide(self, seen: Observation) -> Decision:
        changes = [f"revoke accessor {accessor}, left by an earlier run" for accessor in seen.left]
        changes += [f"record the end of change {txn} of an earlier run" for txn in seen.begun]
        changes += [leaf.change for leaf in seen.missing]
        if changes:
            return Act("configure Vault", tuple(changes))
        intent = self.world.intent
        namespaces = {*intent.reading_namespaces, *intent.pushing_namespaces}
        return Satisfied(f"KV v2 at {KV_MOUNT}/, {len(namespaces)} namespaces with their own policies")

    def act(self, seen: Observation) -> None:
        world = self.world
        world.session.fence()
        if seen.begun:
            end(world)
            world.ledger.append([ending(world, txn, "by a later run") for txn in seen.begun])
        if seen.missing:
            self._configure(seen.missing)

    def _configure(self, missing: tuple[Leaf, ...]) -> None:
        world, txn = self.world, secrets.token_hex(16)
        world.ledger.append([announcement(world, txn, (leaf.change for leaf in missing))])
        with configuring(world, txn) as call:
            for leaf in missing:
                leaf.write(world, call)
        end(world)
        world.ledger.append([ending(world, txn, "by the run that began it")])
        world.wait("KV v2 is ready", lambda: world.session.read(f"{KV_MOUNT}/config").ok, seconds=60)
