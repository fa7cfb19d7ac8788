"""What the command itself does around a drill: its records, and the two files that it writes (INV1, INV4)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.cli import compose
from bootstrap.cli.commands.drill_live import rehearsed
from bootstrap.cli.options import Options
from bootstrap.ledger import canonical
from bootstrap.ledger.envelope import PublicKey
from bootstrap.operations.drill.report import read_report
from bootstrap.steps.authority.restoring import STALE
from bootstrap.steps.context.world import World
from tests.simulator.drilling import Rehearsal, rehearsal
from tests.simulator.platform import opened, scaffolded
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import begun
from tests.simulator.setting import change


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    with repeatable():
        repository = scaffolded(tmp_path_factory.mktemp("intent"))
        return rehearsal(
            begun(tmp_path_factory.mktemp("lost"), repository, change), tmp_path_factory.mktemp("new")
        )


def test_inv1_the_report_is_signed_and_its_records_go(
    drill: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[Path] = []

    @contextmanager
    def world(options: Options, prepared: compose.Prepared, _: object, **more: Any) -> Iterator[World]:
        assert (sorted(more), more["approvals"]) == (["approvals", "unlocked"], {STALE})
        assert (more["unlocked"].rehearsed, more["unlocked"].source.where) == (True, str(drill.saved.file))
        assert options.records is not None
        places.append(options.records)
        made = drill.world(records=FolderRecords(options.records))
        made.intent = replace(prepared.intent, heads=made.intent.heads, escrows=made.intent.escrows)
        assert made.plan.digest == prepared.plan.digest
        yield made
        made.session.close()

    monkeypatch.setattr(compose, "world", world)
    repository = drill.platform.repository
    out = tmp_path / "report.json"
    with repeatable():
        options = Options(repo=str(repository), root=f"file:{repository.parent / 'root.key'}")
        report = rehearsed(options, drill.saved.file, out)
    key = PublicKey.parse(opened(repository).intent.keys["ledger.pub"])
    assert read_report(out.read_bytes(), key, "report") == report
    assert report.equal
    page = (tmp_path / "report.html").read_text()
    assert canonical.sha256(out.read_bytes()) in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert [place.exists() for place in places] == [False]
    assert not (repository / "records").exists()
