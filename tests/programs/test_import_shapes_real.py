"""Six public repositories' layouts through `import` to a green `check --root`: how much has to be typed (G2, INV1)."""

import base64
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bootstrap.adapters.age import root as age
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.cli.app import app
from bootstrap.cli.commands.check import run_check
from bootstrap.intent.findings import Finding, errors
from bootstrap.intent.values import secret_values
from bootstrap.ports import RootKey
from tests.simulator.platform import scaffolded
from tests.simulator.sweep import SEED
from tests.support.program import commit_all
from tests.support.shapes import SHAPES, Shape, built
from tests.support.work import calls_at_most

CANARY = "canary-5e20aa"
MOST_CALLS = 50_000  # of `check`, for each file of the commit


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each layout with one of the two keys, and every other one by hand; another day the rest, with `--whole` all."""
    whole, names = metafunc.config.getoption("--whole"), list(SHAPES)
    if "own" in metafunc.fixturenames:
        cases = [
            (n, own)
            for i, n in enumerate(names)
            for own in (True, False)
            if whole or own is bool((i + SEED) % 2)
        ]
        metafunc.parametrize(("name", "own"), cases)
    elif "name" in metafunc.fixturenames:
        metafunc.parametrize("name", names if whole else names[SEED % 2 :: 2])


def imported(repository: Path, folder: Path, *more: str) -> str:
    done = CliRunner().invoke(app, ["import", str(folder), "--repo", str(repository), *more])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def git(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    commit_all(folder)


def values_of(document: Mapping[str, Any]) -> dict[str, bytes]:
    data = {name: base64.b64decode(value) for name, value in (document.get("data") or {}).items()}
    return data | {name: value.encode() for name, value in (document.get("stringData") or {}).items()}


def test_from_a_real_layout_to_a_green_check_with_one_word(tmp_path: Path, name: str, own: bool) -> None:
    """`--owner` is all that is typed. ``own``: sealed to the root of the repository; else to the team's old key."""
    repository = scaffolded(tmp_path)
    old = age.generate()
    (tmp_path / "old.key").write_bytes(old.export().reveal())
    (tmp_path / "old.key").chmod(0o600)
    recipient = (repository / "keys/root.txt").read_text().split()[-1] if own else old.recipients[0]
    shape = built(name, tmp_path / "fleet", recipient, CANARY)
    git(shape.folder)
    before = {p: p.read_bytes() for p in shape.folder.rglob("*") if p.is_file() and ".git/" not in str(p)}
    key = tmp_path / ("root.key" if own else "old.key")
    said = imported(repository, shape.folder, "--root", f"file:{key}", "--owner", "platform-team")
    print(f"\n{name}: {said.strip().splitlines()[-2]}")
    assert {p: p.read_bytes() for p in before} == before
    commit_all(repository)
    root = open_root(f"{tmp_path}/root.key", lambda _: None)
    files = CommitFiles(repo := open_repository(repository), root)
    with calls_at_most(MOST_CALLS * len(repo.paths())):
        intent, findings = run_check(repo, files)
    assert [str(f) for f in errors(findings)] == []
    assert intent is not None
    taken = [s for s in intent.secrets if s.where.startswith("secrets/imported")]
    text = (repository / "secrets/imported.yaml").read_text()
    origins = [line.removeprefix("# from ") for line in text.splitlines() if line.startswith("# from ")]
    assert len(origins) == len(taken)
    entries = [each for each in yaml.safe_load_all(text) if each]
    for entry, origin in zip(entries, origins, strict=True):
        (secret,) = [s for s in taken if s.name == entry["metadata"]["name"]]
        assert secret.source is not None
        found = secret_values(secret, files.open(secret.source.file))
        made = {field: value.reveal() for field, value in found.items()}
        candidates = [values_of(d) for d in shape.documents[origin] if d.get("kind") == "Secret"]
        assert made in candidates, (origin, made.keys())
    assert CANARY not in said
    assert accounted(said, shape)
    # A second run has nothing to add, and touches nothing.
    committed = {p: p.read_bytes() for p in repository.rglob("*") if p.is_file() and ".git/" not in str(p)}
    again = imported(repository, shape.folder, "--root", f"file:{key}", "--owner", "other")
    assert {p: p.read_bytes() for p in committed} == committed
    assert "; 0 entries" in again


def test_typed_by_hand_it_is_ten_edits_for_a_hundred_secrets(tmp_path: Path, name: str) -> None:
    """Without `--owner`: what `check` names is typed, each time as one edit over a file, until nothing is named."""
    repository = scaffolded(tmp_path)
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    shape = built(name, tmp_path / "fleet", recipient, CANARY)
    imported(repository, shape.folder, "--root", f"file:{tmp_path}/root.key")
    catalog = repository / "secrets/imported.yaml"
    count = catalog.read_text().count("\nkind: Secret\n")
    root = open_root(f"{tmp_path}/root.key", lambda _: None)
    edits = 0
    while named := judged(repository, root):
        assert {f.id for f in named} == {"E_PLACEHOLDER"}, [str(f) for f in named]
        before, after = EDITS[edits]
        assert before in catalog.read_text(), [str(f) for f in named]
        catalog.write_text(catalog.read_text().replace(before, after))
        edits += 1
    print(f"\n{name}: {edits} edits for {count} secrets")
    assert 0 < edits <= max(1, count // 10)


def judged(repository: Path, root: RootKey) -> tuple[Finding, ...]:
    commit_all(repository)
    repo = open_repository(repository)
    return errors(run_check(repo, CommitFiles(repo, root))[1])


EDITS = (
    ("owner: FILL-IN # the team that answers for it", "owner: platform-team"),
    ("purpose: FILL-IN # what it is for, in one line", "purpose: What the applications of the fleet read"),
)


def accounted(said: str, shape: Shape) -> bool:
    """The closing line's three numbers are all files of the shape."""
    import re

    (line,) = [each for each in said.splitlines() if " encrypted files, " in each]
    total, taken, left = (
        int(found) for found in re.findall(r"(\d+) (?:encrypted files|taken|not)\b", line)[:3]
    )
    return total == len(shape.values) == taken + left
