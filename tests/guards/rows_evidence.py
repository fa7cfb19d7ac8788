"""Guards of the heads, the ledger, approvals, and of one run at a time."""

from tests.guards.table import Guard, undone, unless, without

JUDGE = "model/heads.py"
GATHER = "steps/authority/gather.py"
PRESENCE = "steps/vault/presence.py"
WITNESS = "ledger/witnesses.py"
STORE = "ledger/store.py"
H = "simulated/authority/test_heads.py::test_"
A = "simulated/authority/test_authority.py::test_"
P = "simulated/authority/test_presence.py::test_"
TABLE = "unit/test_heads.py::test_inv4_the_whole_table"
STANDS = "unit/ledger/test_witnesses.py::test_inv4_where_a_head_stands"
L = "simulated/test_ledger_store.py::test_"
CHAIN = "unit/ledger/test_ledger_chain.py::test_"
BUNDLE = "unit/ledger/test_ledger_bundle.py::test_"
SIGN = "unit/ledger/test_countersigning.py::test_"
KEPT = "simulated/test_countersigner.py::test_"
SPENT = "unit/ledger/test_approvals.py::test_inv4_a_yes_holds_until_a_record_spends_it"

HEADS = (
    unless("evidence that is false", f"{JUDGE}:judge", "found.of(standing)", TABLE),
    unless("an authority that is lost", f"{JUDGE}:_without_vault", "found.newest or found.ledger or (found.traces and not found.unfinished)", TABLE),
    unless("another cluster's authority", f"{JUDGE}:_without_vault", "found.of(Standing.OTHER_CLUSTER)", TABLE),
    unless("a Vault that lost records", f"{JUDGE}:_with_vault", "found.newest > copy and not (found.rollback or found.new_authority or found.restoring)", TABLE),
    Guard("a cluster that lost records", f"{JUDGE}:_with_vault", "found.ledger and not found.rebuilding", "False", TABLE),
    Guard("a verdict stops the run", "steps/authority/stops.py:stopped", "STOPS[verdict](authority) if verdict in STOPS else None", "None", A + "inv4_vault_put_back_in_time_is_named_and_stops"),
    Guard("a head in another cluster's folder", f"{GATHER}:_placed", "seen.standing is not Standing.FOREIGN_KEY and seen.cluster != folder", "seen.standing is Standing.FORGED", H + "inv4_a_head_in_the_folder_of_another_cluster"),
    unless("a head of a foreign key", f"{WITNESS}:witness", "signed_by_another(data, known.key)", H + "g2_a_foreign_key_is_another_platforms"),
    Guard("a head that was decided about", f"{WITNESS}:_standing", "if (head.cluster, str(head.size), head.root) in superseded(known.ledger):", "if False:", "unit/ledger/test_witnesses.py::test_inv4_a_decided_head_witnesses_no_longer"),
    unless("a head of another cluster", f"{WITNESS}:_standing", "head.cluster != known.cluster", STANDS),
    unless("a head of more records", f"{WITNESS}:_standing", "head.size > size", STANDS),
    unless("a head of another history", f"{WITNESS}:_standing", "not chain_fits(head, known.ledger.at(head.size))", STANDS),
    unless("a head is not written over another", "steps/vault/cluster_head.py:refuse_unextended", "not extends(ledger, head)", H + "inv4_records_are_not_written_over_what_they_do_not_extend"),
    Guard("another environment", "steps/kinds/preflight.py:Preflight._stop", "wrong or seen.restore.stop", "seen.restore.stop", H + "ph4_another_one_or_none_is_refused"),
    undone("copies of two histories stop the run", f"{GATHER}:gather", """copies.compare({"the cluster's": ledger, "Vault's": copy})""", A + "inv4_copies_of_two_histories_stop_the_run"),
    unless("a copy that cannot be read", f"{GATHER}:_vault", "answering", A + "inv4_a_copy_that_cannot_be_read_is_not_taken_for_an_empty_one"),
    Guard("a StatefulSet of others", f"{PRESENCE}:is_gone", "if live is None or not is_ours(live):", "if live is None:", P + "inv4_a_stateful_set_of_others_is_no_vault_that_is_gone"),
    without("without a StatefulSet a claim counts", f"{PRESENCE}:is_gone", " and not claims", P + "inv4_without_its_stateful_set_a_claim_may_hold_a_store"),
    without("a claim without its node counts", f"{PRESENCE}:is_gone", " or claims - set(nodes)", P + "inv4_a_claim_whose_node_does_not_run_may_hold_a_store"),
    Guard("every node has to say so", f"{PRESENCE}:is_gone", "return all(answer is not None and not answer.initialized for answer in answers)", "return any(answer is not None and not answer.initialized for answer in answers)", P + "inv4_each_node_has_to_say_that_it_holds_nothing"),
    without("an approval is spent", "steps/authority/approvals.py:kept", " and not _spent(ledger, name, size)", SPENT),
    without("an approval is of one decision", "steps/authority/approvals.py:kept", "which == name and ", SPENT),
)  # fmt: skip

