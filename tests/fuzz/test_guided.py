"""An hour by coverage over the parsers that read what others wrote; only where ``atheris`` is installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.parsers import PARSERS

ROOT = Path(__file__).resolve().parents[2]
LONG = [name for name, parser in PARSERS.items() if parser.long]
SECONDS = 3600 // len(LONG)


@pytest.mark.whole
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed (pip install atheris): test_parsers.py has taken the hour, without coverage",
)
@pytest.mark.parametrize("name", LONG)
def test_only_our_errors_come_out_wherever_the_code_goes(name: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.fuzz.guided", name, str(SECONDS), str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS + 600)
    print(f"{name}: {len([*(tmp_path / 'corpus').iterdir()])} inputs that reached something new")
    assert done.returncode == 0, done.stderr[-3000:]
