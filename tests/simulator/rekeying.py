"""`bootstrap rekey-unseal` on a simulated platform, and whether at each moment what opens Vault is kept."""

from collections.abc import Iterator
from typing import Any

from bootstrap.model.init_window import Window
from bootstrap.model.layout import ESCROW
from bootstrap.operations.records import write_records
from bootstrap.operations.unseal_rekey.runner import Rekeyed, UnsealRekey
from bootstrap.ports import Ref
from bootstrap.steps.vault.escrow import Escrow
from bootstrap.steps.vault.init_window import Slots, WindowStore, share_part
from tests.simulator.platform import SimulatedPlatform, opened
from tests.simulator.vault import Line, Store


def rekey(platform: SimulatedPlatform, **ports: Any) -> Rekeyed:
    """The whole command but for its words."""
    world = platform.world(**ports)
    try:
        done = UnsealRekey(world).run()
        write_records(world)
        return done
    finally:
        world.session.close()


def window(platform: SimulatedPlatform) -> Window:
    found = WindowStore(platform.cluster).read()
    assert found is not None
    return found


def generations(platform: SimulatedPlatform) -> range:
    """All so far, and the next one."""
    return range(1, window(platform).generation + 2)


def unseal_secret(platform: SimulatedPlatform, generation: int) -> str | None:
    """The share in the unsealers' Secret of one generation."""
    live = platform.cluster.get(Ref("v1", "Secret", f"vault-unseal-{generation}", "vault"))
    return None if live is None else live["data"]["key"].reveal().decode()


def in_slots(platform: SimulatedPlatform) -> dict[int, str]:
    """Generation to share, opened with the root."""
    key, slots = opened(platform.repository).material.unseal_key(), window(platform).volume
    found = {n: Slots(platform.cluster, slots).read(share_part(n)) for n in generations(platform)}
    return {n: key.decrypt(c.ciphertext()).reveal().decode() for n, c in found.items() if c is not None}


def in_escrow(platform: SimulatedPlatform) -> dict[int, str]:
    data = (platform.records / platform.cluster.uid() / ESCROW).read_bytes()
    key = opened(platform.repository).material.unseal_key()
    shares = Escrow.from_bytes(data, "escrow").shares
    return {n: key.decrypt(c.ciphertext()).reveal().decode() for n, c in shares.items()}


def lost(platform: SimulatedPlatform, share: str) -> Iterator[str]:
    """Where ``share`` is not kept, of the places from which Vault is opened."""
    if share not in in_slots(platform).values():
        yield "no slot"
    if share not in in_escrow(platform).values():
        yield "not in the escrow outside the cluster"
    if share not in {unseal_secret(platform, n) for n in generations(platform)}:
        yield "no Secret of the unsealers"


class Watched:
    """Looks just before a rekey counts, and whenever it is asked; ``broken`` says what was not kept."""

    def __init__(self, platform: SimulatedPlatform) -> None:
        self.platform = platform
        self.broken: list[str] = []
        platform.vault.watchers.append(self._vault)

    def _vault(self, store: Store, line: Line) -> None:
        if line.path == "sys/rekey/verify":
            self.broken += [f"before it counts: {each}" for each in lost(self.platform, store.rekey.share)]

    def look(self) -> None:
        self.broken += list(lost(self.platform, self.platform.vault.live().share))
