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
C = "simulated/test_certificates.py::test_"
A = "simulated/test_ca_rotation.py::test_"
P = "simulated/test_audit_parts.py::test_"
INTERMEDIATE = "steps/vault/intermediate.py"
LOGIN = "steps/vault/pod_login.py"
G = "simulated/test_unseal_rekey.py::test_"
REKEY = "steps/vault/rekey.py:"

PROOF = (
    unless("only keys are proven", KEY, "window is None or window.phase is not WindowPhase.KEYS", E + "b4_only_an_attempt_that_has_its_keys_is_proven"),
    unless("a share that is gone", KEY, "share is None", E + "b4_without_the_share_there_is_nothing_to_prove"),
    undone("the escrow is outside first", KEY, "self.world.records.write(uid, ESCROW, escrow.to_bytes())", E + "b4_the_escrow_is_outside_before_the_proof_and_the_proof_before_verified"),
    Guard("the proof is made", KEY, "self.world.proof.prove(uid)", '{"vaultClusterId": ""}', E + "b4_a_proof_that_fails_leaves_the_key_unproven"),
    without("no escrow of a key that is not proven", f"{ESCROW}:_from_slot", " or window.phase is not WindowPhase.VERIFIED", E + "b4_of_slots_alone_an_escrow_is_made_once_the_key_is_proven_and_with_the_root"),
    without("the escrow of another cluster", f"{ESCROW}:_escrow_of", " or escrow.cluster != cluster_uid", E + "inv4_an_escrow_of_another_cluster_proves_nothing"),
    unless("a Vault that stays sealed", f"{ESCROW}:_unseal", "after.sealed", E + "b4_a_vault_that_is_not_opened_is_no_proof_and_says_why"),
    unless("a share that opens nothing", f"{ESCROW}:_prove_by_rekey", 'not (answer.ok and answer.data.get("complete"))', E + "b4_a_rekey_that_takes_the_share_and_does_not_complete_is_no_proof"),
    unless("a rekey of others under way", f"{ESCROW}:_prove_by_rekey", "not begun.ok", E + "b4_another_s_rekey_is_left_alone_and_a_killed_proof_s_is_ended"),
    without("a rekey of others is not ended", f"{ESCROW}:_own", " if keys == [fingerprint.upper()] else \"\"", E + "b4_another_s_rekey_is_left_alone_and_a_killed_proof_s_is_ended"),
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
    unless("the fence is up before a write", f"{SESSION}._using", "fenced and not self._fenced", S + "the_first_write_revokes_the_tokens_of_earlier_runs_and_no_others"),
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
    unless("a volume without a record of its key", "steps/vault/foreign.py:foreign_store", "claim is not None and not known and not read_escrow(world)", N + "inv4_a_volume_without_any_record_of_its_key_is_not_taken_for_ours"),
    unless("a node of another raft cluster", "steps/kinds/vault_members.py:VaultMembers.decide", "strangers", N + "inv4_a_node_of_another_raft_cluster_stops_the_run"),
    unless("no node has a store", "steps/kinds/vault_members.py:VaultMembers.decide", "answering and not any(s.initialized for s in answering)", "simulated/test_concurrent_runs.py::test_b4_all_volumes_replaced_is_a_lost_store_and_never_made_anew"),
    without("only a declared voter counts", "steps/kinds/vault_members.py:VaultMembers._voters", " if pod in self.world.session.pods", N + "g7_only_a_declared_voter_counts"),
    unless("a replica of an earlier template", "steps/kinds/vault_members.py:VaultMembers.decide", "seen.outdated", N + "g7_pods_of_an_earlier_template_are_restarted_one_at_a_time_the_active_one_last"),
    without("the active node is restarted last", "steps/kinds/vault_members.py:VaultMembers._in_turn", " if p != active", N + "g7_pods_of_an_earlier_template_are_restarted_one_at_a_time_the_active_one_last"),
    unless("what does not serve is restarted first", "steps/kinds/vault_members.py:VaultMembers.decide", "stuck", N + "g7_a_pod_of_an_earlier_template_that_does_not_serve_comes_first"),
    Guard("certificates are added by compare-and-swap", "steps/kinds/vault_serve.py:VaultServe._certificates", 'made["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]', 'made["metadata"]["resourceVersion"] = ""', N + "g7_certificates_are_added_by_compare_and_swap"),
    Guard("the unsealer only where it is declared", "steps/kinds/vault_serve.py:VaultServe.act", "if self._unsealer:", "if True:", "simulated/test_custody_offline.py::test_b4_no_unseal_key_is_in_the_cluster"),
    unless("no unseal key without its share", "steps/kinds/vault_serve.py:VaultServe._give_share", "share is None", N + "b4_without_the_share_no_unseal_key_is_made"),
    Guard("the pod that was seen is restarted", "steps/kinds/vault_serve.py:VaultServe.act", 'uid=seen.stale["metadata"]["uid"]', 'uid=(cluster.get(pod) or seen.stale)["metadata"]["uid"]', N + "g4_a_pod_that_came_up_meanwhile_is_not_restarted_once_more"),
    unless("no share without an escrow", "steps/vault/unseal.py:opened_shares", "escrow is None", N + "b4_without_any_escrow_there_is_no_share"),
    undone("the new share is kept before it counts", REKEY + "_attempt", "_keep(world, window, new.ciphertext)", G + "b4_the_share_of_the_next_generation_opens_vault_and_the_old_one_is_gone"),
    undone("the escrow's share is proven before it counts", REKEY + "_attempt", "_prove(world, new)", G + "b4_an_escrow_that_does_not_hold_the_new_share_stops_before_it_counts"),
    undone("the unsealers have the new share before it counts", REKEY + "_attempt", 'world.wait(f"the unsealers read {ref}", lambda: all(_readers(world, ref.name)), seconds=READ, pause=2)', G + "b4_unsealers_that_do_not_read_the_new_secret_stop_it_before_it_counts"),
    Guard("which share opens Vault is proven", REKEY + "settle", "if opens == window.generation + 1:", "if True:", G + "b4_an_escrow_that_does_not_hold_the_new_share_stops_before_it_counts"),
    Guard("an escrow of an earlier generation", "steps/vault/escrow.py:_is_current", "return Escrow.from_bytes(outside, world.records.folder).generation >= window.generation", "return True", G + "b4_the_old_share_opens_vault_no_more"),
    unless("a snapshot with another generation's escrow", "operations/snapshot/save.py:_share", "window is not None and (window.target or window.generation != escrow.generation)", G + "a_snapshot_is_not_saved_with_the_escrow_of_another_generation"),
    unless("a rotation that Vault did not make", "operations/unseal_rekey/barrier.py:_rotated", "after <= before", G + "s5_one_that_vault_did_not_make_is_no_rotation"),
    unless("an unfinished platform is not rekeyed", "operations/unseal_rekey/runner.py:UnsealRekey._refuse", "record is None or record.state not in (FINISHED, REKEYING)", G + "an_unfinished_platform_is_not_rekeyed"),
)  # fmt: skip

