"""What `status -o metrics` says, in Prometheus' text format 0.0.4, which OpenMetrics collectors read too (OK4).

Each family is declared here and nowhere else: ``docs/reference/metrics.md`` is made from them. All are gauges, and no
label holds a value or the name of a secret.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

PREFIX: Final = "bootstrap_"


@dataclass(frozen=True, slots=True)
class Family:
    """``name`` without the prefix, with its unit at the end; ``absent`` says when it has no sample."""

    name: str
    text: str
    labels: tuple[str, ...] = ()
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    of: Family
    value: float
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


LOOKED = Family("looked_timestamp_seconds", "When this was looked at, by the API server's clock")
INFO = Family("info", "1: what was looked at, and in which phase it is", ("cluster", "commit", "phase"))
RUN = Family("run", "1: the state of the newest run", ("state",))
STEPS = Family("steps", "Steps of the plan, by what a look at each says", ("phase", "health"))
SECRETS = Family("secrets", "Secrets of the catalog, by who decides their value", ("authority", "stage"))
RESIDUALS = Family("residuals", "Risks that stay by design, as `status` lists them")
UNCOMMITTED = Family("uncommitted_heads", "Heads of the ledger that the commit does not hold")
DAYS_LEFT = Family(
    "certificate_days_left", "Days that a certificate has left, below 0 once expired", ("certificate",)
)
USED = Family(
    "volume_used_ratio", "How full a volume of Vault is, 0 to 1", ("pod", "volume"), "where it is not known"
)
SNAPSHOT_SUCCESS = Family(
    "snapshot_last_success_timestamp_seconds",
    "When saving of the newest snapshot began",
    absent="before the first",
)
SNAPSHOT_SIZE = Family("snapshot_size_bytes", "Size of that file", absent="before the first")
SNAPSHOT_KEPT = Family("snapshot_kept", "How many were kept then", absent="before the first")
SNAPSHOT_AGE = Family(
    "snapshot_age_seconds",
    "Age of the newest snapshot; before the first, of the schedule",
    absent="where none are declared",
)
SNAPSHOT_OVERDUE = Family(
    "snapshot_overdue",
    "1 where two moments of the schedule have passed without one, or its time is yet to come, else 0",
    absent="where none are declared",
)
UNKNOWN = Family(
    "unknown", "1 where a part could not be looked at, else 0: its samples are missing then", ("part",)
)
FAMILIES: Final = (
    *(LOOKED, INFO, RUN, STEPS, SECRETS, RESIDUALS, UNCOMMITTED, DAYS_LEFT, USED),
    *(SNAPSHOT_SUCCESS, SNAPSHOT_SIZE, SNAPSHOT_KEPT, SNAPSHOT_AGE, SNAPSHOT_OVERDUE, UNKNOWN),
)


def exposition(samples: Iterable[Sample]) -> Iterator[str]:
    """Its lines; a family without a sample has none."""
    found = list(samples)
    for family in FAMILIES:
        own = [sample for sample in found if sample.of is family]
        if own:
            yield f"# HELP {PREFIX}{family.name} {family.text}"
            yield f"# TYPE {PREFIX}{family.name} gauge"
            yield from map(_line, own)


def _line(sample: Sample) -> str:
    assert tuple(sample.labels) == sample.of.labels  # as they are declared
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
    return f"{PREFIX}{sample.of.name}{f'{{{pairs}}}' if pairs else ''} {sample.value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
