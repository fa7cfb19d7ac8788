"""One contract, two sides: each case runs on the simulators, and on real servers (marker ``lab``).

A case takes ``side`` without asking for it and runs once for each. ``@pytest.mark.only(SIDE, REASON)`` is for
what one side alone can show; those cases are counted apart. The counts are printed at the end.
"""

from collections import Counter
from typing import Any

import pytest

from tests.contract.clusters import access, cluster, namespace, neighbours, real_cluster

__all__ = ["access", "cluster", "namespace", "neighbours", "real_cluster"]  # fixtures, for every case below


SIMULATOR, REAL = "simulator", "real"
PASSED: Counter[tuple[str, bool]] = Counter()  # (side, one-sided)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.lab.support.plugin")
    config.addinivalue_line(
        "markers", "only(side, reason): a case of the contract that one side alone can show"
    )


@pytest.fixture(scope="session", autouse=True)
def side(request: pytest.FixtureRequest) -> str:
    """``simulator`` or ``real``."""
    return str(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    only = metafunc.definition.get_closest_marker("only")
    sides = [s for s in (SIMULATOR, REAL) if only is None or s == only.args[0]]
    marks = {SIMULATOR: (), REAL: (pytest.mark.lab,)}
    metafunc.parametrize(
        "side", [pytest.param(s, id=s, marks=marks[s]) for s in sides], indirect=True, scope="session"
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    here = REAL if item.get_closest_marker("lab") else SIMULATOR
    item.user_properties.append(("contract", (here, item.get_closest_marker("only") is not None)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    case: Any = dict(report.user_properties).get("contract")
    if case and report.when == "call" and report.passed:
        PASSED[case] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    on = {s: PASSED[s, False] + PASSED[s, True] for s in (SIMULATOR, REAL)}
    if any(on.values()):
        terminalreporter.write_line(
            f"contract: {on[SIMULATOR]} cases on the simulator, {on[REAL]} on real servers "
            f"(of these {PASSED[SIMULATOR, True]} and {PASSED[REAL, True]} on that side only)"
        )