CERTIFICATES = (
    unless("an outage is no missing CA", f"{INTERMEDIATE}:Intermediate.holds", 'error.code != "E_VAULT_DENIED"', C + "an_outage_is_not_taken_for_a_ca_that_is_not_there"),
    without("a CA in Vault that ours did not sign", f"{INTERMEDIATE}:Intermediate.holds", "ours and ", C + "s1_a_ca_in_vault_that_our_ca_did_not_sign_is_replaced"),
    Guard("a CA in Vault of which little is left", f"{INTERMEDIATE}:Intermediate.holds", " and not is_due(self.world.certificates.read(pem), self.world.cluster.server_time())", "", C + "a_ca_in_vault_of_which_a_third_is_left_is_followed_by_another"),
    without("leaves end with their CA", f"{INTERMEDIATE}:Intermediate.holds", ' or found.get("leaf_not_after_behavior") != ENDS', C + "a_ca_in_vault_that_refuses_leaves_instead_of_ending_with_them_is_put_right"),
    unless("where no CA is chosen none is asked for", f"{INTERMEDIATE}:_issuer", 'not chosen.ok or not chosen.data.get("default")', C + "a_platform_of_an_earlier_version_gets_it_all_by_one_up"),
    without("a first certificate of which little is left", "steps/kinds/vault_serve.py:VaultServe._lacking", " if is_due(ours.get(p), now)", C + "it_is_made_once"),
    without("what a pod started with is not renewed", "steps/kinds/vault_certificates.py:Observation._renews", "leaf.names_as_issuer(self.authority) and ", C + "up_waits_for_the_renewers_and_names_them"),
    without("what its renewer left until late", "steps/kinds/vault_certificates.py:Observation._renews", " and leaf.left(self.now) >= LATE", C + "a_certificate_that_its_renewer_left_until_late_is_waited_for"),
    unless("a server whose certificate has expired is away", "adapters/vault/client.py:_lost", "isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == EXPIRED", "wire/test_vault_mapping.py::test_a_server_whose_certificate_has_expired_is_away_and_is_asked_nothing"),
    without("the signature of a signing request", "adapters/root/derived_keys.py:_requested", "asked.is_signature_valid and ", "unit/test_keys.py::test_what_is_no_signing_request_or_not_signed_by_its_own_key_is_refused"),
    Guard("all trust both CAs before the new one signs", "steps/kinds/vault_serve.py:VaultServe.act", "behind(self.world):  # before", "():  # before", A + "g7_two_commits_and_two_runs_move_everything_and_no_client_is_refused"),
    without("what pods start with is of the CA that signs", "steps/kinds/vault_serve.py:VaultServe._lacking", " if signed(first, signs)", A + "g7_two_commits_and_two_runs_move_everything_and_no_client_is_refused"),
    without("what the pods trust is what the commit says", "steps/kinds/vault_serve.py:VaultServe._certificates", ' and found["data"].get("ca.crt") == self._trusted', A + "before_anything_has_moved_it_can_be_taken_back"),
    undone("renewers learn of another CA in Vault", "steps/kinds/vault_certificates.py:VaultCertificates.act", "announce(self.world, seen.authority.key)", A + "g7_two_commits_and_two_runs_move_everything_and_no_client_is_refused"),
    unless("a CA on which Vault stands does not go", "steps/kinds/preflight.py:Preflight.decide", "seen.dropped is not None", A + "g7_a_ca_on_which_something_stands_does_not_go"),
    unless("what is served stands on a CA", "steps/vault/dropped_ca.py:_served", 'error.code == "E_VAULT_TLS"', A + "g7_while_a_renewer_has_not_moved_its_pod_the_old_ca_does_not_go"),
    unless("what pods start with stands on a CA", "steps/vault/dropped_ca.py:_started", "first is not None and not is_trusted(world, first)", A + "g7_a_ca_on_which_something_stands_does_not_go"),
    without("the CA in Vault stands on a CA", "steps/vault/dropped_ca.py:in_use", " or [*_made(world)]", A + "g7_the_ca_in_vault_keeps_its_signer_trusted_before_a_leaf_has_moved"),
    unless("what clients would refuse is named", "operations/verify/proofs/certificates.py:certificates", "refused := [*_refused(world)]", A + "verify_names_a_leaf_of_a_ca_that_is_not_trusted_any_more"),
    unless("one rotation at a time", "operations/another_ca.py:another", "len(before) != 1", A + "a_second_one_is_not_made_while_two_are_trusted"),
    unless("the only CA does not go", "operations/another_ca.py:first_alone", "len(before) < 2", A + "a_second_one_is_not_made_while_two_are_trusted"),
    without("a pod logs in as itself alone", f"{LOGIN}:pod_role", '        "bound_claims": {_POD: pod},\n', C + "s2_each_pod_logs_in_as_itself_alone"),
    Guard("another key of the API server is given to Vault", f"{LOGIN}:IssuerKeys.holds", "live_issuer(call) == self.world.cluster.token_issuer()", "True", C + "s2_another_key_of_the_api_server_is_named_and_given_to_vault_by_up"),
    unless("an outage is not taken for an older policy", f"{LOGIN}:live_issuer", 'error.code != "E_VAULT_DENIED"', C + "an_outage_is_not_taken_for_a_ca_that_is_not_there"),
    unless("a key that the API server does not show", "operations/verify/pod_logins.py:_unknown_keys", "more := set(live.keys) - set(shown.keys)", C + "s2_another_key_of_the_api_server_is_named_and_given_to_vault_by_up"),
    unless("a key that Vault does not have", "operations/verify/proofs/certificates.py:certificates", "lacking := missing_keys(world)", C + "s2_another_key_of_the_api_server_is_named_and_given_to_vault_by_up"),
    without("a part that went by itself is not missed", "steps/vault/audit_parts.py:missing", " and oldest.get(_pod(p), p) < p", P + "b6_the_oldest_parts_go_by_themselves"),
    without("a part of the audit log is on record once", "steps/vault/audit_parts.py:not_recorded", " if part not in known", P + "b6_what_was_cut_is_on_record_by_the_next_run_in_one_record_and_once"),
    Guard("what is cut meanwhile is the next run's", "steps/kinds/recorded.py:Recorded.observe", "batches and self._cut is None", "batches", P + "b6_a_part_that_is_cut_while_others_are_recorded_is_the_next_runs"),
    unless("without the root no part is waited for", "steps/vault/audit_parts.py:not_recorded", "world.files is None", P + "without_the_root_nothing_is_asked_for_it"),
    Guard("a part that was changed since", "operations/verify/proofs/vault.py:_kept", "if other or gone:", "if gone:", P + "b6_a_part_that_was_changed_since_is_found_and_stays_found"),
    Guard("a part that is gone before an older one", "operations/verify/proofs/vault.py:_kept", "if other or gone:", "if other:", P + "b6_a_part_that_is_gone_before_an_older_one_is_missed"),
    unless("an audit device that writes elsewhere", "steps/vault/leaves.py:AuditDevice.write", "self._live(call) is not None", "simulated/test_configuring.py::test_b6_up_turns_auditing_on_again"),
)  # fmt: skip
