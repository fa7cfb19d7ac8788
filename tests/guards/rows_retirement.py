"""Guards of the bootstrap copies and their retirement, of preconditions, and of what one line of Git cannot change."""

from tests.guards.table import Guard, undone, unless, without

RETIRED = "steps/kinds/retired.py"
COPIES = "steps/kinds/scaffold.py:BootstrapCopies"
PREFLIGHT = "steps/kinds/preflight.py:Preflight"
CHANGES = "steps/secrets/immutable_fields.py"
T = "simulated/test_retirement.py::test_"
M = "simulated/test_retire_modes.py::test_"
B = "simulated/test_bootstrap_copies.py::test_"
P = "simulated/test_preconditions.py::test_"
C = "simulated/test_refused_changes.py::test_"

RETIREMENT = (
    unless("a copy that was changed", f"{RETIRED}:Retired._take_away", "step is Next.DRIFT", T + "h3_one_that_was_changed_between_look_and_delete_is_kept_and_named"),
    unless("its bytes are compared", f"{RETIRED}:Retired._compared", 'seen is CopyState.STANDS and live["data"] != source_values(self.world, secret)', T + "h3_one_that_was_changed_between_look_and_delete_is_kept_and_named"),
    without("the version that was compared goes", f"{RETIRED}:Retired._take_away", ", resource_version=version", T + "h3_one_that_was_changed_between_look_and_delete_is_kept_and_named"),
    undone("its return is refused", f"{RETIRED}:Retired.act", "expect(self.world.cluster.apply(obj), ref_of(obj))", T + "inv2_its_return_is_refused_before_it_goes"),
    undone("that its return is refused is seen", f"{RETIRED}:Retired.act", 'self.world.wait("admission refuses retired scaffolds", self._refused, seconds=60)', T + "inv2_nothing_is_recorded_retired_while_admission_takes_it_back"),
    Guard("a policy that was changed", f"{RETIRED}:Retired.observe", "all(not cluster.differs(o) for o in self._policy())", "True", T + "inv2_a_policy_that_was_changed_is_put_back"),
    without("only what was handed over goes", f"{RETIRED}:Retired.act", "s.name in committed and ", T + "h2_what_was_not_handed_over_is_not_taken_away"),
    Guard("a workload has to be ready", "steps/secrets/consumers.py:_unready", "live is None or READY[kind](live)", "True", T + "h3_a_workload_that_is_not_ready_is_waited_for"),
    without("consumers are waited for", f"{RETIRED}:Retired.act", "seen.step(s) is not Next.WAIT and ", T + "h3_a_secret_without_a_copy_waits_for_its_consumers_too"),
    unless("rule: what waits is not taken away", "model/handover.py:_after_commit", "state.waiting", T + "h3_consumers_have_their_time_and_then_their_secret_waits"),
    unless("rule: what was changed is not taken away", "model/handover.py:_after_commit", "state.scaffold is CopyState.CHANGED", T + "h3_one_that_was_changed_between_look_and_delete_is_kept_and_named"),
    without("finalizers are named", f"{RETIRED}:_held", ", *held", T + "h3_a_deleted_copy_that_a_finalizer_holds_is_not_gone"),
    without("pods that hold it are waited for", f"{RETIRED}:_held", "*holders(world, secret), ", T + "h3_a_pod_that_names_it_in_any_way_holds_it"),
    without("pods that have ended hold nothing", "steps/secrets/consumers.py:holders", 'pod.get("status", {}).get("phase") in ("Pending", "Running")\n        and ', T + "h3_a_pod_that_has_ended_holds_nothing"),
    without("no value stays in an annotation", f"{RETIRED}:emptied", " if not isinstance(v, Sensitive)", M + "no_value_stays_in_an_annotation"),
    Guard("what is declared later is done", f"{RETIRED}:_done", "_MORE.index(record.fact.retire) >= _MORE.index(secret.handover.retire)", "True", M + "what_is_declared_later_is_done_and_recorded"),
    Guard("inert is empty", "model/handover.py:over", "scaffold in (CopyState.ABSENT, CopyState.EMPTIED)", "True", M + "h3_an_inert_scaffold_is_emptied_and_keeps_its_marks"),
)  # fmt: skip

