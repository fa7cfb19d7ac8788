"""What every test may ask for: the whole of a matrix. What a room needs beside is in the room's own conftest."""

import pytest

COUNTED = (  # what these print when they pass is the run's evidence: cases, walks, states, points
    "tests/faults/",
    "tests/fuzz/",
    "tests/models/",
    "tests/programs/test_sops_matrix_real.py",
    "tests/simulated/test_abandon.py",
    "tests/simulated/test_concurrent_runs.py",
    "tests/simulated/test_road_crashes.py",
)


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
