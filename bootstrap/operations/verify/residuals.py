"""What stays alive besides Vault, by declaration, and why, and until when (B4, H5)."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bootstrap.ledger.versions import Changed
from bootstrap.model.catalog import Custody, Intent, Renew, RetireMode, Secret
from bootstrap.steps.secrets.transfer import renewed

UNCHANGED: Final[Mapping[str, Changed]] = MappingProxyType({})


def residuals(
    intent: Intent, handed_over: Iterable[Secret], changes: Mapping[str, Changed] = UNCHANGED
) -> Iterator[str]:
    """One sentence each. ``handed_over`` are those of the catalog whose authority is Vault by now, ``changes`` what the
    ledger says of their later versions."""
    if intent.platform.vault.custody is Custody.CLUSTER:
        yield "the unseal key, in one immutable Secret that the unsealer reads (seal.custody: cluster)"
    for secret in handed_over:
        if left := [part for part in (still_alive(secret, changes), _left_in_cluster(secret)) if part]:
            yield f"{secret.name}: {', and '.join(left)}{_declared(secret)}"


def still_alive(secret: Secret, changes: Mapping[str, Changed] = UNCHANGED) -> str:
    """How the value that Git has seen stays valid after handover; empty when it is dead, or replaced (H5)."""
    since = changes.get(secret.name)
    if since is not None:
        kept = [name for name in since.kept if name not in renewed(secret, since.kept)]
        return (
            f"{', '.join(kept)} in Vault as in Git, the rest changed since (version {since.version})"
            if kept
            else ""
        )
    if secret.handover.renew is Renew.KEEP:
        return "the value in Git is the one in Vault (renew: keep)"
    if secret.handover.renew is Renew.REISSUE:
        return "the value in Git lives until its issuer makes a new one (renew: reissue)"
    if secret.handover.fields:
        anew = ", ".join(secret.handover.fields)
        return f"the fields other than {anew} are in Vault as they are in Git (renew: generate)"
    return ""


def _left_in_cluster(secret: Secret) -> str:
    """The scaffold that stays in the cluster (H3)."""
    if secret.scaffold is None or secret.handover.retire is not RetireMode.IGNORED:
        return ""
    return f"its scaffold {secret.scaffold.namespace}/{secret.scaffold.name} stays in the cluster (retire: ignored)"


def _declared(secret: Secret) -> str:
    until = f"until {secret.handover.until}" if secret.handover.until else ""
    parts = [part for part in (secret.handover.reason, until) if part]
    return f"; {'; '.join(parts)}" if parts else ""