LEDGER = (
    unless("a chain that changes its cluster", "ledger/rules.py:_cluster", "cluster and record.run.cluster != cluster and record.fact.type not in _MOVES", CHAIN + "inv4_a_chain_changes_its_cluster_only_by_saying_so"),
    unless("a second COMMIT", "ledger/rules.py:_commit", "record.subject in commits", CHAIN + "h1_records_follow_each_other"),
    unless("a COMMIT that nothing announced", "ledger/rules.py:_commit", "_commitments(record) not in intents.get(_key(record), frozenset())", CHAIN + "h1_records_follow_each_other"),
    unless("a RETIRED without its COMMIT", "ledger/rules.py:_retired", "commits.get(record.subject) != _key(record)[1]", CHAIN + "h1_records_follow_each_other"),
    Guard("a record at another place", "ledger/chain.py:_check_place", "if record.seq == chain.size and record.previous == chain.last:", "if True:", BUNDLE + "h4_disorder_is_found_even_under_a_true_head"),
    unless("a signature that does not fit", "ledger/envelope.py:open_envelope", "not key.accepts(signature, pae(payload))", BUNDLE + "h4_a_record_that_was_changed_under_its_signature_is_found"),
    Guard("a signature of another key", "ledger/envelope.py:_form", "re.escape(PAYLOAD_TYPE), key_id,", 're.escape(PAYLOAD_TYPE), "[0-9a-f]*",', BUNDLE + "h4_envelope_has_one_form"),
    unless("a record by a key that may not sign it", "ledger/countersigning.py:Countersignatures.add", "(rule_of(fact.type) is Rule.VAULT_ALONE) != (signed is Signed.VAULT)", SIGN + "h4_vaults_key_signs_no_record_that_only_the_ledger_key_may"),
    Guard("records that Vault did not countersign", "ledger/countersigning.py:refuse_open", "if not state.open:", "if True:", SIGN + "h4_a_record_behind_the_announcement_without_a_countersignature_is_refused"),
    undone("the end of a countersigned ledger", "ledger/bundle.py:verify_bundle", "walk.end()", SIGN + "h4_a_record_behind_the_announcement_without_a_countersignature_is_refused"),
    undone("what stands before a decision", "ledger/countersigning.py:Countersignatures.add", "refuse_open(self.state, record.seq)", SIGN + "inv4_what_stands_before_a_decision_is_countersigned"),
    unless("a countersignature of another tree", "ledger/chain.py:_check_root", "record.fact.type is RecordType.COUNTERSIGNED and record.fact.details[TREE] != chain.root", SIGN + "h4_the_ledger_key_alone_writes_no_other_history"),
    Guard("another key without the one before", "ledger/countersigning.py:Countersignatures._announce", "if self.current is None:", "if True:", SIGN + "another_key_counts_once_the_one_before_has_signed_it"),
    unless("a history that gives up what Vault signed", "ledger/completeness.py:_refuse_forgotten", "known.cluster == head.cluster and key and key not in ledger.meaning.countersigning.keys", SIGN + "h4_a_history_that_gives_up_what_vault_signed_is_believed_only_with_its_own_head"),
    unless("a signature by another key of Vault", "ledger/store.py:LedgerStore._countersigned", "not accepts(entry.envelope, named.key, \"the countersignature\")", KEPT + "inv4_another_key_of_that_name_signs_nothing"),
    Guard("a key that may have left Vault", "steps/vault/transit.py:live_key", "if wrong:", "if False:", KEPT + "h4_a_key_that_may_have_left_vault_stops_the_run"),
    undone("the head of a bundle", "ledger/bundle.py:_check", "check_head(head, walk, bundle.escrow)", BUNDLE + "a_truncated_ledger_under_its_old_head_is_found"),
    undone("the head of a bundle that is shown", "ledger/bundle.py:show_bundle", "check_head(head, walk, bundle.escrow)", BUNDLE + "what_is_shown_without_a_key_still_fits_together"),
    unless("a COMMIT that another run recorded", f"{STORE}:_refuse_raced", "fact.type is RecordType.COMMIT and fact.subject in ledger.meaning.commits", L + "h1_a_second_commit_is_never_recorded"),
    Guard("a place that another batch has", f"{STORE}:LedgerStore._create", "_content(live) == wanted.content", "True", L + "a_lost_race_with_a_lost_answer_ends_behind_the_other"),
    unless("a foreign object in the next place", f"{STORE}:LedgerStore._append_one", "before is not None and ledger.chain == before.chain", L + "a_foreign_object_in_our_place_is_reported"),
    unless("copies of two histories", "ledger/copies.py:compare", "whole.entries[: ledger.chain.size] != ledger.entries", L + "a_copy_of_another_history_is_a_fork"),
    unless("a batch that the copy has otherwise", "steps/vault/ledger_copy.py:KvCopy.write_once", "self.read(name) != content", "simulated/test_bootstrap_copies.py::test_h4_a_batch_of_the_copy_is_written_once_and_never_replaced"),
    without("the copy is written once", "steps/vault/ledger_copy.py:KvCopy.write_once", '"options": {"cas": 0}, ', "simulated/test_bootstrap_copies.py::test_h4_a_batch_of_the_copy_is_written_once_and_never_replaced"),
    Guard("an error is not an absent batch", "steps/vault/ledger_copy.py:KvCopy._read", "answer.status == 404", "not answer.ok", "simulated/test_bootstrap_copies.py::test_h4_an_error_of_vault_is_not_taken_for_an_absent_batch"),
)  # fmt: skip

