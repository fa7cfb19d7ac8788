"""Which tests are meant to hold which module: those that a mutant of it has to turn red."""

from collections.abc import Iterator

from tests.guards.table import ROOT

MUTATED = ("model", "steps", "ledger")
LEDGER = ("unit/ledger", "unit/test_value_change.py")
STORE = ("simulated/test_ledger_store.py",)
BUNDLES = ("golden/test_bundles.py",)
AUTHORITY = (
    "unit/ledger/test_approvals.py",
    "simulated/authority/test_authority.py",
    "simulated/authority/test_heads.py",
)
ROAD = ("simulated/test_road.py",)
RESTORE = ("simulated/restore/test_restore.py",)
LAST_COPIES = ("simulated/restore/test_last_copies.py",)
RESTORE_SEEN = ("simulated/restore/test_restore_seen.py",)
RECOVERY = ("simulated/recovery/test_quorum.py",)
SNAPSHOTS = ("simulated/test_snapshot_job.py", "simulated/test_snapshot.py")
ROTATION = ("simulated/test_ca_rotation.py",)
OBJECTS = ("simulated/test_objects_of_ours.py",)
CHANGES = ("unit/test_changes_refused.py",)
CONSUMERS = ("simulated/test_consumers.py",)
VALUES = ("unit/test_values_of_secrets.py",)
VERSIONS = ("unit/test_vault_versions.py",)
# The longest path that a module begins with counts; what one up does from its beginning to its end holds all steps.
HOLDERS: dict[str, tuple[str, ...]] = {
    "model/": ("unit/test_plan.py", "unit/test_catalog_fields.py", "unit/test_secret_types.py"),
    "model/catalog.py": ("unit/test_catalog.py", "unit/test_plan.py"),
    "model/certificates.py": ("unit/test_certificates.py",),
    "model/errors.py": ("unit/test_errors.py",),
    "model/handover.py": ("unit/test_handover.py",),
    "model/heads.py": ("unit/test_heads.py",),
    "model/init_window.py": ("unit/test_init_window.py",),
    "model/metrics.py": ("unit/test_metrics.py",),
    "model/outside.py": ("unit/test_outside.py",),
    "model/quorum.py": ("unit/test_quorum.py",),
    "model/recovery.py": ("unit/test_quorum.py",),
    "model/reserved.py": ("unit/test_reserved.py",),
    "model/restoration.py": ("unit/test_restoration.py",),
    "model/schedule.py": ("unit/test_schedule.py",),
    "model/sensitive.py": ("unit/test_sensitive.py",),
    "model/snapshot_settings.py": ("unit/test_snapshot_settings.py",),
    "model/suggest.py": ("unit/test_suggest.py",),
    "model/value_change.py": ("unit/test_value_change.py",),
    "ledger/": LEDGER,
    "ledger/batch.py": (*LEDGER, *STORE),
    "ledger/copies.py": STORE,
    "ledger/head.py": (*LEDGER, *STORE),
    "ledger/store.py": (*STORE, "simulated/test_countersigner.py"),
    "ledger/tally.py": (*LEDGER, *BUNDLES),
    "ledger/text.py": (
        "unit/ledger/test_text.py",
        "unit/ledger/test_completeness.py",
        "unit/test_value_change.py",
        *BUNDLES,
    ),
    "ledger/verified.py": (*LEDGER, *STORE),
    "steps/": ROAD,
    "steps/guards.py": OBJECTS,
    "steps/permissions.py": (
        "unit/test_permissions.py",
        "docs/test_docs.py::test_rendered_pages_are_up_to_date[permissions.md]",
    ),
    "steps/registry.py": OBJECTS,
    "steps/authority/": AUTHORITY,
    "steps/authority/approvals.py": ("unit/ledger/test_approvals.py",),
    "steps/authority/facts.py": ("simulated/authority/test_facts.py",),
    "steps/authority/gather.py": (
        "unit/test_authority_stops.py",
        "simulated/authority/test_gathered.py",
        "simulated/authority/test_authority.py::test_inv4_copies_of_two_histories_stop_the_run",
        "simulated/authority/test_authority.py::test_inv4_a_copy_that_cannot_be_read_is_not_taken_for_an_empty_one",
    ),
    "steps/authority/last_copies.py": LAST_COPIES,
    "steps/authority/losses.py": ("unit/test_losses.py", *LAST_COPIES, *RESTORE_SEEN),
    "steps/authority/recovering.py": ("simulated/recovery/test_quorum_seen.py",),
    "steps/authority/restoring.py": RESTORE_SEEN,
    "steps/authority/stops.py": ("unit/test_authority_stops.py",),
    "steps/authority/traces.py": ("simulated/authority/test_traces.py",),
    "steps/context/": OBJECTS,
    "steps/context/admission.py": OBJECTS,
    "steps/context/applied.py": ("simulated/test_applied.py",),
    "steps/context/environment.py": OBJECTS,
    "steps/context/flight.py": ("unit/test_flight.py",),
    "steps/context/health.py": ("unit/test_health.py",),
    "steps/context/look.py": ("unit/test_look.py",),
    "steps/context/names.py": OBJECTS,
    "steps/context/operator.py": ("unit/test_writing_namespaces.py",),
    "steps/context/outcome.py": ("unit/test_outcome.py",),
    "steps/context/progress.py": ("unit/test_progress.py",),
    "steps/context/resting.py": ("simulated/test_resting.py",),
    "steps/context/session.py": ("unit/test_session_requests.py", "simulated/test_session.py"),
    "steps/context/transfers.py": ("simulated/test_transfers.py",),
    "steps/context/world.py": ("simulated/test_world.py",),
    "steps/kinds/": (
        "simulated/test_root_token.py",
        "simulated/test_vault_nodes.py",
        "simulated/test_custody_offline.py",
    ),
    "steps/kinds/claim.py": (
        "simulated/test_claim.py",
        "simulated/test_guards.py::test_a_namespace_with_our_label_is_not_adopted",
        "simulated/test_guards.py::test_a_claim_is_for_its_own_marks_and_cluster",
        "simulated/test_guards.py::test_one_that_an_older_version_made_is_known_by_its_ledger",
        "simulated/test_preconditions.py::test_a_claim_that_is_being_deleted_is_not_claimed",
        "simulated/test_preconditions.py::test_a_claim_without_its_account_is_completed",
        "simulated/test_preconditions.py::test_a_claim_that_is_refused_is_an_error",
    ),
    "steps/kinds/countersigner.py": ("simulated/test_countersigner.py",),
    "steps/kinds/guarded.py": ("simulated/test_guarded.py",),
    "steps/kinds/handover.py": ("simulated/kinds/test_handover.py",),
    "steps/kinds/ledger.py": ("simulated/test_ledger_opened.py",),
    "steps/kinds/manifests.py": ("simulated/kinds/test_manifests.py",),
    "steps/kinds/materialized.py": ("simulated/kinds/test_materialized.py",),
    "steps/kinds/preflight.py": ("simulated/kinds/test_preflight.py",),
    "steps/kinds/recorded.py": ("simulated/test_recorded.py",),
    "steps/kinds/restore_begun.py": ("simulated/restore/test_restore_begun.py",),
    "steps/kinds/retired.py": ("simulated/kinds/test_retired.py",),
    "steps/kinds/root_revoked.py": ("simulated/test_root_token.py",),
    "steps/kinds/root_trust.py": ("simulated/test_root_trust.py",),
    "steps/kinds/run_identity.py": ("simulated/test_root_token.py",),
    "steps/kinds/scaffold.py": ("simulated/kinds/test_scaffold.py",),
    "steps/kinds/snapshots.py": ("simulated/test_snapshots_declared.py",),
    "steps/kinds/store.py": ("simulated/test_store_connected.py",),
    "steps/kinds/token_census.py": ("simulated/test_root_token.py",),
    "steps/kinds/vault_audit.py": ("simulated/test_root_token.py", "simulated/test_audit_parts.py"),
    "steps/kinds/vault_certificates.py": ("simulated/kinds/test_vault_certificates.py",),
    "steps/kinds/vault_configuration.py": ("simulated/kinds/test_vault_configuration.py",),
    "steps/kinds/vault_init.py": ("simulated/test_init_window.py", *ROAD),
    "steps/kinds/vault_install.py": ("simulated/kinds/test_vault_install.py",),
    "steps/kinds/vault_key.py": ("simulated/test_escrow.py",),
    "steps/kinds/vault_members.py": ("simulated/kinds/test_vault_members.py",),
    "steps/kinds/vault_old_shares.py": ("simulated/kinds/test_vault_old_shares.py",),
    "steps/kinds/vault_recovered.py": ("simulated/kinds/test_vault_recovered.py",),
    "steps/kinds/vault_restored.py": ("simulated/kinds/test_vault_restored.py",),
    "steps/kinds/vault_serve.py": ("simulated/kinds/test_vault_serve.py",),
    "steps/secrets/": ("unit/test_external_secret_objects.py",),
    "steps/secrets/admission.py": ("unit/test_retired_admission.py",),
    "steps/secrets/bootstrap_copy.py": ("unit/test_ledger_is_lost.py",),
    "steps/secrets/consumers.py": CONSUMERS,
    "steps/secrets/external_secret_objects.py": (
        "unit/test_external_secret_template.py",
        "unit/test_external_secret_objects.py",
    ),
    "steps/secrets/handing_over.py": ("simulated/test_handed_over.py",),
    "steps/secrets/immutable_fields.py": CHANGES,
    "steps/secrets/next_version.py": ("simulated/test_next_version.py",),
    "steps/secrets/operator_rights.py": CHANGES,
    "steps/secrets/sources.py": VALUES,
    "steps/secrets/transfer.py": ("simulated/test_copied_into_vault.py",),
    "steps/secrets/trusting.py": CONSUMERS,
    "steps/secrets/values.py": VALUES,
    "steps/secrets/versions.py": VERSIONS,
    "steps/secrets/written.py": VERSIONS,
    "steps/vault/": (
        "simulated/test_vault_nodes.py",
        "simulated/test_init_window.py",
        "unit/test_vault_objects.py",
        *AUTHORITY,
    ),
    "steps/vault/audit_parts.py": ("unit/test_audit_parts.py",),
    "steps/vault/clearing.py": ("simulated/restore/test_clearing.py",),
    "steps/vault/cluster_head.py": ("simulated/test_cluster_head.py",),
    "steps/vault/configuring.py": ("simulated/test_configuring_token.py",),
    "steps/vault/containers.py": ("unit/test_vault_objects.py",),
    "steps/vault/dropped_ca.py": ("unit/test_dropped_ca.py",),
    "steps/vault/empty_store.py": ("unit/test_init_window.py", "simulated/test_first_store.py"),
    "steps/vault/escrow.py": (
        "unit/test_escrow.py",
        "simulated/test_escrow.py",
        "simulated/test_escrow_generations.py",
    ),
    "steps/vault/first_replica.py": ("simulated/test_first_store.py",),
    "steps/vault/foreign.py": ("simulated/test_what_stands_there.py",),
    "steps/vault/generate_root.py": ("simulated/test_generate_root.py",),
    "steps/vault/init_window.py": ("simulated/test_window_store.py",),
    "steps/vault/intermediate.py": ("unit/test_intermediate.py",),
    "steps/vault/last_snapshot.py": ("simulated/test_last_snapshot.py",),
    "steps/vault/leaves.py": ("unit/test_leaves.py", "unit/test_declared_leaves.py"),
    "steps/vault/ledger_copy.py": ("unit/test_ledger_copy.py",),
    "steps/vault/leftovers.py": ("simulated/test_what_stands_there.py",),
    "steps/vault/lives.py": ("unit/test_lives.py",),
    "steps/vault/login_kinds.py": ("unit/test_restored_tokens.py",),
    "steps/vault/objects.py": ("unit/test_vault_objects.py",),
    "steps/vault/pod_login.py": ("unit/test_pod_login.py",),
    "steps/vault/policies.py": ("simulated/test_certificates.py",),
    "steps/vault/presence.py": ("unit/test_presence.py",),
    "steps/vault/quorum.py": ("unit/test_nodes.py",),
    "steps/vault/recovered_quorum.py": ("simulated/recovery/test_recovered_quorum.py",),
    "steps/vault/recovery.py": ("simulated/test_state_stores.py",),
    "steps/vault/rekey.py": ("simulated/test_rekey_moves.py",),
    "steps/vault/restoration.py": ("simulated/test_state_stores.py",),
    "steps/vault/restored_store.py": ("simulated/restore/test_restored_store_moves.py",),
    "steps/vault/restored_tokens.py": ("unit/test_restored_tokens.py",),
    "steps/vault/root_session.py": ("simulated/test_root_session.py",),
    "steps/vault/serving_secrets.py": ("simulated/test_serving_secrets.py",),
    "steps/vault/snapshot_objects.py": ("unit/test_snapshot_objects.py",),
    "steps/vault/states.py": ("simulated/test_state_stores.py",),
    "steps/vault/swapped.py": ("simulated/test_state_stores.py",),
    "steps/vault/transit.py": ("unit/test_transit.py",),
    "steps/vault/unseal.py": ("simulated/test_what_stands_there.py",),
    "steps/vault/voiding.py": ("unit/test_voiding.py",),
    "steps/vault/volumes.py": ("unit/test_volumes.py",),
}


def held_by(module: str) -> tuple[str, ...]:
    fitting = [start for start in HOLDERS if module.startswith(start)]
    return tuple(f"tests/{each}" for each in HOLDERS[max(fitting, key=len)])


def modules() -> Iterator[str]:
    below = ROOT / "bootstrap"
    for room in MUTATED:
        for file in sorted((below / room).rglob("[!_]*.py")):
            yield file.relative_to(below).as_posix()
