"""What stays alive besides Vault, by declaration, and why, and until when (B4, H5)."""

from collections.abc import Iterable, Iterator

from bootstrap.model.catalog import Custody, Intent, Renew, RetireMode, Secret


def residuals(intent: Intent, handed_over: Iterable[Secret]) -> Iterator[str]:
    """One sentence each. ``handed_over`` are those of the catalog whose authority is Vault by now."""
    if intent.platform.vault.custody is Custody.CLUSTER:
        yield "the unseal key, in one immutable Secret that the unsealer reads (seal.custody: cluster)"
    for secret in handed_over:
        if left := [part for part in (still_alive(secret), _left_in_cluster(secret)) if part]:
            yield f"{secret.name}: {', and '.join(left)}{_declared(secret)}"


def still_alive(secret: Secret) -> str:
    """How the value that Git has seen stays valid after handover; empty when it is dead (H5)."""
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
