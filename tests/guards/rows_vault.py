"""Guards of the key's proof, of the root token, of the fence, and of Vault's nodes."""

from tests.guards.table import Guard, undone, unless, without

ESCROW = "steps/vault/escrow.py"
KEY = "steps/kinds/vault_key.py:VaultKey.act"
ROOT = "steps/kinds/root_revoked.py:RootRevoked"
SESSION = "steps/context/session.py:Session"
E = "simulated/test_escrow.py::test_"
R = "simulated/test_root_token.py::test_"
S = "simulated/test_session.py::test_b5_"
N = "simulated/test_vault_nodes.py::test_"

PROOF = (
    unless("only keys are proven", KEY, "window is None or window.phase is not WindowPhase.KEYS", E + "b4_only_an_attempt_that_has_its_keys_is_proven"),
    unless("a share that is gone", KEY, "share is None", E + "b4_without_the_share_there_is_nothing_to_prove"),
    undone("the escrow is outside first", KEY, "self.world.records.write(uid, ESCROW, escrow.to_bytes())", E + "b4_the_escrow_is_outside_before_the_proof_and_the_proof_before_verified"),
    Guard("the proof is made", KEY, "self.world.proof.prove(uid)", '{"vaultClusterId": ""}', E + "b4_a_proof_that_fails_leaves_the_key_unproven"),
    without("the escrow of another cluster", f"{ESCROW}:prove_escrow", " or escrow.cluster != cluster_uid", E + "inv4_an_escrow_of_another_cluster_proves_nothing"),
    unless("a Vault that stays sealed", f"{ESCROW}:prove_escrow", "after.sealed", E + "b4_a_vault_that_stays_sealed_is_not_opened"),
    unless("a share that opens nothing", f"{ESCROW}:_prove_by_rekey", 'not (answer.ok and answer.data.get("complete"))', E + "b4_a_rekey_that_takes_the_share_and_does_not_complete_is_no_proof"),
    unless("a rekey of others under way", f"{ESCROW}:_prove_by_rekey", "not begun.ok", E + "b4_another_s_rekey_is_left_alone_and_a_killed_proof_s_is_ended"),
    without("a rekey of others is not ended", f"{ESCROW}:_end_forgotten", " and keys == [fingerprint]", E + "b4_another_s_rekey_is_left_alone_and_a_killed_proof_s_is_ended"),
    undone("the attempt is cancelled", f"{ESCROW}:_prove_by_rekey", 'vault.call("DELETE", "sys/rekey/init", {"nonce": nonce}, pod=pod, token=None)', E + "b4_a_share_that_does_not_open_this_vault_is_no_proof"),
)  # fmt: skip

ROOT_TOKEN = (
    undone("another way in is proven first", f"{ROOT}.act", "self._prove_login()", R + "b5_while_the_run_s_own_identity_cannot_do_its_work_root_stays"),
    undone("the login is a fresh one", f"{ROOT}._prove_login", "session.close()", R + "b5_the_login_is_a_fresh_one"),
    unless("an identity that can do too little", f"{ROOT}._prove_login", "lacking", R + "b5_while_the_run_s_own_identity_cannot_do_its_work_root_stays"),
    undone("the root token is revoked", f"{ROOT}.act", 'self.root.call("POST", "auth/token/revoke-self", {})', R + "b5_revoked_and_its_ciphertext_gone"),
    Guard("a root token that survives", f"{ROOT}.act", "if self.root.usable():\n            raise EvidenceError(", "if False:\n            raise EvidenceError(", R + "b5_a_root_token_that_survives_its_revocation_is_named_and_its_ciphertext_kept"),
    undone("its ciphertext goes", f"{ROOT}.act", "self.root.slot.remove(Slots.ROOT)", R + "b5_revoked_and_its_ciphertext_gone"),
    without("before the proof it is not called revoked", f"{ROOT}.decide", " or not seen.verified", R + "b5_before_the_key_is_proven_it_is_not_called_revoked"),
    unless("an outage is no revocation", "steps/vault/root_session.py:RootSession.usable", 'error.code != "E_VAULT_DENIED"', R + "b5_whether_root_works_is_asked_of_vault_and_an_error_is_no_answer"),
    unless("other root tokens", "steps/kinds/token_census.py:TokenCensus.decide", "seen.roots", R + "b5_any_other_token_with_the_policy_root_is_revoked_too"),
    unless("an outage is no missing identity", "steps/kinds/run_identity.py:RunIdentity.observe", "error.retry", R + "s2_an_outage_is_not_taken_for_a_missing_identity"),
    without("another policy under the run's name", "steps/kinds/run_identity.py:RunIdentity.observe", ' or answer.data.get("policy") != RUN', R + "s2_another_policy_under_the_run_s_name_is_put_right_while_root_is_there"),
)  # fmt: skip

