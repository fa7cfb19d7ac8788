"""The result of ``benchmarks.everything`` as a page and a plot.

    python -m benchmarks.report RESULT.json

Writes RESULT.md and RESULT.svg beside it. Nothing is measured here, and no number is in here.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 8, 4.5  # inches


def page(result: dict[str, Any], plot: str) -> Iterator[str]:
    machine = result["machine"]
    runs = sorted(result["runs"], key=lambda run: run["nodes"])
    versions = runs[0]["versions"]
    yield "# Handover and looks, measured in one run"
    yield ""
    yield (
        f"{machine['cores']} cores of {machine['cpu']}, kernel {machine['kernel']}, Python {machine['python']},"
        f" Kubernetes {versions['kubernetes']}, Vault {versions['vault']}. etcd {result['etcd']}."
        f" Load of the last minute {machine['load'][0]} before and {result['load after'][0]} after."
        f" {_order(result)} Server, cluster and program share the cores."
    )
    yield ""
    yield f"![time a secret]({plot})"
    yield ""
    yield f"Raw requests: {result['in flight']} in flight; metadata, write with cas, version 1 read back."
    for run in runs:
        yield from _run(run)


def _run(run: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"## {run['nodes']} {'node' if run['nodes'] == 1 else 'nodes'}"
    yield ""
    yield f"The first `up` took {run['up']['seconds']} s."
    yield ""
    yield "| secrets | bytes | raw, s | handover, s | ratio | ms a secret | whole `up`, s | peak MiB |"
    yield "|---|---|---|---|---|---|---|---|"
    for cell in sorted(run["handovers"], key=lambda each: (each["payload"], each["secrets"])):
        raw = " - ".join(f"{each:.2f}" for each in sorted(cell["floor"]))
        yield (
            f"| {cell['secrets']:,} | {cell['payload']:,} | {raw} | {cell['handover']:.1f} | {cell['ratio']:.2f} |"
            f" {cell['milliseconds a secret']:.1f} | {cell['up']:.1f} | {cell['MiB']:.0f} |"
        )
    for looks in run["looks"]:
        yield from _looks(looks)
    peers = run["peers"]
    ours = _ours(run)
    yield ""
    yield f"Others with {peers['secrets']} secrets, against the {ours:.1f} ms a secret of the largest handover:"
    yield ""
    yield "| | ms a secret | ours is |"
    yield "|---|---|---|"
    for way, words in (
        ("floor", "raw requests"),
        ("hvac", "hvac, one after another"),
        ("shell", "`vault kv put` and `get`"),
    ):
        yield f"| {words} | {peers[way]:.1f} | {ours / peers[way]:.2f} of it |"
    idle = run["idle cores"]
    yield ""
    yield f"Without any request the unsealers take {idle['unsealer']:.3f} cores, Vault {idle['vault']:.3f}."


def _order(result: dict[str, Any]) -> str:
    if result["order"] == "growing":
        return "Sizes one after another, on one platform that grows; looks after each."
    return f"Order drawn with seed {result['seed']}."


def _looks(looks: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"With {looks['secrets']:,} secrets more than a new repository has:"
    yield ""
    yield "| | s | of the processor, s | peak MiB |"
    yield "|---|---|---|---|"
    for what, taken in looks["commands"].items():
        seconds, processor = _spread(taken["seconds"]), _spread(taken["processor"])
        yield f"| `{what}` | {seconds} | {processor} | {taken['MiB']:.0f} |"


def _spread(measured: Sequence[float]) -> str:
    """Smallest and largest, where it was measured more than once."""
    ends = dict.fromkeys((min(measured), max(measured)))
    return " - ".join(f"{each:.1f}" for each in ends)


def _ours(run: dict[str, Any]) -> float:
    """Milliseconds a secret of the largest handover of the peers' payload."""
    same = [cell for cell in run["handovers"] if cell["payload"] == run["peers"]["payload"]]
    return float(max(same, key=lambda cell: cell["secrets"])["milliseconds a secret"])


def draw(result: dict[str, Any], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bootstrap"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
    for run in sorted(result["runs"], key=lambda each: each["nodes"]):
        payload = run["peers"]["payload"]
        cells = sorted((c for c in run["handovers"] if c["payload"] == payload), key=lambda c: c["secrets"])
        sizes = [cell["secrets"] for cell in cells]
        raw = [1000 * statistics.mean(cell["floor"]) / cell["secrets"] for cell in cells]
        name = f"{run['nodes']} node{'s' if run['nodes'] > 1 else ''}"
        (line,) = axes.plot(
            sizes, [c["milliseconds a secret"] for c in cells], "o-", label=f"handover, {name}"
        )
        axes.plot(sizes, raw, "o--", color=line.get_color(), label=f"raw requests, {name}")
        axes.axhline(
            run["peers"]["hvac"], color=line.get_color(), linestyle=":", label=f"hvac in a row, {name}"
        )
    axes.set(xscale="log", xlabel="secrets in one handover", ylabel="milliseconds a secret", ylim=(0, None))
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}")
        return 2
    source = Path(sys.argv[1])
    result = json.loads(source.read_text())
    plot = source.with_suffix(".svg")
    draw(result, plot)
    source.with_suffix(".md").write_text("\n".join(page(result, plot.name)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
