"""``ledger show`` and ``export`` on a cluster in memory: what is written verifies, and stays the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.cli.commands import ledger_live
from bootstrap.cli.options import Options
from bootstrap.ledger.bundle import Bundle, verify_bundle
from bootstrap.model.errors import EvidenceError, PreconditionError
from bootstrap.model.layout import HEAD as FILE
from bootstrap.model.names import SYSTEM_NAMESPACE as NAMESPACE
from bootstrap.steps.context.transfers import Transfers
from tests.simulator.cluster import SimulatedCluster
from tests.support.ledger_facts import ESCROW, RUN, VAULT, Key, story
from tests.support.simulated_clock import SimulatedClock

KEYS = {"ledger.pub": Key().pem}


class Files(dict[tuple[str, str], bytes]):
    def read(self, cluster: str, name: str) -> bytes | None:
        return self.get((cluster, name))


def no_root() -> Key:
    raise PreconditionError("no root key", code="E_ROOT_NEEDED")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    cluster, clock = SimulatedCluster(), SimulatedClock()
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    material: Any = SimpleNamespace(signer=Key)
    made = SimpleNamespace(
        cluster=cluster,
        material=material,
        ledger=Transfers(cluster, Key().pem, material, clock, lambda: RUN, lambda _: VAULT),
        records=Files({(cluster.uid(), "escrow.json"): ESCROW}),
        intent=SimpleNamespace(keys=KEYS, heads={}, escrows={}),
    )

    @contextmanager
    def opened(_: Options) -> Iterator[Any]:
        yield made

    monkeypatch.setattr(ledger_live, "_world", opened)
    return made


def test_h4_an_exported_bundle_verifies_offline_and_stays_the_same(world: Any) -> None:
    world.ledger.append(story())
    data, report = ledger_live.live_bundle(Options())
    # No head was given: that it is all of it, only who has it live can say.
    assert replace(verify_bundle(data, KEYS), completeness=report.completeness) == report
    assert Bundle.parse(data).escrow == ESCROW
    assert ledger_live.live_bundle(Options())[0] == data
    assert ledger_live.live_report(Options()) == replace(report, completeness=None)


def test_the_root_is_needed_only_without_a_current_head(world: Any) -> None:
    world.ledger.append(story()[:4])
    data, _ = ledger_live.live_bundle(Options())
    world.records[world.cluster.uid(), FILE] = Bundle.parse(data).head
    world.material.signer = no_root
    assert ledger_live.live_bundle(Options())[0] == data
    world.material.signer = Key
    world.ledger.append(story()[4:])
    world.material.signer = no_root
    with pytest.raises(PreconditionError):
        ledger_live.live_bundle(Options())
    assert ledger_live.live_report(Options()).size == 10


def test_an_empty_ledger_says_so(world: Any) -> None:
    for act in (ledger_live.live_bundle, ledger_live.live_report):
        with pytest.raises(EvidenceError) as caught:
            act(Options())
        assert caught.value.code == "E_EMPTY"
