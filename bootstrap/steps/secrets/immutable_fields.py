"""What one changed line of Git cannot take back on a cluster that runs: refused before anything is changed.

Fewer replicas would leave voters behind that do not run, offline custody an open unseal key, and another path or
name would hand the first value of Git over again (G7, B4, H1). Each needs work on the live system that is more
than applying what is declared.
"""

from collections.abc import Iterator, Mapping

from bootstrap.ledger.record import Record, RecordType
from bootstrap.model.catalog import Custody
from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Ref
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.serving_secrets import unseal_ref


def refused_changes(world: World) -> Iterator[PreconditionError]:
    """Reads only: the StatefulSet, the unseal key's Secret and the ledger's copy in the cluster."""
    yield from _fewer_replicas(world)
    yield from _custody(world)
    committed = named(world.ledger.read(), RecordType.COMMIT)
    yield from moved(world, committed)
    yield from _renamed(world, committed)


def _fewer_replicas(world: World) -> Iterator[PreconditionError]:
    spec = world.intent.platform.vault
    ref = Ref("apps/v1", "StatefulSet", "vault", spec.namespace)
    live = world.cluster.get(ref)
    running = int(live["spec"].get("replicas", 1)) if live else 0
    if running > spec.replicas:
        yield PreconditionError(
            f"{ref} has {running} replicas, replicas: {spec.replicas} is declared: those taken away would stay "
            "voters, and Vault would miss them at each election",
            code="E_REPLICAS_FEWER",
            where=world.intent.platform.where,
            hint=f"write replicas: {running}; taking voters away is not available yet",
        )


def _custody(world: World) -> Iterator[PreconditionError]:
    if world.intent.platform.vault.custody is Custody.OFFLINE and world.cluster.get(unseal_ref(world)):
        yield PreconditionError(
            f"custody: offline is declared, and {unseal_ref(world)} holds the unseal key: whoever has read it keeps it",
            code="E_CUSTODY_CHANGE",
            where=world.intent.platform.where,
            hint="write custody: cluster; leaving it takes another unseal key, which is not available yet",
        )


def moved(world: World, committed: Mapping[str, Record]) -> Iterator[PreconditionError]:
    """E_PATH_MOVED for each secret whose COMMIT record names another path than Git does now."""
    for secret in world.intent.handovers:
        record = committed.get(secret.name)
        if record is not None and _path(record) != secret.path:
            yield PreconditionError(
                f"{secret.name} was handed over to secret/{_path(record)}, and Vault's value lies there; "
                f"Git now says secret/{secret.path}",
                code="E_PATH_MOVED",
                where=secret.where,
                hint=f"write path: {_path(record)}; for another secret, make an entry of another name and value",
            )


def _renamed(world: World, committed: Mapping[str, Record]) -> Iterator[PreconditionError]:
    """A new name for the same ciphertext, where the entry that it was handed over as is no longer there."""
    declared = {secret.name for secret in world.intent.secrets}
    gone = {_ciphertext(r): name for name, r in committed.items() if name not in declared}
    for secret in world.intent.handovers:
        assert secret.source is not None  # it is handed over
        file = secret.source.file
        before = gone.get((file, world.intent.blobs.get(file, "")))
        if before is not None and secret.name not in committed:
            yield PreconditionError(
                f"{secret.name}: {file} was handed over as {before}, an entry that is gone; under another name "
                "the first value of Git would be handed over once more",
                code="E_NAME_CHANGED",
                where=secret.where,
                hint=f"write name: {before}; for another secret, put its value into a file of its own",
            )


def _path(record: Record) -> str:
    return record.fact.destination.path if record.fact.destination else ""


def _ciphertext(record: Record) -> tuple[str, str]:
    git = record.fact.git
    return (git.path, git.blob) if git else ("", "")
