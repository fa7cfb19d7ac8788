"""The closed vocabulary: the name of a step kind and the class behind it.

Classes are imported when a run needs them; a phase file can name these and nothing else.
"""

from importlib import import_module
from typing import Any

from bootstrap.model.errors import DefinitionError

KINDS: dict[str, str] = {
    "root-trust": "bootstrap.steps.kinds.root_trust:RootTrust",
    "preflight": "bootstrap.steps.kinds.preflight:Preflight",
    "claim": "bootstrap.steps.kinds.claim:Claim",
    "guarded": "bootstrap.steps.kinds.guarded:Guarded",
    "manifests": "bootstrap.steps.kinds.manifests:Manifests",
    "restore-begun": "bootstrap.steps.kinds.restore_begun:RestoreBegun",
    "vault-restored": "bootstrap.steps.kinds.vault_restored:VaultRestored",
    "vault-recovered": "bootstrap.steps.kinds.vault_recovered:VaultRecovered",
    "scaffold": "bootstrap.steps.kinds.scaffold:BootstrapCopies",
    "vault-install": "bootstrap.steps.kinds.vault_install:VaultInstall",
    "vault-init": "bootstrap.steps.kinds.vault_init:VaultInit",
    "vault-key": "bootstrap.steps.kinds.vault_key:VaultKey",
    "vault-serve": "bootstrap.steps.kinds.vault_serve:VaultServe",
    "vault-members": "bootstrap.steps.kinds.vault_members:VaultMembers",
    "vault-old-shares": "bootstrap.steps.kinds.vault_old_shares:VaultOldShares",
    "vault-audit": "bootstrap.steps.kinds.vault_audit:VaultAudit",
    "run-identity": "bootstrap.steps.kinds.run_identity:RunIdentity",
    "root-revoked": "bootstrap.steps.kinds.root_revoked:RootRevoked",
    "vault-configuration": "bootstrap.steps.kinds.vault_configuration:VaultConfiguration",
    "countersigner": "bootstrap.steps.kinds.countersigner:CountersignerAnnounced",
    "vault-certificates": "bootstrap.steps.kinds.vault_certificates:VaultCertificates",
    "ledger": "bootstrap.steps.kinds.ledger:LedgerOpened",
    "handover": "bootstrap.steps.kinds.handover:HandoverSecrets",
    "store": "bootstrap.steps.kinds.store:Store",
    "materialized": "bootstrap.steps.kinds.materialized:Materialized",
    "retired": "bootstrap.steps.kinds.retired:Retired",
    "token-census": "bootstrap.steps.kinds.token_census:TokenCensus",
    "recorded": "bootstrap.steps.kinds.recorded:Recorded",
    "snapshots": "bootstrap.steps.kinds.snapshots:Snapshots",
}


def kind_class(name: str) -> Any:
    """The class of a kind; DefinitionError E_KIND for a name that is not in the vocabulary."""
    if name not in KINDS:
        raise DefinitionError(f"unknown step kind {name!r}", code="E_KIND")
    module, _, attribute = KINDS[name].partition(":")
    return getattr(import_module(module), attribute)
