"""Who may change Vault's configuration: nobody but a token that lives for one change (S2, S3, B5)."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap.ledger.record import Audit, RecordType
from bootstrap.model.errors import BootstrapError
from bootstrap.operations.abandon.runner import Abandon
from bootstrap.ports import Answer
from bootstrap.steps.context.names import CONFIGURE_POLICY
from bootstrap.steps.vault import configuring, policies
from tests.simulator.faults import Call, Killed, Port
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.vault import Token

READER = "sys/policies/acl/reader-orders"
UPDATE = ("PUT", "sys/generate-root/update")


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    """Finished."""
    made = SimulatedPlatform(tmp_path, repository)
    made.up()
    made.vault.mutations.clear()
    return made


def drifted(platform: SimulatedPlatform) -> None:
    SimulatedHand(platform).vault("PUT", READER, {"policy": 'path "x" { capabilities = ["read"] }\n'})
    platform.vault.mutations.clear()


def records(platform: SimulatedPlatform) -> list[tuple[RecordType, str]]:
    facts = [record.fact for record in platform.world().ledger.read().records]
    kinds = (RecordType.CONFIGURING, RecordType.CONFIGURED)
    return [(f.type, f.audit.txn) for f in facts if f.type in kinds and isinstance(f.audit, Audit)]


def powerful(platform: SimulatedPlatform) -> list[Token]:
    live = platform.vault.live().tokens.values()
    return [token for token in live if {"root", CONFIGURE_POLICY} & {*token.policies}]


def made(platform: SimulatedPlatform) -> int:
    return platform.vault.mutations.count(UPDATE)


# ---------------------------------------------------------------- how often


def test_b5_a_run_with_nothing_to_configure_makes_no_token(platform: SimulatedPlatform) -> None:
    platform.up()
    assert made(platform) == 0


def test_the_first_run_makes_one_and_a_run_with_a_change_one_more(platform: SimulatedPlatform) -> None:
    assert len(records(platform)) == 2
    drifted(platform)
    platform.up()
    assert made(platform) == 1
    [first, second] = records(platform)[2:]
    assert (first[0], second[0]) == (RecordType.CONFIGURING, RecordType.CONFIGURED)
    assert first[1] == second[1]
    assert powerful(platform) == []
    assert platform.vault.live().plain[READER]["policy"] != 'path "x" { capabilities = ["read"] }\n'


def test_b6_each_request_of_a_change_carries_its_name_into_the_audit_log(platform: SimulatedPlatform) -> None:
    drifted(platform)
    platform.up()
    txn = records(platform)[-1][1]
    lines = [line for line in platform.vault.live().log if line.txn == txn]
    assert {"sys/generate-root/update", "auth/token/create-orphan", READER} <= {line.path for line in lines}
    assert {line.policies for line in lines if line.path == READER} == {(CONFIGURE_POLICY,)}


def test_b6_up_turns_auditing_on_again(platform: SimulatedPlatform) -> None:
    places = {"file/": "/vault/audit/audit.log", "stdout/": "stdout"}
    hand = SimulatedHand(platform)
    elsewhere = {"type": "file", "options": {"file_path": "/dev/null"}}
    for lost, instead in (("file", None), ("stdout", None), ("file", elsewhere)):
        hand.vault("DELETE", f"sys/audit/{lost}")
        if instead:
            hand.vault("POST", f"sys/audit/{lost}", instead)
        platform.up()
        live = platform.vault.live().audit
        assert {name: device["options"]["file_path"] for name, device in live.items()} == places
        assert platform.up().epoch == 0


# ---------------------------------------------------------------- whoever was before


def test_a_platform_of_an_earlier_version_is_taken_over_by_one_up(platform: SimulatedPlatform) -> None:
    """Its run policy may write policies, and there is no configuring policy."""
    earlier = (
        policies.RUN + 'path "sys/policies/acl/reader-*" { capabilities = ["create", "update", "read"] }\n'
    )
    SimulatedHand(platform).vault("PUT", "sys/policies/acl/bootstrap-run", {"policy": earlier})
    del platform.vault.live().plain[f"sys/policies/acl/{CONFIGURE_POLICY}"]
    platform.up()
    leaves = platform.vault.live().plain
    assert leaves["sys/policies/acl/bootstrap-run"]["policy"] == policies.RUN
    assert leaves[f"sys/policies/acl/{CONFIGURE_POLICY}"]["policy"] == policies.CONFIGURE
    assert powerful(platform) == []
    assert platform.up().epoch == 0


@pytest.mark.parametrize("path", ["generate-root/update", "create-orphan", "revoke-self", "reader-orders"])
def test_what_a_killed_run_left_is_gone_before_the_next_change(
    platform: SimulatedPlatform, path: str
) -> None:
    drifted(platform)
    with pytest.raises(Killed):
        platform.up(vault=Port("vault", platform.vault, _killed_after(path)))
    assert powerful(platform) or path == "revoke-self"
    platform.vault.mutations.clear()
    platform.up()
    assert powerful(platform) == []
    told = records(platform)
    assert [kind for kind, _ in told].count(RecordType.CONFIGURING) == len(told) / 2
    assert sorted(txn for kind, txn in told if kind is RecordType.CONFIGURING) == sorted(
        txn for kind, txn in told if kind is RecordType.CONFIGURED
    )
    assert platform.up().epoch == 0


def test_ph3_abandon_revokes_what_a_killed_change_left(platform: SimulatedPlatform) -> None:
    drifted(platform)
    with pytest.raises(Killed):
        platform.up(vault=Port("vault", platform.vault, _killed_after("generate-root/update")))
    assert [token.policies for token in powerful(platform)] == [("root",)]
    work = Abandon(platform.world())
    assert [item for item in work.listing().goes if "revoke Vault token" in item]
    work.run()
    assert powerful(platform) == []
    platform.up()
    assert len(records(platform)) % 2 == 0


def _killed_after(end: str) -> Any:
    """Dies with the answer of the first write whose path ends so, once an attempt was begun."""
    begun = dead = False

    def schedule(call: Call) -> Any:
        nonlocal begun, dead
        if dead:
            raise Killed(str(call))
        answer = call.apply()
        begun = begun or (call.writes and call.args[1] == "sys/generate-root/attempt")
        if begun and call.writes and call.args[1].endswith(end):
            dead = True
            raise Killed(str(call))
        return answer

    return schedule


def test_what_cannot_be_revoked_is_an_error(platform: SimulatedPlatform) -> None:
    """The census after the revocation sees it; an answer is not believed."""

    def nothing_revoked(call: Call) -> Any:
        return Answer(204, {}) if call.args[1:2] == ("auth/token/revoke-accessor",) else call.apply()

    platform.vault.live().tokens["hvs.undying"] = Token("undying", ("root",))
    with pytest.raises(BootstrapError) as stopped:
        configuring.end(platform.world(vault=Port("vault", platform.vault, nothing_revoked)))
    assert stopped.value.code == "E_ROOT_ALIVE"
