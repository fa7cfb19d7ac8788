"""`--help` answers at once: nothing that talks to the outside world is loaded for it."""

import subprocess
import sys
from pathlib import Path

import pytest

BOOTSTRAP = Path(sys.executable).with_name("bootstrap")
HEAVY = ("kubernetes", "hvac", "ansible", "ansible_runner", "dulwich", "pysequoia", "pyrage", "cryptography")
LOADED = """
import sys
sys.argv = ['bootstrap', *{arguments!r}]
from bootstrap.cli.app import main
try:
    main()
finally:
    print(*sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)
"""
COMMANDS = ("init", "keygen", "check", "doctor", "plan", "up", "status", "verify", "set", "ledger", "lab")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_nothing_heavy(command: str) -> None:
    arguments = [command, "--help"] if command else ["--help"]
    code = LOADED.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: bootstrap" in done.stdout
    loaded = set(done.stderr.split())
    assert "bootstrap" in loaded
    assert not loaded & set(HEAVY)


def test_the_loading_of_a_heavy_library_would_be_seen() -> None:
    code = "import hvac\n" + LOADED.format(arguments=["--help"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "hvac" in done.stderr.split()


def test_help_names_every_command() -> None:
    done = subprocess.run([str(BOOTSTRAP), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout, command


def test_without_arguments_it_says_what_there_is() -> None:
    done = subprocess.run([str(BOOTSTRAP)], capture_output=True, text=True)
    assert done.returncode in (0, 2)
    assert "Usage: bootstrap" in done.stdout + done.stderr
