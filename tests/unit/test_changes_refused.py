"""What one changed line of Git cannot take back is refused, each by itself (G7, B4, H1)."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.ledger.record import Destination, Fact, Git, RecordType
from bootstrap.model.catalog import Custody, Intent
from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.immutable_fields import refused_changes
from bootstrap.steps.secrets.operator_rights import operator_rights
from tests.support.authorities import ledger
from tests.support.ledger_facts import fact
from tests.support.small_intent import an_intent

SET, KEY = Ref("apps/v1", "StatefulSet", "vault", "vault"), Ref("v1", "Secret", "vault-unseal-1", "vault")


def refused(
    intent: Intent, facts: Sequence[Fact] = (), found: dict[Ref, Object] | None = None
) -> list[PreconditionError]:
    kept = ledger(*facts)
    world = SimpleNamespace(
        intent=intent,
        cluster=SimpleNamespace(get=lambda ref: (found or {}).get(ref)),
        ledger=SimpleNamespace(read=lambda: kept),
    )
    errors = list(refused_changes(cast("World", world)))
    assert all(error.hint and error.where for error in errors)
    return errors


def codes(*given: Any) -> list[str]:
    return [error.code for error in refused(*given)]


def handed_over(name: str, path: str, file: str = "f", blob: str = "b") -> tuple[Fact, Fact]:
    place, git = Destination(cluster="v", path=path), Git(commit="a" * 40, path=file, blob=blob * 40)
    return (
        replace(fact(RecordType.INTENT, name), destination=place, git=git),
        replace(fact(RecordType.COMMIT, name), destination=place, git=git),
    )


def vault(**more: Any) -> Intent:
    intent = an_intent()
    spec = replace(intent.platform.vault, **more)
    return replace(intent, platform=replace(intent.platform, vault=spec))


def test_nothing_that_runs_is_nothing_to_refuse() -> None:
    assert refused(an_intent()) == []


@pytest.mark.parametrize(("runs", "stops"), [(5, True), (4, True), (3, False), (1, False), (None, False)])
def test_g7_fewer_replicas_than_run(runs: int | None, stops: bool) -> None:
    live = {"spec": {"replicas": runs} if runs else {}}
    found = refused(vault(replicas=3), (), {SET: live})
    assert [error.code for error in found] == ["E_REPLICAS_FEWER"] * stops
    assert all(f"has {runs} replicas" in error.message for error in found)


@pytest.mark.parametrize("custody", list(Custody))
@pytest.mark.parametrize("there", [True, False])
def test_b4_offline_custody_beside_an_open_key(custody: Custody, there: bool) -> None:
    found: dict[Ref, Object] = {KEY: {"metadata": {}}} if there else {}
    stops = custody is Custody.OFFLINE and there
    assert codes(vault(custody=custody), (), found) == ["E_CUSTODY_CHANGE"] * stops


def test_h1_a_path_that_is_another_than_the_record_s() -> None:
    zeta = an_intent().secrets[0]
    assert codes(an_intent(), handed_over("zeta", str(zeta.path))) == []
    (error,) = refused(an_intent(), handed_over("zeta", "applications/before"))
    assert (error.code, error.where) == ("E_PATH_MOVED", zeta.where)
    assert error.hint.startswith("write path: applications/before;")


ALPHA, BLOB = "encrypted/a.age", "e"


@pytest.mark.parametrize(
    ("name", "file", "blob", "stops"),
    [
        ("before", ALPHA, BLOB, True),
        ("before", ALPHA, "f", False),
        ("before", "encrypted/other.age", BLOB, False),
        ("zeta", ALPHA, BLOB, False),
    ],
)
def test_h1_a_new_name_of_the_same_ciphertext_whose_entry_is_gone(
    name: str, file: str, blob: str, stops: bool
) -> None:
    path = str(an_intent().secrets[0].path) if name == "zeta" else "applications/before"
    found = refused(an_intent(), handed_over(name, path, file, blob))
    assert [error.code for error in found] == ["E_NAME_CHANGED"] * stops
    assert all(error.hint.startswith("write name: before;") for error in found)


def test_h1_one_that_was_handed_over_under_its_new_name_too_is_no_change() -> None:
    alpha = an_intent().secrets[1]
    facts = (
        *handed_over("before", "applications/before", ALPHA, BLOB),
        *handed_over("alpha", str(alpha.path), ALPHA, BLOB),
    )
    assert refused(an_intent(), facts) == []


def test_s2_the_operator_s_rights_are_a_role_and_a_binding_where_it_writes() -> None:
    role, *bindings = operator_rights(an_intent())
    assert (role["kind"], {verb for rule in role["rules"] for verb in rule["verbs"]}) == (
        "ClusterRole",
        {"create", "update", "patch", "delete"},
    )
    assert [b["metadata"]["namespace"] for b in bindings] == ["demo", "postgres"]
    account = {"kind": "ServiceAccount", "name": "external-secrets", "namespace": "external-secrets"}
    assert all(
        b["subjects"] == [account] and b["roleRef"]["name"] == role["metadata"]["name"] for b in bindings
    )
