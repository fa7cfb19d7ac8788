"""G5: the environment of a process does not change one byte of the plan."""

import os
import subprocess
import sys
from pathlib import Path


def test_g5_the_environment_does_not_change_one_byte() -> None:
    script = (
        "from bootstrap.engine.loader import load_phases, phase_files;"
        "from bootstrap.engine.plan import make_plan;"
        "from bootstrap.steps.registry import KINDS;"
        "from tests.support.small_intent import an_intent;"
        "print(make_plan(load_phases(phase_files(), KINDS), an_intent(), '0').digest)"
    )
    ambient = {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "HOME": "/nonexistent", "VAULT_TOKEN": "x"}
    seen = set()
    for seed, extra in (("0", {}), ("1", ambient), ("2", {"PYTHONUTF8": "0", "LC_ALL": "C"})):
        env = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, **extra}
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, cwd=root, capture_output=True, check=True
        )
        seen.add(done.stdout)
    assert len(seen) == 1
