"""What every test may ask for: the whole of a matrix. What a room needs beside is in the room's own conftest."""

import pytest
from hypothesis import settings

COUNTED = (  # what these print when they pass is the run's evidence: cases, walks, states, points
    "tests/faults/",
    "tests/fuzz/",
    "tests/models/",
    "tests/programs/test_sops_matrix_real.py",
    "tests/simulated/authority/test_authority_crashes.py",
    "tests/simulated/restore/test_restore_crashes.py",
    "tests/simulated/test_abandon.py",
    "tests/simulated/test_ca_rotation.py",
    "tests/simulated/test_concurrent_runs.py",
    "tests/simulated/test_fence.py",
    "tests/simulated/test_retire_modes.py",
    "tests/simulated/test_road_crashes.py",
    "tests/simulated/test_set_crashes.py",
    "tests/simulated/test_unseal_rekey.py",
)


# Not by the clock: an example takes as long as the machine is busy.
settings.register_profile("counted", deadline=None)
settings.load_profile("counted")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every matrix whole instead of sampled")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = [each for each in terminalreporter.stats.get("passed", []) if each.nodeid.startswith(COUNTED)]
    if lines := [line for each in passed for line in each.capstdout.splitlines() if line]:
        terminalreporter.section("counts")
        for line in lines:
            terminalreporter.write_line(line if len(line) < 200 else f"{line[:200]} ...")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("whole") and not config.getoption("--whole"):
            item.add_marker(pytest.mark.skip(reason="left out by default: with --whole"))


@pytest.fixture(scope="session")
def whole(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--whole"))
