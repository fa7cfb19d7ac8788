"""What the renewers say is kept of Vault's audit log, and how it is held against what is on record (B6, H4)."""

from types import SimpleNamespace
from typing import cast

import pytest

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.errors import WorldError
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.audit_parts import changed, kept, missing, not_recorded, recorded
from tests.support.authorities import ledger

FIRST, SECOND, THIRD = (f"audit-2026113{n}T000000Z.log" for n in range(3))
A, B = "a" * 64, "b" * 64


def world(logs: dict[str, str]) -> World:
    """A pod without a log refuses to show it."""

    def log(_namespace: str, pod: str, _container: str, _lines: int) -> str:
        if pod not in logs:
            raise WorldError("not allowed", code="E_KUBE_DENIED")
        return logs[pod]

    found = SimpleNamespace(
        session=SimpleNamespace(pods=("vault-0", "vault-1", "vault-2")),
        intent=SimpleNamespace(platform=SimpleNamespace(vault=SimpleNamespace(namespace="vault"))),
        cluster=SimpleNamespace(logs=log),
        files=object(),
    )
    return cast(World, found)


def noted(*parts: dict[str, str]) -> Fact:
    return Fact(
        type=RecordType.AUDIT_LOG, details={name: digest for each in parts for name, digest in each.items()}
    )


def test_b6_the_last_word_of_each_renewer_counts() -> None:
    logs = {
        "vault-0": f"parts: {FIRST}={A}\nvolumes: data 1%\nparts: {FIRST}={A} {SECOND}={B}\n",
        "vault-2": f"parts: {FIRST}={B}\n",
    }
    assert kept(world(logs)) == {f"vault-0/{FIRST}": A, f"vault-0/{SECOND}": B, f"vault-2/{FIRST}": B}


@pytest.mark.parametrize(
    "logs", [{}, {"vault-0": ""}, {"vault-0": "volumes: data 1%\n", "vault-1": "parts: \n"}]
)
def test_b6_of_a_renewer_that_has_said_nothing_yet_nothing_is_known(logs: dict[str, str]) -> None:
    assert kept(world(logs)) == {}


def test_b6_a_log_that_cannot_be_read_takes_nothing_from_the_others() -> None:
    """Nor is another's taken for its own."""
    logs = {"vault-0": f"parts: {FIRST}={A}\n", "vault-2": f"parts: {SECOND}={B}\n"}
    assert kept(world(logs)) == {f"vault-0/{FIRST}": A, f"vault-2/{SECOND}": B}


def test_b6_the_first_record_of_a_part_counts_and_records_of_other_things_do_not() -> None:
    other = Fact(type=RecordType.CLAIMED, details={"vault-1/" + FIRST: A})
    known = ledger(noted({FIRST: A}), other, noted({FIRST: B}, {SECOND: B}))
    assert recorded(known) == {FIRST: A, SECOND: B}


def test_b6_what_is_recorded_next_is_what_is_not_on_record_and_only_with_the_root() -> None:
    known, here = ledger(noted({FIRST: A})), world({})
    assert not_recorded(here, known, {FIRST: B, SECOND: B}) == {SECOND: B}
    here.files = None
    assert not_recorded(here, known, {FIRST: B, SECOND: B}) == {}


def test_b6_a_part_is_changed_where_its_digest_is_another_than_on_record() -> None:
    assert changed({FIRST: A, SECOND: B, THIRD: A}, {FIRST: A, SECOND: A}) == (SECOND,)


def test_b6_a_part_is_missed_where_its_pod_keeps_an_older_one() -> None:
    known = {f"vault-{pod}/{part}": A for pod in (0, 1) for part in (FIRST, SECOND, THIRD)}
    assert missing({f"vault-0/{FIRST}": A}, known) == (f"vault-0/{SECOND}", f"vault-0/{THIRD}")
    assert missing({f"vault-0/{SECOND}": A, f"vault-0/{THIRD}": A}, known) == ()
    assert missing({f"vault-0/{FIRST}": A, f"vault-0/{THIRD}": A}, known) == (f"vault-0/{SECOND}",)
    assert missing({}, known) == ()
