"""Guards of a restore: what must not be overwritten, what must not live again, and which store it is."""

from tests.guards.table import Guard, undone, unless, without

SIEVE = "adapters/vault/raft_sieve.py"
JUDGED = "steps/authority/restoring.py"
STORE = "steps/vault/restored_store.py"
TOKENS = "steps/vault/restored_tokens.py"
R = "simulated/restore/test_restore.py::test_"
U = "unit/test_raft_sieve.py::test_"
M = "unit/test_restoration.py::test_"
D = "simulated/drill/test_drill.py::test_"
L = "simulated/drill/test_drill_lab.py::test_"
P = "simulated/restore/test_restore_damaged.py::test_"
LOSSES = "steps/authority/losses.py"
CLEARING = "steps/vault/clearing.py"
INWARD = "operations/drill/inward.py"
COMPARED = "operations/drill/compared.py"

RESTORED = (
    unless(
        "a token of before is not sent",
        f"{SIEVE}:_Passing.message",
        "what and self.known",
        U + "b5_no_token_and_no_lease_of_one_is_sent",
    ),
    Guard(
        "a layout that was not tried is sent as it is",
        f"{SIEVE}:sieved",
        "version.startswith(KNOWN)",
        "True",
        U + "b5_a_layout_that_was_not_tried_is_not_guessed",
    ),
    undone(
        "the census of a restored Vault",
        f"{TOKENS}:settled",
        "_end_tokens(call)",
        R + "b5_of_an_unknown_layout_the_census_ends_every_token",
    ),
    unless(
        "a token of before that lives on",
        f"{TOKENS}:_end_tokens",
        "left := _others(call, own)",
        R + "b5_a_token_that_lives_on_stops_it",
    ),
    Guard(
        "a restored Vault knows its pods by the keys of this cluster",
        f"{TOKENS}:_repaired",
        "*_pods(world, call), ",
        "",
        R + "s2_before_the_door_opens_vault_knows_its_pods_by_the_keys_of_this_cluster",
    ),
    Guard(
        "a restored Vault listens to itself alone",
        f"{STORE}:RestoredStore._install",
        "alone=True",
        "alone=False",
        R + "while_it_is_restored_vault_listens_to_itself_alone",
    ),
    unless(
        "a living Vault is not overwritten",
        f"{JUDGED}:restore_seen",
        "stop is None and now is None",
        R + "inv4_a_living_platform_is_not_overwritten",
    ),
    unless(
        "another file does not go on",
        f"{JUDGED}:restore_seen",
        "now is not None and now.file != source.digest",
        R + "inv4_another_file_does_not_go_on",
    ),
    Guard(
        "a restore of another environment's snapshot",
        f"{JUDGED}:_other_environment",
        "if mine == of_file:",
        "if True:",
        R + "a_snapshot_of_another_environment_is_refused",
    ),
    Guard(
        "a head that the snapshot does not hold",
        f"{JUDGED}:_stale",
        "if not found:",
        "if True:",
        R + "inv4_a_snapshot_older_than_a_head_wants_a_decision",
    ),
    Guard(
        "a Vault that could not audit",
        f"{JUDGED}:_not_audited",
        "if not source.audit or",
        "if True or",
        R + "b6_a_vault_that_could_not_audit_is_refused_before_it_is_touched",
    ),
    unless(
        "another release of Vault",
        f"{STORE}:check_release",
        'server and server.split(".")[:2] != wrote.split(".")[:2]',
        R + "another_release_of_vault_is_refused",
    ),
    Guard(
        "a sealed store is tried before it is voided",
        "model/restoration.py:_after_sending",
        "Move.TRY_SHARE",
        "Move.VOID",
        M + "a_store_that_may_be_the_restored_one_is_not_voided",
    ),
    Guard(
        "old records are held to the cluster that they name",
        "steps/secrets/transfer.py:commitments_in",
        "cluster=record.run.cluster",
        "cluster=world.cluster.uid()",
        R + "inv1_every_value_is_back_and_at_its_consumer",
    ),
)

