"""A CA goes once nothing of Vault stands on it, and not before (G7)."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.errors import PreconditionError, Transient, WorldError
from bootstrap.ports import Answer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.dropped_ca import in_use
from bootstrap.steps.vault.intermediate import SHOWN

OLD, NEW = b"old", b"new"


class Signed:
    """Certificates are the names of their signers; a CA's own name is its key."""

    def read_all(self, content: bytes) -> tuple[Any, ...]:
        return tuple(SimpleNamespace(key=name) for name in content.split())

    def is_signed_by(self, content: bytes, authority: bytes) -> bool:
        return content == authority


class Vault:
    """Pods serve certificates of ``served``; ``shown`` is the signer of the CA in Vault, None where there is none."""

    def __init__(self, served: Mapping[str, bytes], shown: bytes | None, *, sealed: bool) -> None:
        self.served, self.shown, self.sealed = served, shown, sealed

    def certificate(self, pod: str) -> bytes:
        if pod not in self.served:
            raise Transient("it does not answer", code="E_VAULT_AWAY")
        if self.served[pod] != NEW:
            raise WorldError("of no CA that is trusted", code="E_VAULT_TLS")
        return self.served[pod]

    def active(self) -> str:
        if self.sealed:
            raise Transient("no active node", code="E_VAULT_SEALED")
        return "vault-0"

    def call(self, method: str, path: str, *, pod: str, token: None) -> Answer:
        assert (method, path, pod, token) == ("GET", SHOWN, "vault-0", None)
        if self.shown is None:
            return Answer(status=404, data={})
        return Answer(status=200, data={"certificate": self.shown.decode()})


def world(
    trusted: bytes | None = b"old new",
    served: Mapping[str, bytes] | None = None,
    starts: Mapping[str, bytes] | None = None,
    shown: bytes | None = NEW,
    *,
    sealed: bool = False,
) -> World:
    """The commit trusts the new CA alone. ``trusted`` is what the pods trust, None where there is no Secret."""
    vault = Vault({"vault-0": NEW} if served is None else served, shown, sealed=sealed)
    firsts = {"vault-0": NEW} if starts is None else starts
    secret = {"data": {"ca.crt": trusted, **{f"{pod}.crt": signer for pod, signer in firsts.items()}}}
    found = SimpleNamespace(
        cluster=SimpleNamespace(get=lambda _: None if trusted is None else secret),
        certificates=Signed(),
        session=SimpleNamespace(pods=("vault-0", "vault-1"), vault=vault, active=vault.active),
        intent=SimpleNamespace(
            keys={"vault-ca.crt": NEW},
            authorities=(NEW,),
            platform=SimpleNamespace(vault=SimpleNamespace(namespace="vault")),
        ),
    )
    return cast(World, found)


@pytest.mark.parametrize(
    ("seen", "users"),
    [
        (world(served={"vault-0": OLD, "vault-1": NEW}), "vault-0 serves a certificate of it"),
        (world(starts={"vault-0": NEW, "vault-1": OLD}), "vault-1 starts with a certificate of it"),
        (
            world(served={"vault-0": OLD}, starts={"vault-0": OLD}, shown=OLD),
            "vault-0 serves a certificate of it, vault-0 starts with a certificate of it",
        ),
        (world(shown=OLD), "the CA in Vault is signed by it"),
    ],
    ids=["served", "started", "both", "made"],
)
def test_g7_what_stands_on_it_is_named(seen: World, users: str) -> None:
    error = in_use(seen)
    assert isinstance(error, PreconditionError)
    assert error.code == "E_CA_IN_USE"
    assert error.message.endswith(f"stands: {users}")
    assert "newest commit" in error.hint


@pytest.mark.parametrize(
    "seen",
    [
        world(trusted=None, served={"vault-0": OLD}),
        world(trusted=b"new", served={"vault-0": OLD}),  # the pods trust no other: Vault is not asked
        world(),
        world(served={}),  # whoever does not answer says nothing
        world(shown=None),
        world(shown=OLD, sealed=True),
    ],
    ids=["no Secret", "nothing more is trusted", "all moved", "silent", "no CA in Vault", "sealed"],
)
def test_g7_on_what_nothing_stands_may_go(seen: World) -> None:
    assert in_use(seen) is None
