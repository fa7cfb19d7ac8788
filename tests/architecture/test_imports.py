"""The house's contracts hold, and the tool that holds them really objects."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
PLANTED = {
    "a step that imports the engine": ("bootstrap/steps/context/names.py", "import bootstrap.engine.runner"),
    "an adapter that imports the command line": (
        "bootstrap/adapters/local/clock.py",
        "import bootstrap.cli.options",
    ),
    "the journal that imports a step": (
        "bootstrap/journal/entries.py",
        "import bootstrap.steps.context.names",
    ),
    "a step that talks to Vault by itself": ("bootstrap/steps/context/names.py", "import hvac"),
    "the engine that talks to Kubernetes by itself": ("bootstrap/engine/retry.py", "import kubernetes"),
    "the ledger that opens age files": ("bootstrap/ledger/text.py", "import pyrage"),
    "the model that imports a library": ("bootstrap/model/plan.py", "import yaml"),
    "the model that imports a port": ("bootstrap/model/plan.py", "import bootstrap.ports"),
    "a port that waits": ("bootstrap/ports.py", "import bootstrap.waiting"),
    "a shared room that imports a kind": (
        "bootstrap/steps/secrets/transfer.py",
        "import bootstrap.steps.kinds.scaffold",
    ),
    "Vault's room that imports the secrets'": (
        "bootstrap/steps/vault/objects.py",
        "import bootstrap.steps.secrets.values",
    ),
    "the context that imports Vault's room, late": (
        "bootstrap/steps/context/world.py",
        "def late() -> None:\n    import bootstrap.steps.vault.escrow",
    ),
    "a room of steps without a place": ("bootstrap/steps/cellar.py", ""),
    "a kind that imports another": (
        "bootstrap/steps/kinds/retired.py",
        "import bootstrap.steps.kinds.scaffold",
    ),
    "a command that imports a kind": (
        "bootstrap/cli/commands/up.py",
        "import bootstrap.steps.kinds.recorded",
    ),
    "an operation that imports a kind": (
        "bootstrap/operations/records.py",
        "import bootstrap.steps.kinds.recorded",
    ),
    "age that imports the root": (
        "bootstrap/adapters/age/identity.py",
        "import bootstrap.adapters.root.root_key",
    ),
    "age that imports OpenPGP": (
        "bootstrap/adapters/age/identity.py",
        "import bootstrap.adapters.openpgp.keys",
    ),
    "Kubernetes that imports Vault, late": (
        "bootstrap/adapters/kubernetes/api.py",
        "def late() -> None:\n    import bootstrap.adapters.vault.client",
    ),
    "local programs that import Git for a type": (
        "bootstrap/adapters/local/programs.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bootstrap.adapters.git.repository",
    ),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LINT), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_imports_run_downwards() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("what", PLANTED)
def test_a_wrong_import_is_found(what: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "bootstrap", tmp_path / "bootstrap", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    path, line = PLANTED[what]
    with (tmp_path / path).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout
