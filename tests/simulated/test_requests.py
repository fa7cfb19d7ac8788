"""What a run asks of the servers does not grow faster than the number of secrets: counted, with a bound for each look.

By time it is measured on real servers (benchmarks/); a request too many is seen here.
"""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bootstrap.cli.commands.status import gather
from bootstrap.ledger import envelope
from bootstrap.model.plan import Plan
from bootstrap.operations.verify.invariants import prove
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets import handing_over, transfer
from bootstrap.steps.secrets.transfer import Copy
from tests.simulator.many import Asked, many, up
from tests.simulator.platform import SimulatedPlatform

MANY = 150  # two batches
OTHERS = 310  # requests of either kind that all the steps without these secrets may make


class Counted:
    """One command's requests, and the signatures that it checked."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.signatures = 0

    def vault(self, what: str) -> int:
        return self.asked.calls[what]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPlatform:
    folder = tmp_path_factory.mktemp("many")
    return SimulatedPlatform(folder, many(folder, MANY, consumed=True))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted()
    accepts = envelope.PublicKey.accepts

    def counting(key: Any, signature: bytes, data: bytes) -> bool:
        found.signatures += 1
        return accepts(key, signature, data)

    monkeypatch.setattr(envelope.PublicKey, "accepts", counting)
    return found


class Window:
    """How many secrets have their values in memory between being planned and being read back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()
        planned, copied = transfer.planned_copy, transfer.copy_into_vault

        def plan(*args: Any) -> Copy:
            self._count(1)
            return planned(*args)

        def copy(*args: Any) -> Copy:
            try:
                return copied(*args)
            finally:
                self._count(-1)

        monkeypatch.setattr(handing_over, "planned_copy", plan)
        monkeypatch.setattr(handing_over, "copy_into_vault", copy)

    def _count(self, more: int) -> None:
        with self._lock:
            self.now += more
            self.most = max(self.most, self.now)


@pytest.fixture(scope="module")
def finished(platform: SimulatedPlatform) -> Iterator[SimulatedPlatform]:
    if not platform.records.exists():
        up(platform, Asked())
    yield platform


def records_of(platform: SimulatedPlatform) -> int:
    return platform.world().ledger.read().chain.size


def test_h1_a_handover_is_three_requests_a_secret(
    platform: SimulatedPlatform, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = Window(monkeypatch)
    encoded: list[Plan] = []
    canonical = Plan.canonical

    def counting(plan: Plan) -> bytes:
        encoded.append(plan)
        return canonical(plan)

    monkeypatch.setattr(Plan, "canonical", counting)
    world = up(platform, counted.asked)
    secrets, calls = len(world.intent.handovers), counted.asked.calls
    batches = sum(1 for verb, ref in platform.cluster.mutations if ref.name.startswith("ledger-0"))
    assert calls["POST secret/metadata"] == secrets
    assert secrets <= calls["POST secret/data"] <= secrets + batches
    assert secrets <= calls["GET secret/data"] <= secrets + 6 * batches
    assert calls["GET secret/metadata"] < 40, "the scaffolded ones, alone in their folders"
    assert counted.signatures <= 3 + batches, "its own records are not checked, Vault's once a batch"
    assert calls["list ConfigMap"] < 20
    assert batches < 20, "0.05 durable writes a secret are left at ten thousand"
    assert MANY - 22 <= window.most <= 2 * handing_over.BATCH
    assert window.now == 0
    assert len(encoded) <= 2, "the plan is as long as the catalog: it is not encoded for each secret"


def test_g5_a_second_up_looks_at_each_secret_once(finished: SimulatedPlatform, counted: Counted) -> None:
    secrets = len(up(finished, counted.asked).intent.handovers)
    calls = counted.asked.calls
    assert calls["GET secret/metadata"] <= secrets + 5
    assert calls["get ExternalSecret"] < 20, "listed by namespace"
    assert counted.asked.requests["vault"] <= secrets + OTHERS
    assert counted.asked.requests["cluster"] <= 2 * secrets + OTHERS
    assert calls["list ConfigMap"] <= 6
    assert counted.signatures <= records_of(finished) + HEADS


HEADS = 8  # signatures of heads, which several steps look at


@pytest.mark.parametrize(
    ("command", "each"),
    [(gather, 1), (lambda world: list(prove(world)), 2)],  # verify: the value, and how Vault keeps it
    ids=["status", "verify"],
)
def test_g5_a_look_asks_for_each_thing_once(
    command: Any, each: int, finished: SimulatedPlatform, counted: Counted
) -> None:
    world: World = finished.world(**counted.asked.ports(finished))
    command(world)
    world.session.close()
    secrets, calls = len(world.intent.handovers), counted.asked.calls
    assert calls["GET secret/data"] + calls["GET secret/metadata"] <= each * secrets + 60
    assert counted.asked.requests["cluster"] <= secrets + OTHERS
    assert counted.asked.requests["vault"] <= each * secrets + OTHERS
    assert counted.signatures <= records_of(finished) + HEADS
