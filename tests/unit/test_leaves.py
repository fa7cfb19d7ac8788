"""A leaf of Vault's configuration: read before it is written, written where it is not so, and waited for (B6, D2)."""

import base64
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.ports import Answer
from bootstrap.steps.context.names import READER_ACCOUNT, TXN_HEADER
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.leaves import (
    Absent,
    Alias,
    AuditDevice,
    AuditedHeader,
    Enabled,
    Fields,
    Leaf,
    TransitKey,
)
from bootstrap.steps.vault.transit import FLAGS, KEYS

Written = list[tuple[str, str, Mapping[str, Any] | None]]


class Vault:
    """Answers each path with what it holds, 404 where that is nothing; a write shows after ``lag`` more reads."""

    def __init__(self, lag: int = 0, **held: Any) -> None:
        self.held: dict[str, Any] = {path.replace("__", "/"): data for path, data in held.items()}
        self.written: Written = []
        self.errors: dict[str, WorldError | Answer] = {}
        self.effect: Callable[[], object] = lambda: None
        self._lag = lag

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        found = self.errors.get(f"{method} {path}")
        if isinstance(found, WorldError):
            raise found
        if found is not None:
            return found
        if method != "GET":
            self.written.append((method, path, body))
            return Answer(status=204, data={})
        if self.written:
            self._lag -= 1
            if self._lag < 0:
                self.effect()
        known = path in self.held
        return Answer(status=200 if known else 404, data=self.held.get(path, {}))


def waits(what: str, check: Callable[[], Any], seconds: float = 0) -> Any:
    for _ in range(5):
        if found := check():
            return found
    raise WorldError(f"{what}: not in time", code="E_TIMEOUT")


WORLD = cast(World, SimpleNamespace(wait=waits))
REFUSED = Answer(status=400, data={}, errors=("no",))


def denied() -> WorldError:
    return WorldError("Vault answered 403", code="E_VAULT_DENIED")


# ---------------------------------------------------------------- what is there

FIELDS = Fields("auth/x/role/one", {"policies": ["a", "b"], "ttl": 60})


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        ({"policies": ["b", "a"], "ttl": 60, "more": 1}, True),  # a list in any order, and whatever else
        ({"policies": ("a", "b"), "ttl": 60}, True),
        ({"policies": ["a"], "ttl": 60}, False),
        ({"policies": ["a", "b"], "ttl": 61}, False),
        ({"policies": ["a", "b"]}, False),
        ({}, False),
    ],
)
def test_d2_fields_hold_where_each_is_as_it_is_declared(found: Mapping[str, Any], holds: bool) -> None:
    assert FIELDS.holds(Vault(auth__x__role__one=found)) is holds


def test_d2_what_is_refused_or_not_there_does_not_hold() -> None:
    assert not FIELDS.holds(Vault())
    vault = Vault()
    vault.errors["GET auth/x/role/one"] = Answer(status=400, data=FIELDS.body)
    assert not FIELDS.holds(vault)


def test_a_path_that_an_earlier_policy_did_not_open_is_neither_there_nor_gone() -> None:
    """It is written, by who may; another error is no answer."""
    vault, absent = Vault(), Absent("auth/x/role/one")
    vault.errors["GET auth/x/role/one"] = denied()
    assert (FIELDS.holds(vault), absent.holds(vault)) == (False, False)
    vault.errors["GET auth/x/role/one"] = WorldError("it is sealed", code="E_VAULT_SEALED")
    for leaf in (FIELDS, absent):
        with pytest.raises(WorldError, match="it is sealed"):
            leaf.holds(vault)


def test_what_is_no_longer_declared_is_absent_or_not() -> None:
    absent = Absent("auth/x/role/one")
    assert absent.holds(Vault())
    assert not absent.holds(Vault(auth__x__role__one={}))


@pytest.mark.parametrize("listed", [{"kv/": {}}, {"other/": {}}, {}])
def test_a_mount_holds_where_it_is_listed(listed: Mapping[str, Any]) -> None:
    leaf = Enabled("sys/mounts", "kv", {"type": "kv"}, "mount KV")
    assert leaf.holds(Vault(sys__mounts=listed)) is ("kv/" in listed)


DEVICE = AuditDevice("file", "/vault/audit.log")


@pytest.mark.parametrize(
    ("listed", "holds"),
    [
        ({"file/": {"options": {"file_path": "/vault/audit.log"}}}, True),
        ({"file/": {"options": {"file_path": "/dev/null"}}}, False),
        ({"file/": {"options": None}}, False),
        ({"file/": {}}, False),
        ({"other/": {"options": {"file_path": "/vault/audit.log"}}}, False),
        ({}, False),
    ],
)
def test_b6_a_device_holds_where_it_writes_to_its_place(listed: Mapping[str, Any], holds: bool) -> None:
    vault = Vault(sys__audit=listed)
    assert DEVICE.holds(vault) is holds
    other = "file/" in listed
    vault.effect = lambda: vault.held.update(
        {"sys/audit": {"file/": {"options": {"file_path": "/vault/audit.log"}}}}
    )
    DEVICE.write(WORLD, vault)
    taken = [("DELETE", "sys/audit/file", None)] if other else []  # what writes elsewhere goes first
    made = ("POST", "sys/audit/file", {"type": "file", "options": {"file_path": "/vault/audit.log"}})
    assert vault.written == [*taken, made]


