"""One lab for the whole run, for every room whose tests take it; each such room's conftest imports this plugin.

``BOOTSTRAP_TEST_LAB=NAME`` takes another lab than ``test``, ``BOOTSTRAP_TEST_PROVIDER=kind`` another provider than
``local`` for a new one. A lab that was there before is emptied between
destructive tests, and left; one made for the run is taken down, unless ``BOOTSTRAP_KEEP_LAB=1`` says not to.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.lab.state import find
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.reset import reset
from tests.support.program import BOOTSTRAP

NAME = "test"
GIVEN = "BOOTSTRAP_TEST_KUBECONFIG" in os.environ  # the tests of the ports then take that cluster


def impossible() -> str:
    """Why there can be no lab on this machine; empty when there can."""
    if find(os.environ.get("BOOTSTRAP_TEST_LAB", NAME)) is not None:
        return ""
    if os.geteuid() != 0:
        return "a lab needs root"
    if not (shutil.which("go") or Path("/usr/local/go/bin/go").is_file()):
        return "the servers of a lab are built with Go, which is not here"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = impossible()
    for item in items:
        if item.get_closest_marker("lab") is None:
            continue
        if why and os.environ.get("CI") != "true":
            item.add_marker(pytest.mark.skip(reason=f"no lab: {why}"))
        elif isinstance(item, pytest.Function) and "access" in item.fixturenames and not GIVEN:
            # First of all, so that the fixtures of the ports find its kubeconfig.
            item.fixturenames.insert(0, "lab")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The one cluster of this run, by the real command."""
    why = impossible()
    assert not why, f"no lab: {why}"
    name = os.environ.get("BOOTSTRAP_TEST_LAB", NAME)
    known = json.loads(lab_command("status", "--name", name, "-o", "json"))["state"] != "absent"
    made_of = os.environ.get("BOOTSTRAP_TEST_PROVIDER")
    lab_command("up", "--name", name, *(["--provider", made_of] if made_of else []))
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


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Platform:
    return make_platform(tmp_path_factory.mktemp("platform"), lab)
