"""Which tests are meant to hold which module: those that a mutant of it has to turn red."""

from collections.abc import Iterator

from tests.guards.table import ROOT

MUTATED = ("model", "steps", "ledger")
LEDGER = ("unit/ledger", "unit/test_value_change.py", "simulated/test_ledger_store.py")
BUNDLES = ("golden/test_bundles.py",)
AUTHORITY = (
    "unit/ledger/test_approvals.py",
    "simulated/authority/test_authority.py",
    "simulated/authority/test_heads.py",
)
ROAD = ("simulated/test_road.py",)
RESTORE = ("simulated/restore/test_restore.py",)
RECOVERY = ("simulated/recovery/test_quorum.py",)
ROTATION = ("simulated/test_ca_rotation.py",)
# The longest path that a module begins with counts; what one up does from its beginning to its end holds all steps.
HOLDERS: dict[str, tuple[str, ...]] = {
    "model/": ("unit/test_plan.py", "unit/test_catalog_fields.py", "unit/test_secret_types.py"),
    "model/catalog.py": ("unit/test_catalog.py", "unit/test_plan.py"),
    "model/certificates.py": ("simulated/test_certificates.py", *ROTATION),
    "model/errors.py": ("simulated/test_runner.py",),
    "model/handover.py": ("unit/test_handover.py",),
    "model/heads.py": ("unit/test_heads.py",),
    "model/metrics.py": ("unit/test_metrics.py",),
    "model/outside.py": ("unit/test_outside.py",),
    "model/restoration.py": ("unit/test_restoration.py",),
    "model/quorum.py": ("unit/test_quorum.py",),
    "model/recovery.py": ("unit/test_quorum.py",),
    "model/reserved.py": ("unit/test_reserved.py",),
    "model/schedule.py": ("unit/test_schedule.py",),
    "model/sensitive.py": ("unit/test_sensitive.py",),
    "model/snapshot_settings.py": ("simulated/test_snapshot_job.py",),
    "model/suggest.py": ("unit/test_suggest.py",),
    "model/value_change.py": ("unit/test_value_change.py",),
    "model/init_window.py": ("unit/test_init_window.py",),
    "ledger/": LEDGER,
    "ledger/head.py": (*LEDGER, "simulated/authority/test_heads.py"),
    "ledger/report.py": (*LEDGER, "simulated/test_writers.py"),
    "ledger/store.py": (*LEDGER, "simulated/test_countersigner.py"),
    "ledger/tally.py": (*LEDGER, *BUNDLES),
    "ledger/text.py": BUNDLES,
    "ledger/versions.py": (*LEDGER, "simulated/test_set.py"),
    "steps/": ROAD,
    "steps/authority/": AUTHORITY,
    "steps/authority/recovering.py": RECOVERY,
    "steps/authority/restoring.py": RESTORE,
    "steps/guards.py": ("simulated/test_guards.py", *ROAD),
    "steps/context/": (
        "unit/test_outcome.py",
        "unit/test_health.py",
        *ROAD,
        "simulated/authority/test_heads.py",
    ),
    "steps/context/session.py": ("simulated/test_session.py", "simulated/test_fence.py"),
    "steps/context/world.py": ("simulated/test_world.py", *ROAD),
    "steps/kinds/claim.py": ("simulated/test_preconditions.py", "simulated/test_guards.py", *AUTHORITY),
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
    "steps/kinds/retired.py": ("simulated/test_retirement.py", "simulated/test_retire_modes.py"),
    "steps/kinds/root_trust.py": ("simulated/test_plan_live.py", *ROAD),
    "steps/kinds/scaffold.py": (
        "simulated/test_bootstrap_copies.py",
        "simulated/test_retire_modes.py",
        *AUTHORITY,
    ),
    "steps/kinds/store.py": ROAD,
    "steps/kinds/restore_begun.py": RESTORE,
    "steps/kinds/vault_restored.py": RESTORE,
    "steps/kinds/vault_recovered.py": RECOVERY,
    "steps/kinds/vault_certificates.py": ("simulated/test_certificates.py", *ROTATION),
    "steps/kinds/vault_configuration.py": ("simulated/test_configuring.py", *ROAD),
    "steps/kinds/vault_init.py": ("simulated/test_init_window.py", *ROAD),
    "steps/kinds/vault_install.py": ("simulated/test_vault_nodes.py", *AUTHORITY),
    "steps/kinds/vault_key.py": ("simulated/test_escrow.py",),
    "steps/kinds/": (
        "simulated/test_root_token.py",
        "simulated/test_vault_nodes.py",
        "simulated/test_custody_offline.py",
    ),
    "steps/permissions.py": ("simulated/test_preconditions.py", "simulated/test_retire_modes.py"),
    "steps/registry.py": ROAD,
    "steps/secrets/": ("simulated/test_refused_changes.py", "simulated/test_materialized.py", *ROAD),
    "steps/secrets/bootstrap_copy.py": ("simulated/test_bootstrap_copies.py", *AUTHORITY),
    "steps/secrets/trusting.py": ROTATION,
    "steps/secrets/consumers.py": ("simulated/test_retirement.py", "simulated/test_materialized.py"),
    "steps/secrets/next_version.py": ("simulated/test_set.py",),
    "steps/secrets/versions.py": ("simulated/test_set.py",),
    "steps/secrets/transfer.py": ("simulated/test_handover.py", "simulated/test_retirement.py"),
    "steps/vault/": (
        "simulated/test_vault_nodes.py",
        "simulated/test_init_window.py",
        "unit/test_vault_objects.py",
        *AUTHORITY,
    ),
    "steps/vault/configuring.py": ("simulated/test_configuring.py", *ROAD),
    "steps/vault/generate_root.py": ("simulated/test_configuring.py", *ROAD),
    "steps/vault/leaves.py": ("simulated/test_configuring.py", *ROAD),
    "steps/vault/pod_login.py": ("simulated/test_certificates.py",),
    "steps/vault/audit_parts.py": ("simulated/test_audit_parts.py",),
    "steps/vault/dropped_ca.py": ROTATION,
    "steps/vault/intermediate.py": ("simulated/test_certificates.py",),
    "steps/vault/lives.py": ("simulated/test_certificates.py",),
    "steps/vault/containers.py": ("unit/test_vault_objects.py",),
    "steps/vault/empty_store.py": ("simulated/test_init_window.py", "simulated/test_abandon.py"),
    "steps/vault/escrow.py": ("simulated/test_escrow.py", *ROAD),
    "steps/vault/init_window.py": ("simulated/test_init_window.py",),
    "steps/vault/ledger_copy.py": ("simulated/test_bootstrap_copies.py",),
    "steps/vault/presence.py": ("simulated/authority/test_presence.py", *AUTHORITY),
    "steps/vault/quorum.py": RECOVERY,
    "steps/vault/recovered_quorum.py": RECOVERY,
    "steps/vault/recovery.py": RECOVERY,
    "steps/vault/voiding.py": RECOVERY,
    "steps/vault/restoration.py": RESTORE,
    "steps/vault/restored_store.py": RESTORE,
    "steps/vault/restored_tokens.py": RESTORE,
    "steps/vault/root_session.py": ("simulated/test_root_token.py",),
}


def held_by(module: str) -> tuple[str, ...]:
    fitting = [start for start in HOLDERS if module.startswith(start)]
    return tuple(f"tests/{each}" for each in HOLDERS[max(fitting, key=len)])


def modules() -> Iterator[str]:
    below = ROOT / "bootstrap"
    for room in MUTATED:
        for file in sorted((below / room).rglob("[!_]*.py")):
            yield file.relative_to(below).as_posix()
