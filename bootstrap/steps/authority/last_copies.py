"""Materialized Secrets that outlived their Vault: they may be the last copies in existence (INV4).

Compared in memory: with the values that the snapshot holds beside Vault's store, else with the keyed digests of its
ledger. A value that neither knows cannot be compared.
"""

from collections.abc import Mapping

from bootstrap.intent.values import vault_string
from bootstrap.ledger.record import Record
from bootstrap.ledger.versions import committed, explained
from bootstrap.model.catalog import Consumer, Secret
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Ref
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import commitments_in

Values = Mapping[str, Sensitive]


def as_saved(world: World, source: SnapshotSource) -> dict[str, bool | None]:
    """NAMESPACE/NAME of each that is there to whether it holds the snapshot's value; None: it cannot be compared."""
    newest = _newest(source)
    wanted = [(s, consumer) for s in world.intent.secrets if s.path for consumer in s.consumers]
    refs = [Ref("v1", "Secret", consumer.secret, consumer.namespace) for _, consumer in wanted]
    found = world.each(world.cluster.get, refs, "materialized Secrets looked at")
    return {
        f"{consumer.namespace}/{consumer.secret}": _same(
            world, source, newest, secret, consumer, live["data"]
        )
        for (secret, consumer), live in zip(wanted, found, strict=True)
        if live is not None
    }


def _newest(source: SnapshotSource) -> dict[str, Record]:
    """Secret to the record of its newest version; none where that one's value is not committed to."""
    last, known = explained(source.ledger), committed(source.ledger)
    return {name: known[name, max(them)] for name, them in last.items() if (name, max(them)) in known}


def _same(
    world: World,
    source: SnapshotSource,
    newest: Mapping[str, Record],
    secret: Secret,
    consumer: Consumer,
    data: Values,
) -> bool | None:
    """Key by key: two keys may have one field."""
    saved, record = source.saved.get(secret.name), newest.get(secret.name)
    if saved is None and record is None:
        return None
    wanted: Mapping[str, object] = saved if saved is not None else record.fact.commitments if record else {}
    names = consumer.keys or {name: name for name in wanted}
    if data.keys() != names.keys():
        return False
    for key, value in data.items():
        field = names[key]
        held = {field: vault_string(secret, field, value)}
        found = held if saved is not None or record is None else commitments_in(world, record, held)
        if field not in wanted or found[field] != wanted[field]:
            return False
    return True
