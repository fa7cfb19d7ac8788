"""The retirement alone, around its step: one secret with a scaffold and one without, both handed over.

Records are what the step writes, by secret; consumers and what was handed over are as the test says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import Handover
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.admission import API
from bootstrap.steps.kinds import retired
from bootstrap.steps.kinds.retired import Retired
from bootstrap.steps.secrets.admission import POLICY
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.small_world import STEP, each, small_world
from tests.support.simulated_clock import SimulatedClock

COPY = Ref("v1", "Secret", "alpha-bootstrap", "gitops")
RULE = Ref(API, "ValidatingAdmissionPolicy", POLICY)
VALUE = {"password": Sensitive(b"of Git", "alpha")}
OTHER = {"password": Sensitive(b"another", "alpha")}
NOTE = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class Made:
    """A RETIRED fact as the step makes it."""

    secret: str
    retire: Any
    commitments: dict[str, str]
    source: str = ""
    residuals: tuple[str, ...] = ()
    details: dict[str, str] = field(default_factory=dict)


class Retiring:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, **spec: Any) -> None:
        self.cluster = SimulatedCluster()
        self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gitops"}})
        self.cluster.admission.append(self.refuses)
        self.late = 0  # looks until admission has learnt of its policy
        self.unready: dict[str, tuple[str, ...]] = {}
        self.holders: tuple[str, ...] = ()
        self.committed = ["alpha", "zeta"]
        self.records: dict[str, Any] = {}
        self.restored_at: int | None = None
        self.of_git = VALUE
        self.renewed: tuple[str, ...] = ()
        self.recorded_bytes = False
        for name, value in {
            "named": self.named,
            "restored": self.restored,
            "unready": lambda _, secret: self.unready.get(secret.name, ()),
            "holders": lambda *_: self.holders,
            "source_values": lambda *_: self.of_git,
            "recorded_bytes": lambda *_: self.recorded_bytes,
            "renewed": lambda *_: self.renewed,
            "here": lambda _: None,
            "fact": lambda _, secret, kind, commitments, place, retire: Made(
                secret.name, retire, commitments
            ),
        }.items():
            monkeypatch.setattr(retired, name, value)
        self.world = small_world(self.cluster, SimpleNamespace(flight=SimpleNamespace(each=each)), **spec)
        ledger: Any = SimpleNamespace(read=lambda: None, append=self.append)
        self.world.ledger = ledger
        clock = self.world.clock
        assert isinstance(clock, SimulatedClock)
        clock.on_sleep.append(self.pass_time)
        self.then: Callable[[], None] = lambda: None
        self.step = Retired(STEP, self.world)

    def pass_time(self) -> None:
        self.late -= 1
        self.then()

    def refuses(self, obj: Object) -> str:
        retired = obj["kind"] == "Secret" and self.cluster.peek(RULE) is not None
        return "it is retired" if retired and self.late <= 0 else ""

    def named(self, _: object, kind: RecordType) -> dict[str, Any]:
        if kind is RecordType.RETIRED:
            return self.records
        fact = SimpleNamespace(commitments={"password": "c"}, details={"txn": "t"}, source="of the commit")
        return {name: SimpleNamespace(fact=fact) for name in self.committed}

    def restored(self, _: object) -> tuple[Any, ...]:
        return () if self.restored_at is None else (SimpleNamespace(seq=self.restored_at),)

    def append(self, facts: list[Made]) -> None:
        self.records |= {f.secret: SimpleNamespace(fact=f, seq=len(self.records) + 10) for f in facts}

    def scaffold(self, data: dict[str, Sensitive] | None = None, **meta: Any) -> None:
        named = {"name": COPY.name, "namespace": COPY.namespace, **meta}
        data = VALUE if data is None else data
        late, self.late = self.late, 1
        self.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": named, "data": data})
        self.late = late
        self.cluster.mutations.clear()

    def declares(self, **handover: Any) -> None:
        """Of the secret with a scaffold; ``scaffold=None`` for none."""
        alone = handover.pop("scaffold", "kept") is None
        secrets = []
        for secret in self.world.intent.secrets:
            if secret.name == "alpha":
                secret = replace(secret, handover=Handover(**handover))
                secret = replace(secret, scaffold=None) if alone else secret
            secrets.append(secret)
        self.world.intent = replace(self.world.intent, secrets=tuple(secrets))
        self.step = Retired(STEP, self.world)

    def another_process(self) -> None:
        self.step = Retired(STEP, self.world)

    def live(self) -> Object:
        found = self.cluster.get(COPY)
        assert found is not None
        return found

    def act(self) -> None:
        self.step.act(self.step.observe())

    def touched(self) -> list[tuple[str, str]]:
        return [(verb, ref.name) for verb, ref in self.cluster.mutations if ref == COPY]