ONE_RUN = (
    unless("a later run has begun", "engine/lock.py:RunLock.check", "self._patience.read(lambda: read_run(self._cluster)) != self._record", "simulated/test_lock.py::test_a_later_epoch_stops_the_earlier_run"),
    undone("the lock is asked before a change", "engine/loop.py:StepLoop._permit", "self._lock.check()", "simulated/test_runner.py::test_a_run_stops_before_its_next_change_when_a_later_one_has_begun"),
    unless("a step that wants an approval", "engine/loop.py:StepLoop._permit", 'step.gate == "approve" and step.id not in self._world.approvals', "simulated/test_runner.py::test_a_gated_step_waits_for_its_approval"),
    unless("two writers of one journal", "journal/store.py:Journal._holds", "other.run != self._run", "simulated/test_journal.py::test_two_writers_of_one_epoch_do_not_mix"),
    unless("a line that is there already", "journal/store.py:Journal._holds", "other.seq == entry.seq", "simulated/test_journal.py::test_a_lost_answer_neither_loses_nor_doubles_a_line"),
    Guard("another plan of an unfinished run", "engine/resume.py:check_plan", "if accept_change:", "if True:", "simulated/test_runner.py::test_an_unfinished_run_stops_under_another_plan_until_it_is_accepted"),
    unless("an approval ends with its run", "engine/resume.py:carry", "record.state == RUNNING", "simulated/test_runner.py::test_inv4_an_approval_is_kept_while_the_run_is_unfinished_and_no_longer"),
    Guard("an epoch is never used twice", "engine/lock.py:RunLock._next_epoch", "max(before.epoch if before else 0, journalled)", "(before.epoch if before else 0)", "simulated/test_lock.py::test_an_epoch_is_never_used_twice_even_without_the_record"),
    unless("the record is swapped from what was read", "engine/record.py:settle", "found != before or found == wanted", "simulated/test_lock.py::test_settle_says_when_somebody_was_faster"),
    without("a Lease of others is not let go", "engine/lease.py:Lease.release", " and self._is_mine(live)", "simulated/test_lock.py::test_a_foreign_holder_is_not_released"),
)  # fmt: skip
