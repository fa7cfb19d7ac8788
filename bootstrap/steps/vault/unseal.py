"""Unsealing by hand: the escrow's share, opened with the root, given to every sealed node (``custody: offline``)."""

from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import read_escrow


def opened_share(world: World) -> Sensitive:
    """The one that counts: while a rekey is under way, Vault may take the next one instead. Errors of
    ``opened_shares``."""
    return opened_shares(world)[0]


def opened_shares(world: World) -> tuple[Sensitive, ...]:
    """PreconditionError E_ESCROW_MISSING where neither records nor cluster hold the share's ciphertext."""
    escrow = read_escrow(world)
    if escrow is None:
        raise PreconditionError(
            "no escrow of this cluster's unseal share",
            code="E_ESCROW_MISSING",
            where=world.records.folder,
            hint="give --records with the folder that `up` wrote, or the commit that holds records/",
        )
    key = world.material.unseal_key()
    return tuple(key.decrypt(share.ciphertext()) for share in escrow.shares.values())


def sealed_pods(world: World) -> list[str]:
    """Pods that do not answer count as sealed: it is not known that they are not."""
    return [p for p in world.session.pods if (s := world.session.seal_status(p)) is None or s.sealed]


def unseal_all(world: World, seconds: float = 120) -> tuple[str, ...]:
    """Give the share to every sealed node until all are unsealed; the pods that took it.

    A node that has just joined refuses the share until it knows its store, so a refusal is tried again
    within ``seconds``; then WorldError E_TIMEOUT.
    """
    shares = opened_shares(world)
    took: list[str] = []

    def step() -> bool:
        for pod in sealed_pods(world):
            status = world.session.seal_status(pod)
            if status is None:
                continue
            for share in shares:
                try:
                    world.session.vault.unseal(pod, share)
                except WorldError as error:
                    world.narrator.event("waiting", message=error.message)
                else:
                    took.append(pod)
                    break
        return not sealed_pods(world)

    world.wait("every node is unsealed", step, seconds=seconds, pause=2)
    return tuple(dict.fromkeys(took))