@pytest.mark.parametrize("listed", [{TXN_HEADER.lower(): {}}, {TXN_HEADER: {}}, {"user-agent": {}}, {}, None])
def test_b6_the_header_holds_where_it_is_audited(listed: Mapping[str, Any] | None) -> None:
    vault = Vault()
    vault.held["sys/config/auditing/request-headers"] = {"headers": listed}
    expected = TXN_HEADER.lower() in {name.lower() for name in listed or ()}
    assert AuditedHeader().holds(vault) is expected


def test_h4_the_key_that_countersigns_holds_where_it_is_there() -> None:
    public = base64.b64encode(bytes(32)).decode()
    vault = Vault()
    assert not TransitKey().holds(vault)
    vault.held[KEYS] = {**FLAGS, "latest_version": 1, "keys": {"1": {"public_key": public}}}
    assert TransitKey().holds(vault)


ENTITY = "identity/entity/name/ns-orders"


@pytest.mark.parametrize(
    ("entity", "holds"),
    [
        ({"aliases": [{"name": "another"}, {"name": f"orders/{READER_ACCOUNT}"}]}, True),
        ({"aliases": [{"name": f"another/{READER_ACCOUNT}"}]}, False),
        ({"aliases": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_d6_an_alias_holds_where_its_entity_has_it(entity: Mapping[str, Any] | None, holds: bool) -> None:
    vault = Vault()
    if entity is not None:
        vault.held[ENTITY] = entity
    assert Alias("orders").holds(vault) is holds
    vault.errors[f"GET {ENTITY}"] = Answer(status=400, data=entity or {})
    assert not Alias("orders").holds(vault)


# ---------------------------------------------------------------- what is written


def test_d6_an_alias_binds_the_namespace_to_its_entity_by_the_login_that_is_listed() -> None:
    vault = Vault(sys__auth={"kubernetes/": {"accessor": "auth-1"}})
    vault.held[ENTITY] = {"id": "entity-1"}
    Alias("orders").write(WORLD, vault)
    body = {
        "name": f"orders/{READER_ACCOUNT}",
        "canonical_id": "entity-1",
        "mount_accessor": "auth-1",
    }
    assert vault.written == [("POST", "identity/entity-alias", body)]


def enabled() -> Enabled:
    return Enabled("sys/mounts", "kv", {"type": "kv"}, "mount KV")


@pytest.mark.parametrize(
    ("leaf", "path", "listed"),
    [
        (enabled(), "sys/mounts", {"kv/": {}}),
        (DEVICE, "sys/audit", {"file/": {"options": {"file_path": "/vault/audit.log"}}}),
    ],
)
@pytest.mark.parametrize("lag", [0, 2, 9])
def test_what_a_node_does_not_list_yet_is_waited_for(
    leaf: Leaf, path: str, listed: Mapping[str, Any], lag: int
) -> None:
    vault = Vault(lag)
    vault.held[path] = {}
    vault.effect = lambda: vault.held.update({path: listed})
    if lag < 5:
        leaf.write(WORLD, vault)
        assert leaf.holds(vault)
    else:
        with pytest.raises(WorldError, match="not in time"):
            leaf.write(WORLD, vault)


@pytest.mark.parametrize(
    ("leaf", "request_"),
    [
        (FIELDS, "POST auth/x/role/one"),
        (Absent("auth/x/role/one"), "DELETE auth/x/role/one"),
        (enabled(), "POST sys/mounts/kv"),
        (DEVICE, "POST sys/audit/file"),
        (AuditedHeader(), f"PUT sys/config/auditing/request-headers/{TXN_HEADER}"),
        (TransitKey(), f"POST {KEYS}"),
        (Alias("orders"), "POST identity/entity-alias"),
    ],
)
def test_what_vault_refuses_to_write_is_said(leaf: Leaf, request_: str) -> None:
    vault = Vault(
        sys__audit={},
        sys__auth={"kubernetes/": {"accessor": "auth-1"}},
        sys__mounts={},
    )
    vault.held[ENTITY] = {"id": "entity-1"}
    vault.errors[request_] = REFUSED
    with pytest.raises(WorldError) as stopped:
        leaf.write(WORLD, vault)
    assert stopped.value.code == "E_VAULT_REFUSED"


def test_a_device_that_cannot_be_taken_away_is_said() -> None:
    vault = Vault(sys__audit={"file/": {"options": {"file_path": "/dev/null"}}})
    vault.errors["DELETE sys/audit/file"] = REFUSED
    with pytest.raises(WorldError) as stopped:
        DEVICE.write(WORLD, vault)
    assert (stopped.value.code, vault.written) == ("E_VAULT_REFUSED", [])
