"""A result, and what it was measured on: a ratio without its machine, its load and its versions says little."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path


def machine(*packages: str) -> dict[str, object]:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in packages},
    }


def give(result: Mapping[str, object], out: Path | None) -> None:
    """As JSON, to standard output, and into a file where one is wanted."""
    text = json.dumps(result, indent=2) + "\n"
    sys.stdout.write(text)
    if out:
        out.write_text(text)
