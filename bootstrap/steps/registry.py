"""The closed vocabulary: the name of a step kind and the class behind it.

Classes are imported when a run needs them; a phase file can name these and nothing else.
"""

from importlib import import_module
from typing import Any

from bootstrap.model.errors import DefinitionError

KINDS: dict[str, str] = {
    "root-trust": "bootstrap.steps.root_trust:RootTrust",
    "preflight": "bootstrap.steps.preflight:Preflight",
    "claim": "bootstrap.steps.claim:Claim",
    "manifests": "bootstrap.steps.manifests:Manifests",
    "scaffold": "bootstrap.steps.scaffold:ScaffoldSecrets",
    "vault-install": "bootstrap.steps.vault_install:VaultInstall",
    "vault-init": "bootstrap.steps.vault_init:VaultInit",
    "vault-key": "bootstrap.steps.vault_key:VaultKey",
    "vault-serve": "bootstrap.steps.vault_serve:VaultServe",
    "vault-members": "bootstrap.steps.vault_members:VaultMembers",
    "vault-audit": "bootstrap.steps.vault_audit:VaultAudit",
    "run-identity": "bootstrap.steps.run_identity:RunIdentity",
    "root-revoked": "bootstrap.steps.root_revoked:RootRevoked",
    "vault-configuration": "bootstrap.steps.vault_configuration:VaultConfiguration",
    "ledger": "bootstrap.steps.ledger_opened:LedgerOpened",
    "handover": "bootstrap.steps.handover:HandoverSecrets",
    "store": "bootstrap.steps.store:Store",
    "materialized": "bootstrap.steps.materialized:Materialized",
    "retired": "bootstrap.steps.retired:Retired",
    "token-census": "bootstrap.steps.token_census:TokenCensus",
    "recorded": "bootstrap.steps.recorded:Recorded",
}


def kind_class(name: str) -> Any:
    """The class of a kind; DefinitionError E_KIND for a name that is not in the vocabulary."""
    if name not in KINDS:
        raise DefinitionError(f"unknown step kind {name!r}", code="E_KIND")
    module, _, attribute = KINDS[name].partition(":")
    return getattr(import_module(module), attribute)
