"""``docs/reference/metrics.md``, from the families that ``status -o metrics`` writes."""

from bootstrap.model.metrics import FAMILIES, PREFIX, Family

TOP = """\
# Metrics

`bootstrap status -o metrics` writes what `status` has seen as numbers, in Prometheus' text format 0.0.4;
[collect metrics](../how-to/collect-metrics.md) says how. All are gauges. No label holds a value or a secret's name.

| name | labels | meaning |
|---|---|---|
"""
END = """
A sample is as old as `bootstrap_looked_timestamp_seconds` says. Alert on that too: a collector goes on showing a file
that is written no more. `health` is a word of `status`: `holds`, `waits`, `missing`, `blocked`, `unknown`. Without
the root key some steps are `unknown`.
"""


def metrics_page() -> str:
    return TOP + "".join(map(_row, FAMILIES)) + END


def _row(family: Family) -> str:
    labels = ", ".join(f"`{name}`" for name in family.labels)
    absent = f"; no sample {family.absent}" if family.absent else ""
    return f"| `{PREFIX}{family.name}` | {labels} | {family.text}{absent} |\n"
