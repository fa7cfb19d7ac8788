"""Guards of handover and of the init window: nothing overwritten, nothing sent twice, nothing taken for granted."""

from tests.guards.table import Guard, unless, without

TRANSFER = "steps/secrets/transfer.py"
HANDING = "steps/secrets/handing_over.py:HandingOver"
HANDOVER = "steps/kinds/handover.py:HandoverSecrets"
RULES = "model/handover.py"
INIT = "steps/kinds/vault_init.py:VaultInit"
WINDOW = "steps/vault/init_window.py"
SWAPPED = "steps/vault/swapped.py"
MOVES = "model/init_window.py:next_move"
T = "simulated/test_handover.py::test_"
W = "simulated/test_init_window.py::test_b4_"
U = "unit/test_init_window.py::test_b4_"

HANDED_OVER = (
    unless("a value that reads back otherwise", f"{TRANSFER}:copy_into_vault", "next_step(seen) is not Next.COMMIT or back.values != copy.values", T + "h2_a_value_that_reads_back_otherwise_is_not_committed"),
    without("the values themselves are compared", f"{TRANSFER}:copy_into_vault", " or back.values != copy.values", T + "h2_the_values_themselves_are_compared_not_their_digests_alone"),
    without("no write without its version", f"{TRANSFER}:copy_into_vault", '"cas_required": True, ', T + "h2_after_the_handover_vault_takes_no_write_that_does_not_name_its_version"),
    Guard("only to an empty path", f"{TRANSFER}:copy_into_vault", '{"options": {"cas": 0}, "data": copy.values}', '{"data": copy.values}', T + "h2_of_a_lost_answer_the_commit_names_no_request_and_of_a_heard_one_it_does"),
    Guard("a refused write of the metadata", f"{TRANSFER}:copy_into_vault", 'granted(session.call("POST", path, body, txn=copy.txn), path)', 'session.call("POST", path, body, txn=copy.txn)', T + "h2_a_write_that_vault_refuses_ends_the_handover_there"),
    Guard("an adopted version is committed", "steps/secrets/handing_over.py:HandingOver._planned", "s.name in self._present or s.name in self._announced", "False", T + "h1_a_version_1_that_was_written_by_a_run_that_died_is_ours_and_is_not_written_again"),
    unless("a write that left nothing behind", f"{TRANSFER}:copy_into_vault", "back is None", T + "h2_a_write_that_left_nothing_behind_is_an_unknown_outcome_and_not_committed"),
    unless("a version 1 that was deleted", f"{TRANSFER}:read_version_one", 'meta.get("version")', T + "h2_a_version_1_that_was_deleted_meanwhile_is_not_taken_for_an_empty_path"),
    Guard("a path without a version has no value", "steps/secrets/written.py:is_written", "current_version(world, secret.in_vault) > 0", "world.session.read(kv_metadata(secret.in_vault)).ok", T + "inv1_a_value_that_is_gone_after_its_handover_is_never_written_from_git_again"),
    Guard("a listed path may have no version", "steps/secrets/written.py:written", "if s.name not in handed_over or _folder(s) not in listed", "if False", T + "h1_a_name_that_is_listed_is_no_version"),
    unless("what is kept is not made anew", f"{TRANSFER}:renewed", "secret.handover.renew is not Renew.GENERATE", T + "h5_what_is_to_be_made_anew_is_and_everything_else_is_git_s_value"),
    unless("a value that is lost", f"{HANDOVER}.decide", "seen.lost", T + "inv1_a_value_that_is_gone_after_its_handover_is_never_written_from_git_again"),
    unless("a version that is foreign", f"{HANDOVER}.decide", "seen.foreign", T + "h1_a_version_that_no_intent_explains_stops_the_run_before_it_writes"),
    unless("a path that moved", f"{HANDOVER}.decide", "seen.moved", "simulated/test_refused_changes.py::test_h1_a_path_that_was_handed_over_to_stays"),
    unless("a version 1 that was announced otherwise", f"{HANDING}._ours", "self._step(version, written=True) is not Next.COMMIT", T + "h1_a_version_1_that_is_another_than_was_announced_is_not_ours"),
    without("nothing is announced twice", f"{HANDING}._planned", " if self._step(c, written=False) is Next.INTEND", T + "h1_the_same_value_is_announced_once_and_another_anew"),
    unless("rule: written, and never announced", f"{RULES}:next_step", "not state.announced", T + "h1_a_version_that_no_intent_explains_stops_the_run_before_it_writes"),
    Guard("rule: announced, and another", f"{RULES}:next_step", "Next.COMMIT if state.version in state.announced else Next.CONFLICT", "Next.COMMIT", T + "h1_a_version_1_that_is_another_than_was_announced_is_not_ours"),
    unless("rule: committed, and gone", f"{RULES}:_after_commit", "not state.written", T + "inv1_a_value_that_is_gone_after_its_handover_is_never_written_from_git_again"),
)  # fmt: skip