FENCE = (
    unless("the fence is up before a write", f"{SESSION}.call", 'method not in ("GET", "LIST") and not self._fenced', S + "the_first_write_revokes_the_tokens_of_earlier_runs_and_no_others"),
    undone("a run that was overtaken revokes no token", f"{SESSION}.fence", "self.guard()", S + "a_run_that_was_overtaken_revokes_no_token"),
    undone("a run that was overtaken does not log in again", f"{SESSION}.token", "self.guard()", S + "an_old_token_is_replaced_and_revoked_unless_the_run_was_overtaken"),
    undone("an old token is revoked", f"{SESSION}.token", "self._revoke(previous)", S + "an_old_token_is_replaced_and_revoked_unless_the_run_was_overtaken"),
    without("its own token is left", f"{SESSION}.others", " and a != self._accessor", S + "the_first_write_revokes_the_tokens_of_earlier_runs_and_no_others"),
    without("tokens of others are left", f"{SESSION}.others", "of_a_run.intersection(policies) and ", S + "the_first_write_revokes_the_tokens_of_earlier_runs_and_no_others"),
    unless("a login that is refused", f"{SESSION}.login", "not answer.ok", S + "a_login_that_is_refused_is_an_error_of_its_own"),
    unless("no node is active", f"{SESSION}.active", "not found", "simulated/test_session.py::test_g7_while_no_node_is_active_none_is_asked"),
)  # fmt: skip

NODES = (
    unless("another's Vault", "steps/vault/foreign.py:foreign_store", "not is_ours(obj) and _runs_vault(obj)", N + "inv4_another_s_vault_is_named_and_not_touched"),
    unless("a volume without a record of its key", "steps/vault/foreign.py:foreign_store", "claim is not None and window is None and not read_escrow(world)", N + "inv4_a_volume_without_any_record_of_its_key_is_not_taken_for_ours"),
    unless("a node of another raft cluster", "steps/kinds/vault_members.py:VaultMembers.decide", "strangers", N + "inv4_a_node_of_another_raft_cluster_stops_the_run"),
    unless("no node has a store", "steps/kinds/vault_members.py:VaultMembers.decide", "answering and not any(s.initialized for s in answering)", "simulated/test_concurrent_runs.py::test_b4_all_volumes_replaced_is_a_lost_store_and_never_made_anew"),
    without("only a declared voter counts", "steps/kinds/vault_members.py:VaultMembers._voters", ' and s["node_id"] in self.world.session.pods', N + "g7_only_a_declared_voter_counts"),
    Guard("certificates are added by compare-and-swap", "steps/kinds/vault_serve.py:VaultServe._certificates", 'made["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]', 'made["metadata"]["resourceVersion"] = ""', N + "g7_certificates_are_added_by_compare_and_swap"),
    Guard("the unsealer only where it is declared", "steps/kinds/vault_serve.py:VaultServe.act", "if self._unsealer:", "if True:", "simulated/test_custody_offline.py::test_b4_no_unseal_key_is_in_the_cluster"),
    unless("no unseal key without its share", "steps/kinds/vault_serve.py:VaultServe._give_share", "share is None", N + "b4_without_the_share_no_unseal_key_is_made"),
    Guard("the pod that was seen is restarted", "steps/kinds/vault_serve.py:VaultServe.act", 'uid=seen.stale["metadata"]["uid"]', 'uid=(cluster.get(pod) or seen.stale)["metadata"]["uid"]', N + "g4_a_pod_that_came_up_meanwhile_is_not_restarted_once_more"),
    unless("no share without an escrow", "steps/vault/unseal.py:opened_share", "escrow is None", N + "b4_without_any_escrow_there_is_no_share"),
)  # fmt: skip
