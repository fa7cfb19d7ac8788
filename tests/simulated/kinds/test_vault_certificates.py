"""Which pod's certificate is waited for, and when the renewers are told of another CA in Vault (G7)."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.model.certificates import Certificate
from bootstrap.model.decision import Act, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.steps.kinds import vault_certificates
from bootstrap.steps.kinds.vault_certificates import Observation, VaultCertificates
from tests.simulator.small_world import STEP, small_world

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = timedelta(days=70)
TELL = "tell the renewers of the CA that is in Vault now"
WAIT = "wait until each Vault serves a certificate that is renewed"


def made(subject: str, issuer: str, issuer_key: str, began: timedelta = timedelta(0)) -> Certificate:
    since = NOW - began
    return Certificate(subject, issuer, f"key of {subject}", issuer_key, "01", since, since + LIFE)


CA = made("CN=the CA in Vault", "CN=ours", "key of ours")
GOOD = made("CN=leaf", CA.subject, CA.key)
LATE = made("CN=leaf", CA.subject, CA.key, LIFE * 6 / 7 + timedelta(minutes=1))
STILL = made("CN=leaf", CA.subject, CA.key, LIFE * 6 / 7)
EARLIER = made("CN=leaf", CA.subject, "key of the CA before")
FIRST = made("CN=leaf", "CN=ours", "key of ours")


def seen(
    *leaves: Certificate | None, authority: Certificate | None = CA, announced: bool = False
) -> Observation:
    named = tuple((f"vault-{n}", leaf) for n, leaf in enumerate(leaves))
    return Observation(authority, named, announced, NOW)


@pytest.mark.parametrize("leaf", [None, LATE, EARLIER, FIRST])
def test_g7_what_no_renewer_has_renewed_is_waited_for(leaf: Certificate | None) -> None:
    assert seen(GOOD, leaf, STILL).waiting == ("vault-1",)


def test_g7_without_a_ca_in_vault_each_is_waited_for() -> None:
    assert seen(GOOD, FIRST, authority=None).waiting == ("vault-0", "vault-1")


@pytest.mark.parametrize(
    ("found", "moves"),
    [
        (seen(GOOD, EARLIER), True),
        (
            seen(GOOD, None, FIRST, LATE),
            False,
        ),  # another name is no earlier CA in Vault, and late is not of one
        (seen(EARLIER, None, authority=None), False),
    ],
)
def test_g7_a_certificate_of_the_ca_before_is_known_by_its_name(found: Observation, moves: bool) -> None:
    assert found.moves is moves


class Looks:
    """The step, and what it finds; ``said`` are the keys that the renewers were told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *leaves: Certificate | None) -> None:
        self.found: list[tuple[Certificate | None, ...]] = [leaves]
        self.authority: Certificate | None = CA
        self.said: list[str] = []
        self.known = False
        self.looked = 0
        self.fails: WorldError | None = None
        for name, value in {
            "live_intermediate": lambda _: self.authority,
            "served_by_all": self.served,
            "is_announced": lambda _, key: self.known or key in self.said,
            "announce": lambda _, key: self.said.append(key),
        }.items():
            monkeypatch.setattr(vault_certificates, name, value)
        world = small_world(SimpleNamespace(server_time=lambda: NOW))
        self.step = VaultCertificates(STEP, world)

    def served(self, *_: Any) -> dict[str, Certificate | None]:
        self.looked += 1
        if self.fails is not None:
            error, self.fails = self.fails, None
            raise error
        leaves = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        return {f"vault-{n}": leaf for n, leaf in enumerate(leaves)}

    def act(self) -> None:
        self.step.act(self.step.observe())


def test_g7_all_are_good(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, GOOD, STILL)
    expected = Satisfied("2 certificates of the CA in Vault, the first ends 2026-01-11")
    assert looks.step.decide(looks.step.observe()) == expected


def test_g7_the_first_to_end_is_of_those_that_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, EARLIER, None)
    looks.known = True
    decision = looks.step.decide(looks.step.observe())
    assert decision == Act(WAIT, ("wait for the renewer of vault-0", "wait for the renewer of vault-1"))


@pytest.mark.parametrize(
    ("leaf", "known", "told"),
    [(EARLIER, False, True), (EARLIER, True, False), (LATE, False, False), (FIRST, True, False)],
)
def test_g7_the_renewers_are_told_of_another_ca_once_and_of_no_other_thing(
    leaf: Certificate, known: bool, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch, leaf)
    looks.known = known
    changes = (*([TELL] if told else []), "wait for the renewer of vault-0")
    assert looks.step.decide(looks.step.observe()) == Act(WAIT, changes)
    looks.found = [(leaf,), (leaf,), (leaf,), (GOOD,)]
    looks.act()
    assert looks.said == ([CA.key] if told else [])
    assert looks.found == [(GOOD,)], "it ends once all are renewed"


def test_g7_without_a_ca_in_vault_nothing_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, EARLIER)
    looks.authority = None
    assert looks.step.observe().announced is True
    with pytest.raises(WorldError) as stopped:
        looks.act()
    assert (stopped.value.code, looks.said) == ("E_NOT_RENEWED", [])


def test_g7_who_has_got_none_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, GOOD, LATE, EARLIER)
    with pytest.raises(WorldError) as stopped:
        looks.act()
    assert stopped.value.code == "E_NOT_RENEWED"
    assert stopped.value.message.startswith("vault-1, vault-2: ")


def test_g7_another_error_than_lateness_is_not_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, LATE)
    before = looks.step.observe()
    looks.fails = WorldError("it shows another name", code="E_VAULT_TLS")
    with pytest.raises(WorldError) as stopped:
        looks.step.act(before)
    assert stopped.value.code == "E_VAULT_TLS"


def test_g7_what_came_at_the_last_moment_is_not_named_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """By then nobody is waited for any more; that the time was over is said as it was."""
    looks = Looks(monkeypatch, LATE)
    before = looks.step.observe()
    with pytest.raises(WorldError):
        looks.step.act(before)
    late: tuple[Certificate | None, ...] = (LATE,)
    looks.found = [*[late] * (looks.looked - 2), (GOOD,)]
    with pytest.raises(WorldError) as stopped:
        looks.step.act(before)
    assert (stopped.value.code, len(looks.found)) == ("E_TIMEOUT", 1)