INIT_WINDOW = (
    unless("a window that went away", f"{INIT}.act", "window is None", W + "a_window_that_goes_away_meanwhile_is_an_error_and_nothing_is_sent"),
    unless("no volume, no request", f"{INIT}._send", "not volume", W + "a_volume_that_goes_before_the_request_is_not_asked_for_keys"),
    unless("a store without window and escrow", f"{INIT}._rebuild", "escrow is None", "simulated/test_init_window.py::test_inv4_a_store_whose_window_and_escrow_are_both_gone_is_nobodys"),
    Guard("sys/init is sent by the winner of the swap", f"{INIT}._send", "if not self.windows.swap(window, sent):", "self.windows.swap(window, sent)\n        if False:", W + "a_run_that_lost_the_swap_to_sent_does_not_send"),
    Guard("the window is the one that was read", f"{SWAPPED}:swapped", """if found is None or not is_before(found["data"]):""", "if found is None:", W + "a_window_is_swapped_from_what_was_read_and_nothing_else"),
    Guard("a swap that was refused is none", f"{SWAPPED}:swapped", "return not isinstance(answer, Refused)", "return True", W + "a_run_that_lost_the_swap_to_sent_does_not_send"),
    Guard("a swap names the version that was read", f"{SWAPPED}:swapped", 'found["metadata"]["resourceVersion"]', '""', W + "a_window_is_swapped_from_what_was_read_and_nothing_else"),
    unless("a slot that holds another answer", f"{WINDOW}:Slots.write", "self.read(part) != ciphertext", W + "a_slot_that_holds_another_answer_is_an_error_and_is_kept"),
    unless("keys that can be read", MOVES, "state.slots", W + "keys_that_can_be_read_save_an_attempt_whose_run_died"),
    unless("another volume than the attempt's", MOVES, 'state.volume not in ("", window.volume)', U + "each_state_has_one_move"),
    Guard("a store that is initialised already", MOVES, "Move.FOREIGN if state.initialized else Move.SEND", "Move.SEND", W + "a_store_that_is_initialised_already_is_not_asked_and_not_touched"),
    unless("a pod that does not answer yet", MOVES, "state.initialized is None or not state.volume", U + "each_state_has_one_move"),
    Guard("three attempts", MOVES, "Move.EXHAUSTED if window.attempt >= ATTEMPTS else Move.FINISH_VOID", "Move.FINISH_VOID", U + "three_attempts_then_a_human"),
    Guard("a fourth attempt is approved first", f"{INIT}.decide", "Move.EXHAUSTED if not seen.approved", "Move.EXHAUSTED if False", W + "a_fourth_attempt_is_a_human_s_and_with_approval_it_is_made"),
    Guard("a fourth attempt, come upon", f"{INIT}._make", "Move.EXHAUSTED if self._approved", "Move.EXHAUSTED", W + "a_fourth_attempt_is_not_begun_by_a_run_that_comes_upon_it_either"),
    Guard("no voiding where it was forbidden", f"{INIT}.decide", "Move.VOID if not seen.auto_void", "Move.VOID if False", W + "no_store_is_voided_without_asking_where_that_was_forbidden"),
    Guard("no voiding where it was forbidden, come upon", f"{INIT}._make", "Move.VOID if not self.world.auto_void", "Move.VOID if False", W + "no_store_is_voided_without_asking_where_that_was_forbidden"),
    Guard("only the voided volume goes", "steps/vault/empty_store.py:remove_store", "    if volume:  # another one that took its place has another UID\n        expect(cluster.delete(claim, uid=volume), claim)", "    expect(cluster.delete(claim, uid=volume_of(world)), claim)", W + "a_volume_that_is_not_the_voided_one_is_never_removed"),
    Guard("a process that slept voids nothing", "steps/vault/empty_store.py:remove_voided", "lambda: is_now(world, window)", "lambda: True", W + "a_process_that_slept_voids_nothing_of_a_later_attempt"),
    Guard("a process that slept installs nothing", "steps/vault/first_replica.py:install_first_replica", "lambda: is_now(world, window)", "lambda: True", "simulated/test_vault_nodes.py::test_b4_once_the_window_moved_on_nothing_of_an_earlier_attempt_is_installed"),
)  # fmt: skip
