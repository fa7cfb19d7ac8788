"""In a restored Vault no token of before lives, whatever an answer says, and what no census shows is named (B5)."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import restored_tokens
from bootstrap.steps.vault.restored_tokens import ROUNDS, settled
from bootstrap.steps.vault.root_session import Call

OK = Answer(status=204, data={})


class Leaf:
    def __init__(self, change: str, *, holds: bool) -> None:
        self.change, self._holds = change, holds
        self.written = False

    def holds(self, _: Call) -> bool:
        return self._holds

    def write(self, _world: World, _call: Call) -> None:
        self.written = True


class Vault:
    """``alive`` are accessors; ``late`` are listed only once others were ended; ``undying`` are never ended."""

    def __init__(self, *alive: str) -> None:
        self.alive, self.late, self.undying = ["root", *alive], list[list[str]](), set[str]()
        self.held: dict[str, Any] = {"sys/auth": {"token/": {"type": "token"}}, "sys/mounts": {}}
        self.denied: dict[str, WorldError] = {}
        self.order: list[str] = []

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **how: Any) -> Answer:
        assert (how["pod"], how["txn"], how["token"].reveal()) == ("vault-0", "txn", b"token")
        if error := self.denied.get(path):
            raise error
        match path:
            case "auth/token/lookup-self":
                here = "root" in self.alive
                return Answer(status=200 if here else 403, data={"accessor": "root"} if here else {})
            case "auth/token/accessors":
                return Answer(status=200, data={"keys": list(self.alive)})
            case "auth/token/revoke-accessor":
                self._end(str((body or {})["accessor"]))
                return OK
            case "auth/token/revoke-self":
                self._end("root")
                return OK
            case _:
                return Answer(status=200 if path in self.held else 404, data=self.held.get(path, {}))

    def _end(self, accessor: str) -> None:
        self.order.append(accessor)
        if accessor not in self.undying:
            self.alive.remove(accessor)
        if self.late and accessor != "root":
            self.alive += self.late.pop()


class World_:
    """What ``settled`` needs of a world, and what was done to its session."""

    def __init__(self, vault: Vault) -> None:
        self.done: list[str] = []
        self.session = SimpleNamespace(
            vault=vault,
            active=lambda: "vault-0",
            guard=lambda: self.done.append("guard"),
            close=lambda: self.done.append("close"),
        )


@pytest.fixture
def leaves(monkeypatch: pytest.MonkeyPatch) -> list[Leaf]:
    """One of each kind that does not hold, and one that does."""
    made = [Leaf("audit", holds=False), Leaf("identity", holds=False), Leaf("same", holds=True)]
    monkeypatch.setattr(restored_tokens, "generated_root", lambda *_: Sensitive(b"token", "token"))
    monkeypatch.setattr(restored_tokens, "AUDITING", (made[0], made[2]))
    monkeypatch.setattr(restored_tokens, "RUN_IDENTITY", (made[1],))
    monkeypatch.setattr(restored_tokens, "Intermediate", lambda _: Leaf("the CA in Vault", holds=False))
    monkeypatch.setattr(restored_tokens, "IssuerKeys", lambda _: Leaf("the keys of tokens", holds=False))
    return made


def settle(vault: Vault) -> restored_tokens.Settled:
    world = World_(vault)
    try:
        return settled(cast(World, world), "txn")
    finally:
        assert world.done == ["guard", "close"]


@pytest.mark.usefixtures("leaves")
def test_b5_every_token_ends_the_root_token_last() -> None:
    vault = Vault("one", "two")
    assert settle(vault).batch == ()
    assert vault.alive == []
    assert vault.order == ["one", "two", "root"]


@pytest.mark.usefixtures("leaves")
def test_b5_what_is_listed_late_ends_too_and_what_does_not_end_stops_it() -> None:
    vault = Vault("one")
    vault.late = [["later"]]
    settle(vault)
    assert vault.order == ["one", "later", "root"]
    vault = Vault("one")
    vault.undying = {"one"}
    with pytest.raises(EvidenceError) as stopped:
        settle(vault)
    assert (stopped.value.code, stopped.value.where) == ("E_TOKENS_ALIVE", "Vault accessor one")
    assert vault.order == ["one"] * ROUNDS + ["root"], "the root token is given back all the same"


@pytest.mark.usefixtures("leaves")
def test_b5_a_root_token_that_lives_on_stops_it() -> None:
    vault = Vault()
    vault.undying = {"root"}
    with pytest.raises(EvidenceError) as stopped:
        settle(vault)
    assert stopped.value.code == "E_ROOT_ALIVE"


@pytest.mark.usefixtures("leaves")
def test_b5_a_revocation_that_fails_is_seen_by_whether_the_token_works() -> None:
    vault = Vault()
    vault.denied["auth/token/revoke-self"] = WorldError("no", code="E_VAULT_DENIED")
    with pytest.raises(EvidenceError) as stopped:
        settle(vault)
    assert stopped.value.code == "E_ROOT_ALIVE"


class Ends(Vault):
    """Once its root token is gone, every request of it has one answer."""

    error: WorldError

    def _end(self, accessor: str) -> None:
        super()._end(accessor)
        if accessor == "root":
            self.denied["auth/token/lookup-self"] = self.error


@pytest.mark.usefixtures("leaves")
def test_b5_a_token_that_is_denied_is_gone_and_another_error_is_no_answer() -> None:
    vault = Ends()
    vault.error = WorldError("no", code="E_VAULT_DENIED")
    settle(vault)
    vault = Ends()
    vault.error = WorldError("it is sealed", code="E_VAULT_SEALED")
    with pytest.raises(WorldError, match="it is sealed"):
        settle(vault)


def test_what_lets_the_run_in_is_written_where_it_is_not_as_git_says(leaves: list[Leaf]) -> None:
    assert settle(Vault()).repaired == ("audit", "identity")
    assert [leaf.written for leaf in leaves] == [True, True, False]
    vault = Vault()
    vault.held["sys/mounts"] = {"vault-pki/": {}}  # a CA in it may be one that is trusted no more
    assert settle(vault).repaired == ("audit", "identity", "the CA in Vault")
    vault = Vault()
    vault.held["sys/auth"] = {"vault-pods/": {"type": "jwt"}}  # it knows the pods of the cluster of before
    assert settle(vault).repaired == ("audit", "identity", "the keys of tokens")


@pytest.mark.usefixtures("leaves")
def test_b5_logins_and_roles_whose_tokens_no_census_shows_are_named() -> None:
    vault = Vault()
    batch, service = {"token_type": "batch"}, {"token_type": "service"}
    vault.held |= {
        "sys/auth": {
            "tuned/": {"type": "jwt", "config": {"token_type": "default-batch"}},
            "kubernetes/": {"type": "kubernetes", "config": {"token_type": "default-service"}},
            "staff/": {"type": "ldap", "config": None},
            "other/": {"type": "jwt", "config": {}},
            "unknown/": None,
            "ldap/": {},  # of the kind that its name says
            "mount_type": {"type": "jwt"},  # no mount
        },
        "auth/kubernetes/role": {"keys": ["one", "two", "gone"]},
        "auth/kubernetes/role/one": batch,
        "auth/kubernetes/role/two": service,
        "auth/kubernetes/config": batch,  # this kind has no such setting
        "auth/staff/config": batch,
        "auth/other/config": batch,
        "auth/ldap/config": batch,
    }
    assert settle(vault).batch == (
        "auth/kubernetes/role/one",
        "auth/ldap/config",
        "auth/staff/config",
        "auth/tuned",
    )


@pytest.mark.usefixtures("leaves")
def test_b5_what_vault_refuses_to_say_names_no_role() -> None:
    class Refuses(Vault):
        def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **how: Any) -> Answer:
            if path == "auth/kubernetes/role":
                return Answer(status=400, data={"keys": ["one"]})
            if path == "auth/staff/config":
                return Answer(status=400, data={"token_type": "batch"})
            return super().call(method, path, body, **how)

    vault = Refuses()
    vault.held |= {
        "sys/auth": {"kubernetes/": {"type": "kubernetes"}, "staff/": {"type": "ldap"}},
        "auth/kubernetes/role/one": {"token_type": "batch"},
    }
    assert settle(vault).batch == ()
