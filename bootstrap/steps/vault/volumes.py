"""How full each Vault's volumes are, as the renewer beside it says in its log (OK4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bootstrap.model.errors import WorldError
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.containers import FULL

_LINE: Final = re.compile(r"^volumes: data (\d+)%, audit (\d+)%$", re.M)


@dataclass(frozen=True, slots=True)
class Volumes:
    """Percent; None where it is not known."""

    pod: str
    data: int | None
    audit: int | None

    def __str__(self) -> str:
        if self.data is None or self.audit is None:
            return f"{self.pod}: not known"
        text = f"{self.pod}: data {self.data} %, audit {self.audit} % full"
        return text + (": soon FULL" if self.soon_full else "")

    @property
    def soon_full(self) -> bool:
        return max(self.data or 0, self.audit or 0) >= FULL


def volumes(world: World) -> Iterator[Volumes]:
    """Without the right to read logs in Vault's namespace, and before a renewer has looked, they are not known."""
    namespace = world.intent.platform.vault.namespace
    for pod in world.session.pods:
        try:
            found = _LINE.findall(world.cluster.logs(namespace, pod, "renewer"))
        except WorldError:
            found = []
        data, audit = found[-1] if found else (None, None)
        yield Volumes(pod, None if data is None else int(data), None if audit is None else int(audit))
