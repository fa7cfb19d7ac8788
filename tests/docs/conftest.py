"""Pages that are run on a cluster take the lab of the run."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.lab.support.plugin")
