"""Guards of a recovered quorum: when it is offered, what goes before, and who votes."""

from tests.guards.table import Guard, undone, unless

QUORUM = "model/quorum.py:judge"
MACHINE = "model/recovery.py:next_move"
SEEN = "steps/authority/recovering.py"
MADE = "steps/vault/recovered_quorum.py"
KIND = "steps/kinds/vault_recovered.py"
U = "unit/test_quorum.py::test_"
Q = "simulated/recovery/test_quorum.py::test_"

RECOVERED = (
    Guard(
        "a lost quorum is recovered only where that was approved",
        f"{SEEN}:quorum_seen",
        "case Quorum.LOST if yes:",
        "case Quorum.LOST:",
        Q + "inv4_it_says_what_is_there_and_what_may_be_lost_and_changes_nothing",
    ),
    unless(
        "without an approval a lost quorum is not even looked for",
        f"{KIND}:VaultRecovered._lost",
        "not approvals.given(self.world.approvals, approvals.RECOVER_QUORUM, ledger)",
        Q + "inv4_without_an_approval_the_step_finds_nothing_to_do",
    ),
    Guard(
        "most nodes that may hold the store are a quorum that may come back",
        QUORUM,
        "len(holding) > len(nodes) // 2 or ",
        "",
        U + "inv4_a_quorum_is_lost_only_where_it_cannot_come_back",
    ),
    Guard(
        "a node that is sealed or silent may come back with the others",
        QUORUM,
        " or any(node.seen is not Seen.WAITS for node in holding)",
        "",
        Q + "inv4_it_is_not_offered_while_a_quorum_could_come_back",
    ),
    Guard(
        "a node that has a leader has a quorum",
        QUORUM,
        "(Seen.LEADS, Seen.FOLLOWS)",
        "(Seen.LEADS,)",
        U + "inv4_a_quorum_is_lost_only_where_it_cannot_come_back",
    ),
    Guard(
        "the address of a leader that is gone is no leader",
        "steps/vault/quorum.py:_standby",
        'health.data.get("ha_connection_healthy") is True',
        'raft.data.get("leader_address") != ""',
        Q + "inv4_it_says_what_is_there_and_what_may_be_lost_and_changes_nothing",
    ),
    Guard(
        "an approval where a quorum may come back is refused",
        f"{SEEN}:quorum_seen",
        "case Quorum.MAY_RETURN if yes:",
        "case Quorum.MAY_RETURN if False:",
        Q + "inv4_it_is_not_offered_while_a_quorum_could_come_back",
    ),
    Guard(
        "every other volume is voided before one node votes alone",
        MACHINE,
        "return Move.VOID",
        "return Move.RESTART",
        U + "b5_nothing_is_restarted_before_everything_else_is_void",
    ),
    Guard(
        "other data claims are voided",
        f"{MADE}:others",
        "tuple(c for c in claims_of_vault(world) if node_of(c) != now.pod)",
        "()",
        Q + "b5_every_other_volume_is_voided_before_one_node_votes_alone",
    ),
    Guard(
        "volumes that their class keeps are voided",
        f"{MADE}:others",
        "tuple(v for v in volumes_of_vault(world) if not _is_of(v, now))",
        "()",
        Q + "b5_every_other_volume_is_voided_before_one_node_votes_alone",
    ),
    unless(
        "of other nodes only what was written down is removed",
        "steps/vault/voiding.py:voided",
        "fresh := {uid_of(each) for each in found} - written",
        Q + "inv4_a_claim_that_was_not_written_down_is_not_removed",
    ),
    undone(
        "the operator stops before another node is removed",
        f"{MADE}:RecoveredQuorum._void",
        "rest(self.world)",
        Q + "inv5_the_operator_stops_first_and_starts_once_vault_serves",
    ),
    Guard(
        "the others join only a node that leads alone",
        MACHINE,
        "Move.GROW if seen.voters == (now.pod,) else Move.OTHERS",
        "Move.GROW",
        U + "the_others_join_only_a_node_that_was_seen_to_lead_alone",
    ),
    Guard(
        "the newest of the nodes that are left is taken",
        "model/quorum.py:survivor",
        "-1 if node.index is None else node.index",
        "0",
        Q + "inv4_of_two_that_are_left_the_newer_one_is_taken",
    ),
    Guard(
        "a volume that is another one by now is not made a voter",
        f"{KIND}:VaultRecovered.decide",
        "if not seen.left:",
        "if False:",
        Q + "inv4_the_volume_that_is_left_is_lost_on_the_way",
    ),
    Guard(
        "the decision is on record",
        "steps/authority/facts.py:unrecorded",
        "*recovered(world, authority), ",
        "",
        Q + "inv4_approved_the_node_that_is_left_is_vault_again",
    ),
)
