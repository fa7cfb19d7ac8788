"""`verify` and `ledger show` on a cluster where nothing was begun say that, and not that ten proofs are broken."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli import compose
from bootstrap.cli.commands import ledger_live, verify
from bootstrap.cli.options import Options
from bootstrap.cli.require_run import need_begun
from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Ref
from bootstrap.steps.context.world import World
from tests.simulator.platform import SimulatedPlatform


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path)

    @contextmanager
    def world(*_: Any) -> Iterator[World]:
        yield made.world()

    monkeypatch.setattr(compose, "world", world)
    return made


def test_nothing_begun_is_said_in_one_error(
    platform: SimulatedPlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(repo=str(platform.repository), kubeconfig=Path("/somewhere"))
    for command in (verify.verify, ledger_live.live_report, ledger_live.live_bundle):
        with pytest.raises(PreconditionError) as caught:
            command(options)
        assert (caught.value.code, caught.value.exit_code) == ("E_NOT_BOOTSTRAPPED", 4)
        assert "bootstrap up" in caught.value.hint
    assert (capsys.readouterr().out, platform.cluster.mutations) == ("", [])


def test_a_cluster_that_lost_something_is_judged(platform: SimulatedPlatform) -> None:
    recorded = platform.world()
    recorded.intent = replace(recorded.intent, heads={recorded.cluster.uid(): b"{}"})
    need_begun(recorded)  # the commit knows this cluster
    platform.up()
    need_begun(platform.world())
    home = Ref("v1", "Namespace", "bootstrap-system")
    live = platform.cluster.get(home)
    assert live is not None
    platform.cluster.delete(home, uid=live["metadata"]["uid"])
    need_begun(platform.world())  # Vault is still there
