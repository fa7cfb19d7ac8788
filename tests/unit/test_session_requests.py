"""Whom the run's conversation with Vault asks, as whom, and how often (B5, G7)."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.errors import HeldError, Transient
from bootstrap.model.names import RUN_ACCOUNT, RUN_POLICY, RUN_ROLE
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.look import SMALL, Look
from bootstrap.steps.context.session import FRESH_SECONDS, Session
from tests.support.simulated_clock import SimulatedClock

SPEC = VaultSpec(version="1.21.1", image="vault:1.21.1")
LOGIN, SELF = "auth/kubernetes/login", "auth/token/revoke-self"
OK = Answer(status=200, data={})


class Cluster:
    def service_account_token(self, namespace: str, name: str, audience: str, seconds: int) -> Sensitive:
        return Sensitive(f"{namespace}/{name} for {audience}, {seconds} s".encode(), "a token")


class Vault:
    """Logs everybody in, and answers by ``answer``; ``asked`` is POD METHOD PATH of each request."""

    def __init__(self, answer: Callable[[str, str], Answer] = lambda pod, path: OK) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.logins: list[Any] = []
        self.leader = "vault-0"
        self.looked = 0

    def active(self, pods: tuple[str, ...]) -> str:
        assert pods == ("vault-0", "vault-1", "vault-2")
        self.looked += 1
        return self.leader

    def call(self, method: str, path: str, body: Any, *, pod: str, token: Any, txn: str = "") -> Answer:
        self.asked.append(f"{pod} {method} {path}")
        if path == LOGIN:
            self.logins.append(body)
            name = f"token-{len(self.logins)}"
            return Answer(
                status=200, data={}, auth={"client_token": Sensitive(name.encode()), "accessor": name}
            )
        return self.answer(pod, path)

    def paths(self) -> list[str]:
        return [each.rpartition(" ")[2] for each in self.asked]


def session(vault: Vault, **more: Any) -> Session:
    clock = more.pop("clock", SimulatedClock())
    return Session(Cluster(), vault, SPEC, clock, **more)  # type: ignore[arg-type]  # as far as they are asked


def test_b5_it_is_the_run_where_no_other_identity_is_given() -> None:
    vault = Vault()
    session(vault).read("sys/mounts")
    expected = Sensitive(f"bootstrap-system/{RUN_ACCOUNT} for vault, 600 s".encode())
    assert vault.logins == [{"role": RUN_ROLE, "jwt": expected}]


def test_b5_another_identity_logs_in_by_its_own_role_and_token() -> None:
    vault, jwt = Vault(), Sensitive(b"of the pod")
    session(vault, role="of-the-job", jwt=lambda: jwt).read("sys/mounts")
    assert vault.logins == [{"role": "of-the-job", "jwt": jwt}]


def test_b5_the_first_login_is_nobody_s_to_allow_and_revokes_nothing() -> None:
    vault = Vault()
    ours = session(vault)

    def overtaken() -> None:
        raise HeldError("another run holds the cluster", code="E_HELD")

    ours.guard = overtaken
    ours.read("sys/mounts")
    assert vault.paths() == [LOGIN, "sys/mounts"]


def test_b5_a_token_that_was_replaced_is_fresh_again_for_as_long() -> None:
    vault, clock = Vault(), SimulatedClock()
    ours = session(vault, clock=clock)
    ours.token()
    clock.seconds += FRESH_SECONDS + 1
    second = ours.token()
    clock.seconds += FRESH_SECONDS
    assert ours.token() is second
    assert vault.paths() == [LOGIN, LOGIN, "auth/token/revoke-accessor"]


def test_g7_under_a_fresh_token_many_requests_are_under_way_at_once() -> None:
    both = threading.Barrier(2, timeout=10)

    def answer(pod: str, path: str) -> Answer:
        both.wait()
        return OK

    ours = session(Vault(answer))
    assert ours.flight.each(ours.read, ["a", "b"]) == [OK, OK]
    ours.flight.close()


def test_g7_who_leads_is_asked_once_while_that_one_answers() -> None:
    vault = Vault()
    ours = session(vault)
    for path in ("a", "b", "c"):
        ours.read(path)
    assert vault.looked == 1


def standby() -> Transient:
    return Transient("a standby now", code="E_VAULT_STANDBY")


def answering(*answers: Answer | Transient) -> Vault:
    left: Iterator[Answer | Transient] = iter(answers)

    def answer(pod: str, path: str) -> Answer:
        found = next(left)
        if isinstance(found, Transient):
            raise found
        return found

    return Vault(answer)


def test_g7_a_new_leader_that_is_busy_is_asked_again_after_a_pause() -> None:
    clock = SimulatedClock()
    vault = answering(standby(), Transient("429", code="E_VAULT_BUSY"), OK)
    assert session(vault, clock=clock).read("note") is OK
    assert vault.paths() == [LOGIN, "note", "note", "note"]
    assert clock.slept == [0.5]


def test_g7_where_the_new_leader_is_a_standby_too_that_is_the_error() -> None:
    with pytest.raises(Transient) as caught:
        session(answering(standby(), standby())).read("note")
    assert caught.value.code == "E_VAULT_STANDBY"


@pytest.mark.parametrize("identity", [None, [], [RUN_POLICY]])
def test_b5_policies_of_an_identity_count_too(identity: list[str] | None) -> None:
    def answer(pod: str, path: str) -> Answer:
        if path == "auth/token/accessors":
            return Answer(status=200, data={"keys": ["another"]})
        return Answer(status=200, data={"policies": ["default"], "identity_policies": identity})

    ours = session(Vault(answer))
    assert ours.accessors() == {"another": ("default", *(identity or ()))}
    assert ours.others() == (("another",) if identity else ())


def test_b5_given_back_it_ends_its_threads_and_logs_in_anew_if_it_is_asked_again() -> None:
    before, vault = {*threading.enumerate()}, Vault()
    ours = session(vault)
    ours.flight.each(ours.read, ["a", "b", "c"])
    assert {*threading.enumerate()} - before
    ours.close()
    ours.close()
    assert {*threading.enumerate()} <= before
    assert vault.paths().count(SELF) == 1
    ours.read("a")
    assert vault.paths()[-2:] == [LOGIN, "a"]


# ---------------------------------------------------------------- what a look shares


def value(size: int) -> Answer:
    return Answer(status=200, data={"data": {"field": Sensitive(b"x" * size), "note": 1}, "metadata": {}})


@pytest.mark.parametrize(
    ("answer", "asked"),
    [(OK, 1), (Answer(status=200, data={"data": "text"}), 1), (value(SMALL), 1), (value(SMALL + 1), 2)],
    ids=["nothing", "text", "small", "large"],
)
def test_what_a_look_has_read_is_not_asked_for_again_unless_it_is_a_large_value(
    answer: Answer, asked: int
) -> None:
    look, vault = Look(), Vault(lambda pod, path: answer)
    ours = session(vault, look=look)
    with look.shared():
        assert ours.read("note") == ours.read("note")
    assert vault.paths().count("note") == asked


def test_a_write_is_always_sent_and_what_was_read_before_it_is_read_again() -> None:
    look, vault = Look(), Vault()
    ours = session(vault, look=look)
    with look.shared():
        for _ in range(2):
            ours.read("note")
            ours.call("POST", "note", {})
    assert [each.partition(" ")[2] for each in vault.asked if each.endswith(" note")] == [
        "GET note", "POST note", "GET note", "POST note",
    ]  # fmt: skip
