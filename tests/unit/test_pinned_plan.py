"""The plan is a pure function of commit and tool, and `up --plan` takes the one that was read and no other."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.engine.pinned import check_pinned, differences
from bootstrap.model.errors import DecisionNeeded, DefinitionError
from bootstrap.model.plan import Plan
from tests.simulator.platform import SimulatedPlatform, scaffolded

HOSTILE = {
    "VAULT_ADDR": "http://nowhere.invalid",
    "VAULT_TOKEN": "nonsense",
    "HTTP_PROXY": "http://nowhere.invalid:1",
    "KUBECONFIG": "/nowhere",
    "GNUPGHOME": "/nowhere",
    "SOPS_AGE_KEY": "nonsense",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


def written(repository: Path, cwd: Path, **environment: str) -> bytes:
    command = [sys.executable, "-m", "bootstrap", "plan", "--repo", str(repository), "-o", "json"]
    closed = {"PATH": os.defpath} | environment
    return subprocess.run(command, cwd=cwd, env=closed, capture_output=True, check=True).stdout


def test_g5_the_same_bytes_whatever_surrounds_them(repository: Path, tmp_path: Path) -> None:
    one = written(repository, tmp_path, HOME="/root", TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1")
    odd = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "77"}
    other = written(repository, Path("/"), HOME=str(tmp_path), **odd, **HOSTILE)
    assert one == other


def test_up_takes_the_pinned_plan_and_no_other(repository: Path, tmp_path: Path) -> None:
    plan = SimulatedPlatform(tmp_path, repository).world().plan
    file = tmp_path / "plan.json"
    file.write_bytes(json.dumps({"plan": plan.document}).encode())
    check_pinned(file, plan)
    other: Plan = replace(plan, document={**plan.document, "commit": "0" * 40})
    with pytest.raises(DecisionNeeded) as caught:
        check_pinned(file, other)
    assert caught.value.code == "E_PLAN_OTHER"
    assert "commit: was" in caught.value.message


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"digest": "x"}'])
def test_a_file_that_is_no_plan_is_said_so(content: bytes, tmp_path: Path, repository: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(DefinitionError) as caught:
        check_pinned(file, SimulatedPlatform(tmp_path, repository).world().plan)
    assert caught.value.code == "E_PLAN_FILE"


def test_differences_name_their_place() -> None:
    assert list(differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})) == ["a[1].b: was 2, is 3"]
