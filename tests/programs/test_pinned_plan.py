"""The plan is a pure function of commit and tool, and `up --plan` takes the one that was read and no other."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.engine.plan_diff import check_pinned, differences, listed
from bootstrap.model.errors import DecisionNeeded, DefinitionError
from bootstrap.model.plan import Plan
from tests.simulator.platform import SimulatedPlatform, scaffolded

HOSTILE: dict[str, Any] = {
    "VAULT_ADDR": "http://nowhere.invalid",
    "VAULT_TOKEN": "nonsense",
    "VAULT_NAMESPACE": "nonsense",
    "HTTP_PROXY": "http://nowhere.invalid:1",
    "HTTPS_PROXY": "http://nowhere.invalid:1",
    "KUBECONFIG": "/nowhere",
    "GNUPGHOME": "/nowhere",
    "SOPS_AGE_KEY": "nonsense",
    "SOPS_AGE_KEY_FILE": "/nowhere",
    "GIT_DIR": "/nowhere",
    "GIT_WORK_TREE": "/nowhere",
    "GIT_OBJECT_DIRECTORY": "/nowhere",
    "GIT_CONFIG_GLOBAL": "/nowhere",
    "XDG_CONFIG_HOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "COLUMNS": "20",
    "NO_COLOR": "1",
    "TERM": "dumb",
}
STRANGER = "64999"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


def written(
    repository: Path | str,
    cwd: Path,
    how: dict[str, Any] | None = None,
    before: Sequence[str] = (),
    **environment: str,
) -> bytes:
    """What `plan -o json` prints in a process of its own, behind the command ``before``; ``how``: its umask."""
    command = [*before, sys.executable, "-m", "bootstrap", "plan", "--repo", str(repository), "-o", "json"]
    closed = {"PATH": os.defpath} | environment
    done = subprocess.run(command, cwd=cwd, env=closed, capture_output=True, check=False, **(how or {}))
    assert done.returncode == 0, done.stderr.decode()
    out: bytes = done.stdout
    return out


@pytest.fixture(scope="module")
def plain(repository: Path) -> bytes:
    return written(repository, repository, HOME="/root", TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1")


def test_g5_the_same_bytes_whatever_surrounds_them(repository: Path, tmp_path: Path, plain: bytes) -> None:
    odd: dict[str, Any] = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "77"}
    assert written(repository, Path("/"), HOME=str(tmp_path), **odd, **HOSTILE) == plain


@pytest.mark.parametrize("locale", ["tr_TR.ISO-8859-9", "POSIX"])
def test_g5_the_same_bytes_in_every_locale(locale: str, repository: Path, plain: bytes) -> None:
    odd: dict[str, Any] = {"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert written(repository, Path("/"), PYTHONHASHSEED="5", **odd) == plain


def test_g5_the_same_bytes_from_a_bare_clone_under_another_umask(
    repository: Path, tmp_path: Path, plain: bytes
) -> None:
    clone = ["git", "clone", "--quiet", "--bare", str(repository), str(tmp_path / "bare.git")]
    subprocess.run(clone, check=True, capture_output=True)
    assert written("bare.git", tmp_path, {"umask": 0o000}) == plain  # a path from where one stands


def test_g5_what_lies_in_the_work_tree_does_not_count(repository: Path, tmp_path: Path, plain: bytes) -> None:
    subprocess.run(["git", "clone", "--quiet", str(repository), str(tmp_path / "c")], check=True)
    (tmp_path / "c" / "bootstrap.yaml").write_text("changed\n")
    (tmp_path / "c" / "secrets" / "new.yaml").write_text("new\n")
    assert written(tmp_path / "c", tmp_path, {"umask": 0o077}) == plain


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="nobody else can be somebody else here"
)
def test_g5_the_same_bytes_for_another_user(repository: Path, plain: bytes) -> None:
    """Who owns nothing there, has no home and no name; may read (the interpreter lies in root's home)."""
    may_read = ["--inh-caps", "-all,+dac_read_search", "--ambient-caps", "-all,+dac_read_search"]
    other = ["setpriv", "--reuid", STRANGER, "--regid", STRANGER, "--clear-groups", *may_read]
    assert written(repository, Path("/"), before=other, HOME="/nonexistent") == plain


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


def test_a_file_that_is_not_there_says_why_and_how_to_write_one(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(DefinitionError, match="No such file") as caught:
        check_pinned(tmp_path / "nosuch", SimulatedPlatform(tmp_path, repository).world().plan)
    assert "bootstrap plan -o json > " in caught.value.hint


def test_differences_name_their_place() -> None:
    assert list(differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})) == ["a[1].b: was 2, is 3"]


def test_differences_name_the_entry_and_not_its_place_in_a_list() -> None:
    before = {"secrets": [{"name": "a", "length": 1}, {"name": "b", "length": 1}, {"name": "c", "length": 1}]}
    after = {"secrets": [{"name": "b", "length": 2}, {"name": "c", "length": 1}, {"name": "d", "length": 1}]}
    assert list(differences(before, after)) == [
        "secrets.b.length: was 1, is 2",
        "secrets.d: added",
        "secrets.a: removed",
    ]
    one, two = {"kind": "X", "namespace": "n", "name": "a"}, {"kind": "Y", "namespace": "n", "name": "a"}
    assert list(differences({"derived": [one]}, {"derived": [one, two]})) == ["derived.Y/n/a: added"]
    assert list(differences([{"id": "a"}, {"id": "b"}], [{"id": "b"}, {"id": "a"}], "steps")) == [
        "steps: in another order"
    ]
    assert list(differences({"l": [one, one]}, {"l": [one]})) != []


def test_the_commit_is_named_only_where_nothing_else_differs() -> None:
    given = {"commit": "1", "tree": "2", "secrets": []}
    assert listed(given, {**given, "commit": "3", "tree": "4"}).count("\n") == 2
    assert listed(given, {"commit": "3", "tree": "4", "secrets": [{"name": "a"}]}) == "\n    secrets.a: added"
