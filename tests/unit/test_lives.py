"""The certificates that Vault stands on, as they are seen: what each is, and what makes the next one (G7)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.certificates import Certificate
from bootstrap.model.errors import Transient, WorldError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import lives as module
from bootstrap.steps.vault.lives import CA_GOES, CA_RENEWED, COMMITTED, lives, served, served_by_all

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AWAY = Transient("it does not answer", code="E_VAULT_AWAY")


def made(subject: str, issuer: str = "the CA in Vault") -> Certificate:
    return Certificate(subject, issuer, subject, issuer, "01", NOW, NOW + timedelta(days=1))


class Looks:
    """``answers`` of each pod, one after the other; the last one stays."""

    def __init__(self, pods: dict[str, list[Certificate | WorldError]], status: Any = None) -> None:
        self.answers, self.status, self.looked = pods, status, 0
        self.secret: Object | None = None
        self.vault_answers = True

    def certificate(self, pod: str) -> Certificate:
        found = self.answers[pod]
        answer = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(answer, WorldError):
            raise answer
        return answer

    def get(self, ref: Ref) -> Object | None:
        if ref.kind == "Pod":
            return None if self.status is None else {"status": self.status}
        return self.secret

    def wait(self, what: str, check: Any, seconds: float, pause: float) -> None:
        for _ in range(5):
            self.looked += 1
            if check():
                return
        raise WorldError(f"{what}: not in time", code="E_TIMEOUT")

    def world(self) -> World:
        vault = SimpleNamespace(namespace="vault")
        found = SimpleNamespace(
            session=SimpleNamespace(
                pods=tuple(self.answers), vault=SimpleNamespace(certificate=self.certificate)
            ),
            certificates=SimpleNamespace(read=lambda c: c, read_all=lambda all_: all_),
            cluster=SimpleNamespace(get=self.get, server_time=lambda: NOW),
            intent=SimpleNamespace(
                platform=SimpleNamespace(vault=vault), keys={"vault-ca.crt": (made("one"), made("two"))}
            ),
            wait=self.wait,
        )
        return cast(World, found)


def test_what_does_not_answer_is_none_and_what_is_not_trusted_is_said() -> None:
    looks = Looks({"vault-0": [made("vault-0")], "vault-1": [AWAY]})
    assert served(looks.world(), "vault-0") == made("vault-0")
    assert served(looks.world(), "vault-1") is None
    looks.answers["vault-1"] = [WorldError("of no CA that is trusted", code="E_VAULT_TLS")]
    with pytest.raises(WorldError) as stopped:
        served(looks.world(), "vault-1")
    assert stopped.value.code == "E_VAULT_TLS"


def running(ago: timedelta, name: str = "vault") -> Any:
    started = (NOW - ago).isoformat().replace("+00:00", "Z")
    return {"containerStatuses": [{"name": name, "state": {"running": {"startedAt": started}}}]}


JUST, LONG = timedelta(seconds=119), timedelta(seconds=120)
FIRST = made("vault-0", "keys/vault-ca.crt")
RENEWED = made("vault-0")


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (running(JUST), True),
        (running(LONG), False),
        (running(JUST, "renewer"), False),
        ({"containerStatuses": [{"name": "vault", "state": {"running": None}}]}, False),
        ({"containerStatuses": [{"name": "vault", "state": None}]}, False),
        ({"containerStatuses": [{"name": "vault"}]}, False),
        ({"containerStatuses": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_g4_the_moments_behind_a_restart_are_waited_for(status: Any, waits: bool) -> None:
    looks = Looks({"vault-0": [FIRST, FIRST, RENEWED]}, status)
    found = served_by_all(looks.world(), made("the CA in Vault"))
    assert found == {"vault-0": RENEWED if waits else FIRST}


@pytest.mark.parametrize(
    ("answers", "authority"),
    [([RENEWED], made("the CA in Vault")), ([FIRST], None), ([AWAY], made("the CA in Vault"))],
)
def test_what_is_as_it_stays_is_looked_at_once(
    answers: list[Certificate | WorldError], authority: Certificate | None
) -> None:
    looks = Looks({"vault-0": answers}, running(JUST))
    served_by_all(looks.world(), authority)
    assert looks.looked == 1


def test_one_that_started_long_ago_makes_the_others_not_waited_for() -> None:
    looks = Looks({"vault-0": [FIRST], "vault-1": [RENEWED]}, running(JUST))
    assert served_by_all(looks.world(), made("the CA in Vault")) == {"vault-0": FIRST, "vault-1": RENEWED}
    assert looks.looked > 1, "until its renewer has looked, and not for ever"


@pytest.fixture
def intermediate(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Certificate | WorldError | None]]:
    found: list[Certificate | WorldError | None] = [made("the CA in Vault")]

    def live(_: World) -> Certificate | None:
        answer = found[0]
        if isinstance(answer, WorldError):
            raise answer
        return answer

    monkeypatch.setattr(module, "live_intermediate", live)
    monkeypatch.setattr(module, "tls_ref", lambda _: Ref("v1", "Secret", "vault-tls", "vault"))
    yield found


def test_each_that_is_there_is_named_with_what_makes_the_next_one(
    intermediate: list[Certificate | WorldError | None],
) -> None:
    looks = Looks({"vault-0": [made("vault-0")], "vault-1": [AWAY]})
    looks.secret = {"data": {"vault-0.crt": made("first")}}
    committed = [(COMMITTED, "one", CA_RENEWED), (f"earlier {COMMITTED}", "two", CA_GOES)]
    pods = [
        ("certificate that vault-0 serves", "vault-0", "by the renewer beside it"),
        ("CA in Vault", "the CA in Vault", "by `bootstrap up`"),
        ("certificate that vault-0 starts with", "first", "by `bootstrap up`"),
    ]

    def named() -> list[tuple[str, str, str]]:
        return [(life.what, life.certificate.subject, life.renewed) for life in lives(looks.world())]

    assert named() == [*pods, *committed]
    looks.secret = None
    for absent in (None, WorldError("no right yet", code="E_VAULT_DENIED")):
        intermediate[0] = absent
        assert named() == [pods[0], *committed]
