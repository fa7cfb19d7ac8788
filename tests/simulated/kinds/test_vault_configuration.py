"""No leaf of Vault's configuration is written unannounced, and no power over it is left behind (B6, S3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.model.decision import Act, Satisfied
from bootstrap.ports import Answer
from bootstrap.steps.context.names import CONFIGURE_POLICY
from bootstrap.steps.kinds import vault_configuration
from bootstrap.steps.kinds.vault_configuration import VaultConfiguration
from tests.simulator.small_world import STEP, each, small_world


@dataclass
class Place:
    """What is declared, what Vault has, and in which order things happen to it."""

    done: list[str] = field(default_factory=list)
    declared: tuple[str, ...] = ("one", "two")
    held: set[str] = field(default_factory=set)
    unfinished: list[str] = field(default_factory=list)  # changes that are announced and not proven ended
    tokens: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ready_after: int = 0  # looks

    def step(self) -> VaultConfiguration:
        session = SimpleNamespace(
            flight=SimpleNamespace(each=each),
            accessors=self.accessors,
            call=None,
            fence=lambda: self.done.append("fence"),
            read=self.read,
        )
        world = small_world(None, session)
        ledger: Any = SimpleNamespace(read=lambda: None, append=self.append)
        world.ledger = ledger
        return VaultConfiguration(STEP, world)

    def accessors(self) -> dict[str, tuple[str, ...]]:
        assert self.unfinished, "Vault is asked for its tokens only where some may be left"
        return self.tokens

    def read(self, path: str) -> Answer:
        self.ready_after -= 1
        self.done.append(f"read {path}")
        return Answer(200 if self.ready_after < 0 else 400, {})

    def append(self, facts: list[str]) -> None:
        self.done += facts
        for fact in facts:
            what, txn = fact.split()[:2]
            self.unfinished.append(txn) if what == "announced" else self.unfinished.remove(txn)

    def end(self, _: object) -> None:
        self.tokens.clear()
        self.done.append("end")

    def leaf(self, name: str) -> Any:
        return SimpleNamespace(
            change=f"write {name}", holds=lambda _: name in self.held, write=lambda *_: self.write(name)
        )

    def write(self, name: str) -> None:
        self.done.append(f"write {name}")
        self.held.add(name)

    @contextmanager
    def configuring(self, _: object, txn: str) -> Iterator[None]:
        self.done.append("token")
        yield
        self.done.append("token given back")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place()
    for name, value in {
        "begun": lambda _: tuple(made.unfinished),
        "end": made.end,
        "every_leaf": lambda _: tuple(made.leaf(name) for name in made.declared),
        "configuring": made.configuring,
        "announcement": lambda _, txn, changes: f"announced {txn} {', '.join(changes)}",
        "ending": lambda _, txn, how: f"ended {txn} {how}",
    }.items():
        monkeypatch.setattr(vault_configuration, name, value)
    monkeypatch.setattr("bootstrap.steps.kinds.vault_configuration.secrets.token_hex", lambda _: "new")
    return made


def test_s3_a_change_is_announced_before_its_token_and_recorded_once_that_is_gone(place: Place) -> None:
    place.held.add("two")
    step = place.step()
    seen = step.observe()
    assert step.decide(seen) == Act("configure Vault", ("write one",))
    place.ready_after = 2
    step.act(seen)
    assert place.done == [
        "fence",
        "announced new write one",
        "token",
        "write one",
        "token given back",
        "end",
        "ended new by the run that began it",
        *["read secret/config"] * 3,
    ]
    assert isinstance(step.decide(step.observe()), Satisfied)


def test_s3_where_nothing_differs_no_token_is_made(place: Place) -> None:
    place.held = {"one", "two"}
    step = place.step()
    assert isinstance(step.decide(step.observe()), Satisfied)
    step.act(step.observe())
    assert place.done == ["fence"]


def test_s3_what_an_earlier_run_left_is_named_and_ended_before_anything_else(place: Place) -> None:
    place.unfinished, place.held = ["old"], {"one"}
    place.tokens = {"a": (CONFIGURE_POLICY,), "b": ("reader-orders",), "c": ("root",)}
    step = place.step()
    seen = step.observe()
    assert step.decide(seen) == Act(
        "configure Vault",
        (
            "revoke accessor a, left by an earlier run",
            "revoke accessor c, left by an earlier run",
            "record the end of change old of an earlier run",
            "write two",
        ),
    )
    step.act(seen)
    assert place.done[:3] == ["fence", "end", "ended old by a later run"]
    assert place.done[3] == "announced new write two"


def test_s3_what_an_earlier_run_left_is_ended_alone_where_nothing_differs(place: Place) -> None:
    place.unfinished, place.held = ["old"], {"one", "two"}
    step = place.step()
    seen = step.observe()
    assert step.decide(seen) == Act("configure Vault", ("record the end of change old of an earlier run",))
    step.act(seen)
    assert place.done == ["fence", "end", "ended old by a later run"]
    assert isinstance(step.decide(step.observe()), Satisfied)
