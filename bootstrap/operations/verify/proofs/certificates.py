"""What Vault stands on is renewed in time (G7)."""

from collections.abc import Iterator
from datetime import datetime

from bootstrap.model.certificates import LATE, Certificate
from bootstrap.model.errors import WorldError
from bootstrap.operations.verify.pod_logins import missing_keys
from bootstrap.operations.verify.proof import State, Verdict, claim, names
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.intermediate import live_intermediate
from bootstrap.steps.vault.lives import Life, lives, served, served_by_all
from bootstrap.steps.vault.serving_secrets import is_trusted, tls_ref


@claim(
    "certificates",
    "G7",
    "each certificate of Vault is renewed in time",
    reads="the certificate that each Vault serves now, the CA in Vault that made it, those in the Secret that a pod "
    "starts with, and the CAs of the commit: what is served is of one of these, and more than a seventh of each life "
    "is left; and whether Vault has each key with which the API server signs the tokens of renewers",
    unseen="what else may keep a renewer from its work: that shows once two thirds of a life are over",
)
def certificates(world: World) -> Verdict:
    authority = live_intermediate(world)
    if refused := [*_refused(world)]:
        hint = "`bootstrap up` of a commit that trusts what they serve moves them to the CA that signs"
        return Verdict(State.BROKEN, f"of no CA in keys/vault-ca.crt{names(refused)}", hint)
    leaves = served_by_all(world, authority)
    now, found = world.cluster.server_time(), tuple(lives(world))
    late = [f"{life.what} ends {life.certificate.until:%Y-%m-%d}" for life in found if _is_late(life, now)]
    answering = {pod: leaf for pod, leaf in leaves.items() if leaf is not None}
    others = [f"{pod} serves {why}" for pod, leaf in answering.items() if (why := _not_ours(leaf, authority))]
    others += _strangers(world)
    silent = sorted(set(world.session.pods) - set(answering))
    soonest = min(found, key=lambda life: life.certificate.until)
    seen = f"{len(found)} certificates, the first to end in {soonest.certificate.days(now):.0f} days"
    seen += names([*late, *others])
    if late or others:
        hint = "`kubectl -n {} logs POD -c renewer` says why; `bootstrap up --root` makes those that it may"
        return Verdict(State.BROKEN, seen, hint.format(world.intent.platform.vault.namespace))
    if silent:
        return Verdict(State.WAITS, f"{seen}; no answer of {', '.join(silent)}")
    if lacking := missing_keys(world):
        return Verdict(State.WAITS, f"{seen}; {lacking}", "`bootstrap up --root` gives it to Vault")
    return Verdict(State.HOLDS, seen)


def _not_ours(leaf: Certificate, authority: Certificate | None) -> str:
    """Why its renewer has work that is not done; empty where it has none."""
    if leaf.names_as_issuer(authority):
        return ""
    if authority is not None and leaf.issuer == authority.subject:
        return "a certificate of an earlier CA in Vault"
    return "the certificate that it started with, which is not renewed"


def _refused(world: World) -> Iterator[str]:
    """What clients that trust the commit refuse; nothing else is asked of such a pod."""
    for pod in world.session.pods:
        try:
            served(world, pod)
        except WorldError as error:
            if error.code != "E_VAULT_TLS":
                raise
            yield f"what {pod} serves"


def _strangers(world: World) -> Iterator[str]:
    """Those that a pod would start with, and be refused."""
    data = (world.cluster.get(tls_ref(world)) or {"data": {}})["data"]
    for pod in world.session.pods:
        if f"{pod}.crt" in data and not is_trusted(world, data[f"{pod}.crt"]):
            yield f"what {pod} starts with is of no CA in keys/vault-ca.crt"


def _is_late(life: Life, now: datetime) -> bool:
    return life.certificate.left(now) < LATE
