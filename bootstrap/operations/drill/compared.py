"""Each value that the ledger of a snapshot commits to, looked up in the Vault that came out of it (H4, INV1)."""

from dataclasses import dataclass

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Record
from bootstrap.ledger.versions import committed
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import commitments_in
from bootstrap.steps.secrets.versions import held


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One version of one secret. ``fields`` are names of those that are another value, or there on one side alone;
    ``lost``: Vault does not give the version out. ``newest``: no record speaks of a later one."""

    name: str
    version: int
    fields: tuple[str, ...]
    lost: bool
    newest: bool

    @property
    def differs(self) -> bool:
        """An earlier version that Vault no longer keeps (``max_versions``) does not."""
        return bool(self.fields) or (self.lost and self.newest)


def compared(world: World, ledger: Ledger) -> tuple[Compared, ...]:
    """Of each secret each version that a record commits to, under the cluster that the record names."""
    found = committed(ledger)
    last: dict[str, int] = {}
    for name, version in found:
        last[name] = max(version, last.get(name, 0))
    return tuple(
        world.each(
            lambda item: _look(world, *item[0], item[1], newest=last[item[0][0]] == item[0][1]),
            sorted(found.items(), key=lambda item: item[0]),
            "values compared",
        )
    )


def _look(world: World, name: str, version: int, record: Record, *, newest: bool) -> Compared:
    assert record.fact.destination is not None
    there = held(world, record.fact.destination.path, version)
    wanted = dict(record.fact.commitments)
    found = commitments_in(world, record, there.values) if there is not None else wanted
    fields = sorted(each for each in {*wanted, *found} if wanted.get(each) != found.get(each))
    return Compared(name=name, version=version, fields=tuple(fields), lost=there is None, newest=newest)
