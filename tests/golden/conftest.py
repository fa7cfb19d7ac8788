"""The workspace, made once for all recorded commands."""

from pathlib import Path

import pytest

from tests.golden.workspace import make_workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("golden").resolve() / "w")