DAMAGED = (
    Guard(
        "what a restore in place gives up is approved before anything is changed",
        f"{JUDGED}:_stale",
        "if STALE in world.approvals or kept in world.approvals:",
        "if True:",
        P + "inv4_what_would_be_lost_is_named_and_nothing_is_changed",
    ),
    without(
        "a materialized Secret that the snapshot does not hold",
        f"{LOSSES}:Losses.__bool__",
        "self.differing or ",
        P + "inv4_a_materialized_secret_that_differs_alone_wants_a_decision",
    ),
    without(
        "a volume that may hold a store",
        f"{LOSSES}:Losses.__bool__",
        " or self.volumes",
        P + "inv4_a_volume_that_may_hold_a_store_wants_a_decision",
    ),
    Guard(
        "silent nodes may hold a living store",
        "steps/vault/presence.py:is_alive",
        "return len(may_hold(world)) > _most_voters(world) // 2",
        "return False",
        P + "inv4_one_whose_nodes_are_silent_is_not_overwritten",
    ),
    unless(
        "only what was written down is removed",
        "steps/vault/voiding.py:voided",
        "fresh := {uid_of(each) for each in found} - written",
        P + "inv4_a_claim_that_was_not_written_down_is_not_removed",
    ),
    undone(
        "the operator stops before anything is removed",
        f"{CLEARING}:clear",
        "rest(world)",
        P + "inv5_the_operator_stops_first_and_starts_last",
    ),
    Guard(
        "no pod of the operator runs before anything is removed",
        "steps/context/resting.py:rest",
        "lambda: not _pods(world)",
        "lambda: True",
        P + "inv5_no_pod_of_the_operator_is_left_before_anything_goes",
    ),
    Guard(
        "the operator starts last",
        "steps/kinds/manifests.py:Manifests._as_it_rests",
        "if not self.operator or ref_of(obj) != operator_ref(self.world.intent) or not at_rest(self.world):",
        "if True:",
        P + "inv5_the_operator_stops_first_and_starts_last",
    ),
    Guard(
        "an old volume is voided before there is a new store",
        f"{CLEARING}:_claims",
        "return claims_of_vault(world)",
        "return ()",
        P + "b5_every_old_volume_is_voided_before_a_new_store_is_made",
    ),
    Guard(
        "the refusal of retired copies is suspended for a restore",
        "steps/kinds/scaffold.py:BootstrapCopies.observe",
        "(anew or restoring)",
        "anew",
        P + "h3_copies_are_made_again_and_retired_again_and_their_return_is_refused",
    ),
    unless(
        "records that go are kept",
        f"{CLEARING}:_keep",
        'ref.kind == "ConfigMap" and (obj["metadata"].get("labels") or {}).get(LABEL)',
        P + "h4_the_records_that_go_are_kept_beside_those_of_the_operator",
    ),
)

REHEARSED = (
    Guard(
        "a drill begins in an empty cluster",
        "operations/drill/rehearsal.py:refuse_unless_empty",
        "if world.cluster.get(HOME) is None:",
        "if True:",
        D + "a_drill_that_was_stopped_or_is_over_is_not_gone_on_with",
    ),
    Guard(
        "a drill takes no lab that was there before",
        "lab/state.py:claim",
        "if (home / name).exists():",
        "if False:",
        L + "a_lab_that_was_there_before_is_not_taken_and_not_deleted",
    ),
    Guard(
        "a drill that was stopped deletes its lab",
        "cli/commands/drill_lab.py:throw_away",
        "_delete(name)\n            if",
        "if",
        L + "b1_it_is_deleted_however_the_drill_ends",
    ),
    unless(
        "the addresses of the API server are known before a drill begins",
        f"{INWARD}:InwardCluster.api_server",
        "not found",
        D + "s3_without_the_api_servers_addresses_it_does_not_begin",
    ),
    unless(
        "a drill makes nothing that acts by itself",
        f"{INWARD}:InwardCluster._inward",
        'obj["kind"] in OUTWARD',
        D + "inv6_what_acts_by_itself_is_refused_wherever_it_comes_from",
    ),
    undone(
        "a manifest that acts by itself is found before a drill begins",
        "operations/drill/rehearsal.py:Drill.run",
        "refuse_outward(world.intent)",
        D + "inv6_a_manifest_that_acts_by_itself_is_found_before_anything_is_changed",
    ),
    Guard(
        "in a drill Vault's way out is narrowed",
        f"{INWARD}:InwardCluster._inward",
        "self._narrowed(obj)",
        "obj",
        D + "s3_vaults_way_out_is_closed_before_it_is_unsealed",
    ),
    Guard(
        "a drill pushes nothing",
        f"{INWARD}:inward",
        "internals=()",
        "internals=intent.internals",
        D + "inv6_no_push_no_schedule_no_workload",
    ),
    Guard(
        "a drill starts no workload",
        f"{INWARD}:inward",
        "workloads=()",
        "workloads=intent.platform.workloads",
        D + "inv6_no_push_no_schedule_no_workload",
    ),
    unless(
        "a drill sends no lease of a dynamic secret",
        f"{SIEVE}:_Passing.message",
        "not what and self.rehearsed and name.startswith(LEASES)",
        U + "inv6_no_lease_of_a_dynamic_secret_is_sent_in_a_rehearsal",
    ),
    unless(
        "a drill guesses no layout",
        "operations/restore/source.py:source_of",
        "rehearsed and not found.known",
        D + "inv6_leases_are_not_guessed_at",
    ),
    Guard(
        "a drill compares what came back",
        f"{COMPARED}:_look",
        "if wanted.get(each) != found.get(each)",
        "if False",
        D + "h4_a_value_tampered_with_in_the_restored_vault_is_named",
    ),
    Guard(
        "a newest version that is gone differs",
        f"{COMPARED}:Compared.differs",
        "(self.lost and self.newest)",
        "False",
        D + "inv4_the_newest_version_that_is_gone_differs_and_an_earlier_one_is_named",
    ),
    without(
        "a broken proof makes a drill differ",
        "operations/drill/rehearsal.py:Drill._report",
        "any(p.state is State.BROKEN for p in proofs) or ",
        D + "a_broken_proof_alone_differs",
    ),
    unless(
        "a signed statement of another kind is no report",
        "operations/drill/report.py:read_report",
        "report is None or not same",
        "unit/test_drill_report.py::test_h4_another_statement_of_the_same_key_is_no_report",
    ),
)