BOOTSTRAP_COPIES = (
    unless("a secret of that name that is not ours", f"{COPIES}.decide", "seen.taken", B + "b1_a_secret_of_that_name_that_is_not_ours_is_left_as_it_is"),
    unless("what is handed over is not made again", f"{COPIES}.observe", "secret.name in committed", B + "inv2_once_vault_is_the_authority_it_is_never_made_again"),
    unless("nothing is made while the ledger is lost", f"{COPIES}.observe", "not restoring and ledger_is_lost(self.world)", B + "inv2_while_it_is_not_known_what_was_handed_over_nothing_is_made"),
)  # fmt: skip

PRECONDITIONS = (
    unless("a missing permission", f"{PREFLIGHT}._rights", "seen.missing", P + "g5_a_missing_permission_is_named_and_nothing_that_it_would_deny_is_asked"),
    unless("Kubernetes is too old", f"{PREFLIGHT}._cluster", "_numbers(seen.version) < OLDEST", P + "g5_kubernetes_is_new_enough"),
    unless("no storage", f"{PREFLIGHT}._cluster", "not seen.storage and not seen.missing", P + "g5_storage_is_there"),
    unless("clocks that differ", f"{PREFLIGHT}._cluster", "seen.skew > SKEW", P + "g5_the_clocks_agree"),
    unless("a namespace that is being deleted", f"{PREFLIGHT}._names", "seen.leaving", P + "g5_a_namespace_that_is_being_deleted_is_waited_for_by_the_operator"),
    unless("a foreign Vault", f"{PREFLIGHT}._names", "seen.foreign", "simulated/test_vault_nodes.py::test_inv4_another_s_vault_is_named_and_not_touched"),
    unless("a claim that is not ours", "steps/kinds/claim.py:Claim.decide", "not seen.ours", P + "a_namespace_of_that_name_that_is_not_ours_is_left_as_it_is"),
    unless("a claim that is being deleted", "steps/kinds/claim.py:Claim.decide", "terminating(seen.namespace)", P + "a_claim_that_is_being_deleted_is_not_claimed"),
    unless("fewer replicas", f"{CHANGES}:_fewer_replicas", "running > spec.replicas", C + "g7_fewer_replicas_would_leave_voters_behind"),
    unless("another custody", f"{CHANGES}:_custody", "world.intent.platform.vault.custody is Custody.OFFLINE and world.cluster.get(unseal_ref(world))", C + "b4_custody_is_not_taken_back_by_a_line"),
    unless("another path", f"{CHANGES}:moved", "record is not None and _path(record) != secret.path", C + "h1_a_path_that_was_handed_over_to_stays"),
    unless("another name", f"{CHANGES}:_renamed", "before is not None and secret.name not in committed", C + "h1_a_new_name_hands_nothing_over_again"),
)  # fmt: skip

VOIDS = (
    Guard("abandon: a store whose key is proven", "steps/vault/empty_store.py:given_up", 'return "its key is proven: it may hold data, and from here on it is never removed"', "return window.voiding()", "simulated/test_abandon.py::test_a_store_whose_key_is_proven_stays_and_is_said_to"),
    Guard("abandon: a store that does not answer", "steps/vault/empty_store.py:given_up", "state.volume and not unbound and state.initialized is None", "False", "simulated/test_abandon.py::test_a_claimed_store_goes_only_where_it_is_seen_to_be_empty"),
    Guard("abandon: a store of another's making", "steps/vault/empty_store.py:given_up", "case WindowPhase.CLAIMED if state.initialized:", "case WindowPhase.CLAIMED if False:", "simulated/test_abandon.py::test_a_claimed_store_goes_only_where_it_is_seen_to_be_empty"),
    unless("abandon: a secret that is not ours", "operations/abandon/parts.py:UncommittedCopies.observe", "not is_ours(live)", "simulated/test_abandon.py::test_somebody_elses_secret_of_that_name_stays"),
    without("abandon: a Vault that is not ours", "operations/abandon/unproven_vault.py:UnprovenVault._found", " and is_ours(obj)", "simulated/test_abandon.py::test_what_has_the_name_of_ours_and_is_not_ours_stays"),
    unless("abandon: missing permissions", "operations/abandon/unproven_vault.py:UnprovenVault.decide", "seen.missing", "simulated/test_abandon.py::test_missing_permissions_stop_it_before_anything_is_changed"),
    unless("abandon: a finished run", "operations/abandon/runner.py:Abandon.listing", "record is None or record.state in (FINISHED, SETTING, REKEYING)", "simulated/test_abandon.py::test_a_finished_cluster_and_an_empty_one_have_nothing_to_abandon"),
)  # fmt: skip
