"""Which tests are meant to hold which module: those that a mutant of it has to turn red."""

from collections.abc import Iterator

from tests.guards.table import ROOT

MUTATED = ("model", "steps", "ledger")
LEDGER = ("unit/ledger", "simulated/test_ledger_store.py")
AUTHORITY = (
    "unit/ledger/test_approvals.py",
    "simulated/authority/test_authority.py",
    "simulated/authority/test_heads.py",
)
ROAD = ("simulated/test_road.py",)
# The longest path that a module begins with counts; what one up does from its beginning to its end holds all steps.
HOLDERS: dict[str, tuple[str, ...]] = {
    "model/": ("unit/test_plan.py", "unit/test_catalog_fields.py", "unit/test_secret_types.py"),
    "model/handover.py": (
        "simulated/test_handover.py",
        "simulated/test_retirement.py",
        "simulated/test_retire_modes.py",
    ),
    "model/heads.py": ("unit/test_heads.py",),
    "model/init_window.py": ("unit/test_init_window.py", "simulated/test_init_window.py"),
    "ledger/": LEDGER,
    "ledger/head.py": (*LEDGER, "simulated/authority/test_heads.py"),
    "ledger/report.py": (*LEDGER, "simulated/test_writers.py"),
    "steps/": ROAD,
    "steps/authority/": AUTHORITY,
    "steps/context/": (
        "unit/test_outcome.py",
        "unit/test_health.py",
        *ROAD,
        "simulated/authority/test_heads.py",
    ),
    "steps/context/session.py": ("simulated/test_session.py", "simulated/test_fence.py"),
    "steps/context/world.py": ("simulated/test_world.py", *ROAD),
    "steps/kinds/claim.py": ("simulated/test_preconditions.py", *AUTHORITY),
    "steps/kinds/handover.py": ("simulated/test_handover.py", "simulated/test_refused_changes.py"),
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
    "steps/kinds/vault_configuration.py": ("simulated/test_refused_changes.py", *ROAD),
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
    "steps/secrets/consumers.py": ("simulated/test_retirement.py", "simulated/test_materialized.py"),
    "steps/secrets/transfer.py": ("simulated/test_handover.py", "simulated/test_retirement.py"),
    "steps/vault/": (
        "simulated/test_vault_nodes.py",
        "simulated/test_init_window.py",
        "unit/test_vault_objects.py",
        *AUTHORITY,
    ),
    "steps/vault/empty_store.py": ("simulated/test_init_window.py", "simulated/test_abandon.py"),
    "steps/vault/escrow.py": ("simulated/test_escrow.py", *ROAD),
    "steps/vault/init_window.py": ("simulated/test_init_window.py",),
    "steps/vault/ledger_copy.py": ("simulated/test_bootstrap_copies.py",),
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
