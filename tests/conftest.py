"""What every test may ask for: the whole of a matrix, one lab for the whole run, and an intent repository.

``BOOTSTRAP_TEST_LAB=NAME`` takes another lab than ``test``. A lab that was there before is emptied between
destructive tests, and left; one made for the run is taken down, unless ``BOOTSTRAP_KEEP_LAB=1`` says not to.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.program import BOOTSTRAP, new_home, run_bootstrap, said
from tests.lab.support.reset import reset
from tests.lab.support.sources import Sources

NAME = "test"
COUNTED = (  # what these print when they pass is the run's evidence: cases, walks, states, points
    "tests/models/",
    "tests/faults/",
    "tests/unit/test_abandon.py",
    "tests/unit/test_fuzz.py",
    "tests/unit/test_road_company.py",
    "tests/unit/test_road_crashes.py",
    "tests/unit/test_sops_matrix_real.py",
)
GIVEN = "BOOTSTRAP_TEST_KUBECONFIG" in os.environ  # the tests of the ports then take that cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every matrix whole instead of sampled")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = [each for each in terminalreporter.stats.get("passed", []) if each.nodeid.startswith(COUNTED)]
    if lines := [line for each in passed for line in each.capstdout.splitlines() if line]:
        terminalreporter.section("counts")
        for line in lines:
            terminalreporter.write_line(line if len(line) < 200 else f"{line[:200]} ...")


def impossible() -> str:
    """Why there can be no lab on this machine; empty when there can."""
    if os.environ.get("BOOTSTRAP_TEST_LAB"):
        return ""
    if os.geteuid() != 0:
        return "a lab needs root"
    if not (shutil.which("go") or Path("/usr/local/go/bin/go").is_file()):
        return "the servers of a lab are built with Go, which is not here"
    return ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    why = impossible()
    for item in items:
        if item.get_closest_marker("whole") and not config.getoption("--whole"):
            item.add_marker(pytest.mark.skip(reason="the whole of a matrix: with --whole"))
        if item.get_closest_marker("lab") is None:
            continue
        if why and os.environ.get("CI") != "true":
            item.add_marker(pytest.mark.skip(reason=f"no lab: {why}"))
        elif isinstance(item, pytest.Function) and "access" in item.fixturenames and not GIVEN:
            # First of all, so that the fixtures of the ports find its kubeconfig.
            item.fixturenames.insert(0, "lab")


@pytest.fixture(scope="session")
def whole(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--whole"))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The one cluster of this run, by the real command."""
    why = impossible()
    assert not why, f"no lab: {why}"
    name = os.environ.get("BOOTSTRAP_TEST_LAB", NAME)
    known = json.loads(lab_command("status", "--name", name, "-o", "json"))["state"] != "absent"
    lab_command("up", "--name", name)
    found = Lab.of(json.loads(lab_command("status", "--name", name, "-o", "json")))
    os.environ.setdefault("BOOTSTRAP_TEST_KUBECONFIG", str(found.kubeconfig))
    yield found
    if not known and os.environ.get("BOOTSTRAP_KEEP_LAB") != "1":
        lab_command("down", "--name", name)


def lab_command(*arguments: str) -> str:
    """A lab belongs to the machine, so it gets the caller's environment (where Go keeps its modules)."""
    done = subprocess.run([str(BOOTSTRAP), "lab", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def kube(lab: Lab) -> Kube:
    return Kube(lab)


@pytest.fixture(scope="module")
def empty_cluster(kube: Kube) -> Kube:
    """The cluster as the lab made it."""
    begun = time.monotonic()
    reset(kube)
    print(f"cluster emptied in {time.monotonic() - begun:.1f} s")
    return kube


@dataclass(frozen=True)
class Platform:
    """An intent repository and its root key, as `keygen` and `init` make them."""

    folder: Path
    root_key: Path
    keys: Path
    lab: Lab

    @property
    def sources(self) -> Sources:
        return Sources(self.folder, self.root_key)

    def to_cluster(self, folder: Path | None = None) -> list[str]:
        """The options that every command on the cluster takes; ``folder`` is another copy of the repository."""
        return [
            *("--repo", str(folder or self.folder)),
            *("--root", f"file:{self.root_key}"),
            *("--kubeconfig", str(self.lab.kubeconfig)),
            "--non-interactive",
        ]


def make_platform(folder: Path, lab: Lab, *extra: str) -> Platform:
    done = run_bootstrap("keygen", "--out", folder, "--no-passphrase", "--non-interactive")
    assert done.returncode == 0, said(done)
    repository = folder / "platform"
    done = run_bootstrap("init", repository, "--keys", folder, "--manifests", lab.manifests, *extra)
    assert done.returncode == 0, said(done)
    return Platform(repository, folder / "root.key", folder / "keys", lab)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Platform:
    return make_platform(tmp_path_factory.mktemp("platform"), lab)


@pytest.fixture
def home() -> Path:
    return new_home()
