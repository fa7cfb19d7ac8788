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
RECOVERY = ("simulated/recovery/test_quorum.py",)
REKEY = ("simulated/test_unseal_rekey.py",)
SNAPSHOTS = ("simulated/test_snapshot_job.py", "simulated/test_snapshot.py")
ROTATION = ("simulated/test_ca_rotation.py",)
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
    "steps/guards.py": ("simulated/test_guards.py", *ROAD),
    "steps/permissions.py": ("simulated/test_preconditions.py", "simulated/test_retire_modes.py"),
    "steps/registry.py": ROAD,
    "steps/authority/": AUTHORITY,
    "steps/authority/recovering.py": RECOVERY,
    "steps/authority/restoring.py": RESTORE,
    "steps/context/": (
        "unit/test_outcome.py",
        "unit/test_health.py",
        *ROAD,
        "simulated/authority/test_heads.py",
    ),
    "steps/context/admission.py": ("simulated/test_retirement.py", "simulated/test_retire_modes.py"),
    "steps/context/applied.py": ("simulated/test_runner.py", "simulated/test_vault_nodes.py"),
    "steps/context/environment.py": ("simulated/authority/test_heads.py", "simulated/test_guards.py"),
    "steps/context/flight.py": ("unit/test_flight.py",),
    "steps/context/health.py": ("unit/test_health.py",),
    "steps/context/look.py": ("unit/test_look.py",),
    "steps/context/outcome.py": ("unit/test_outcome.py",),
    "steps/context/progress.py": ("unit/test_progress.py",),
    "steps/context/session.py": ("simulated/test_session.py", "simulated/test_fence.py"),
    "steps/context/transfers.py": ("simulated/test_countersigner.py", "simulated/test_handover.py"),
    "steps/context/world.py": ("simulated/test_world.py", *ROAD),
    "steps/kinds/": (
        "simulated/test_root_token.py",
        "simulated/test_vault_nodes.py",
        "simulated/test_custody_offline.py",
    ),
    "steps/kinds/claim.py": ("simulated/test_preconditions.py", "simulated/test_guards.py", *AUTHORITY),
    "steps/kinds/countersigner.py": ("simulated/test_countersigner.py",),
    "steps/kinds/guarded.py": ("simulated/test_guards.py", *ROAD),
    "steps/kinds/handover.py": (
        "simulated/test_handover.py",
        "simulated/test_refused_changes.py",
        "simulated/test_set.py",
    ),
    "steps/kinds/ledger.py": AUTHORITY,
    "steps/kinds/manifests.py": ("simulated/test_manifests_applied.py", *ROAD),
    "steps/kinds/materialized.py": ("simulated/test_materialized.py", *AUTHORITY),
    "steps/kinds/preflight.py": ("simulated/test_preconditions.py", *AUTHORITY),
    "steps/kinds/recorded.py": AUTHORITY,
    "steps/kinds/restore_begun.py": RESTORE,
    "steps/kinds/retired.py": (
        "simulated/test_retirement.py",
        "simulated/test_retire_modes.py",
        "simulated/test_custody_offline.py",
    ),
    "steps/kinds/root_revoked.py": ("simulated/test_root_token.py",),
    "steps/kinds/root_trust.py": ("simulated/test_plan_live.py", *ROAD),
    "steps/kinds/run_identity.py": ("simulated/test_root_token.py",),
    "steps/kinds/scaffold.py": (
        "simulated/test_bootstrap_copies.py",
        "simulated/test_retire_modes.py",
        *AUTHORITY,
    ),
    "steps/kinds/snapshots.py": SNAPSHOTS,
    "steps/kinds/store.py": ROAD,
    "steps/kinds/token_census.py": ("simulated/test_root_token.py",),
    "steps/kinds/vault_audit.py": ("simulated/test_root_token.py", "simulated/test_audit_parts.py"),
    "steps/kinds/vault_certificates.py": ("simulated/test_certificates.py", *ROTATION),
    "steps/kinds/vault_configuration.py": ("simulated/test_configuring.py", *ROAD),
    "steps/kinds/vault_init.py": ("simulated/test_init_window.py", *ROAD),
    "steps/kinds/vault_install.py": ("simulated/test_vault_nodes.py", *AUTHORITY),
    "steps/kinds/vault_key.py": ("simulated/test_escrow.py",),
    "steps/kinds/vault_members.py": ("simulated/test_vault_nodes.py",),
    "steps/kinds/vault_old_shares.py": REKEY,
    "steps/kinds/vault_recovered.py": RECOVERY,
    "steps/kinds/vault_restored.py": RESTORE,
    "steps/kinds/vault_serve.py": ("simulated/test_vault_nodes.py", "simulated/test_escrow.py"),
    "steps/secrets/": ("simulated/test_refused_changes.py", "simulated/test_materialized.py", *ROAD),
    "steps/secrets/admission.py": ("simulated/test_retirement.py", "simulated/test_retire_modes.py"),
    "steps/secrets/bootstrap_copy.py": ("simulated/test_bootstrap_copies.py", *AUTHORITY),
    "steps/secrets/consumers.py": ("simulated/test_retirement.py", "simulated/test_materialized.py"),
    "steps/secrets/external_secret_objects.py": (
        "unit/test_external_secret_template.py",
        "simulated/test_materialized.py",
    ),
    "steps/secrets/handing_over.py": ("simulated/test_handover.py",),
    "steps/secrets/immutable_fields.py": ("simulated/test_refused_changes.py",),
    "steps/secrets/next_version.py": ("simulated/test_set.py",),
    "steps/secrets/operator_rights.py": ("simulated/test_guards.py",),
    "steps/secrets/sources.py": ("simulated/test_retirement.py", "simulated/test_handover.py"),
    "steps/secrets/transfer.py": ("simulated/test_handover.py", "simulated/test_retirement.py"),
    "steps/secrets/trusting.py": ROTATION,
    "steps/secrets/values.py": ("simulated/test_handover.py",),
    "steps/secrets/versions.py": ("simulated/test_set.py",),
    "steps/secrets/written.py": ("simulated/test_handover.py",),
    "steps/vault/": (
        "simulated/test_vault_nodes.py",
        "simulated/test_init_window.py",
        "unit/test_vault_objects.py",
        *AUTHORITY,
    ),
    "steps/vault/audit_parts.py": ("simulated/test_audit_parts.py",),
    "steps/vault/clearing.py": ("simulated/restore/test_clearing.py",),
    "steps/vault/cluster_head.py": ("unit/test_cluster_head.py",),
    "steps/vault/configuring.py": ("simulated/test_configuring_token.py",),
    "steps/vault/containers.py": ("unit/test_vault_objects.py",),
    "steps/vault/dropped_ca.py": ROTATION,
    "steps/vault/empty_store.py": ("unit/test_init_window.py", "simulated/test_first_store.py"),
    "steps/vault/escrow.py": (
        "unit/test_escrow.py",
        "simulated/test_escrow.py",
        "simulated/test_escrow_generations.py",
    ),
    "steps/vault/first_replica.py": ("simulated/test_first_store.py",),
    "steps/vault/foreign.py": ("simulated/test_what_stands_there.py",),
    "steps/vault/generate_root.py": ("simulated/test_generate_root.py",),
    "steps/vault/init_window.py": ("simulated/test_init_window.py", "simulated/test_escrow_generations.py"),
    "steps/vault/intermediate.py": ("simulated/test_certificates.py",),
    "steps/vault/last_snapshot.py": ("unit/test_last_snapshot.py",),
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
    "steps/vault/restored_store.py": ("simulated/restore/test_restored_store.py",),
    "steps/vault/restored_tokens.py": ("unit/test_restored_tokens.py",),
    "steps/vault/root_session.py": ("simulated/test_root_session.py",),
    "steps/vault/serving_secrets.py": ("simulated/test_certificates.py", *ROTATION),
    "steps/vault/snapshot_objects.py": SNAPSHOTS,
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
