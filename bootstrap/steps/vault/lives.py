"""The certificates that Vault stands on, as they are now: what each pod serves, what made it, and the CA (G7)."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bootstrap.model.catalog import Intent
from bootstrap.model.certificates import Certificate
from bootstrap.model.errors import WorldError
from bootstrap.ports import Certificates, Ref
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.intermediate import live_intermediate
from bootstrap.steps.vault.serving_secrets import tls_ref

COMMITTED: Final = "CA of the commit, keys/vault-ca.crt"
STARTED: Final = timedelta(minutes=2)  # for so long a Vault has just started
SETTLED: Final = 30.0  # seconds in which a renewer beside it has looked
CA_RENEWED: Final = "by `bootstrap ca new`: docs/how-to/rotate-the-ca.md"
CA_GOES: Final = "no more: `bootstrap ca drop` takes it away once nothing stands on it"


@dataclass(frozen=True, slots=True)
class Life:
    """``what`` in words; ``renewed`` says by what."""

    what: str
    certificate: Certificate
    renewed: str


def served(world: World, pod: str) -> Certificate | None:
    """What it serves now, expired or not; None where it does not answer. WorldError E_VAULT_TLS."""
    try:
        return world.certificates.read(world.session.vault.certificate(pod))
    except WorldError as error:
        if not error.retry:
            raise
        return None


def served_by_all(world: World, authority: Certificate | None) -> dict[str, Certificate | None]:
    """The same of each pod. A Vault that has just started serves the certificate that it started with until its renewer
    has looked: those moments are waited for, so that a restart is no difference."""
    found: dict[str, Certificate | None] = {}

    def settled() -> bool:
        found.update((pod, served(world, pod)) for pod in world.session.pods)
        first = [p for p, leaf in found.items() if leaf and authority and leaf.issuer != authority.subject]
        return not first or not all(_has_just_started(world, pod) for pod in first)

    with suppress(WorldError):  # it is looked at as it is then
        world.wait("a Vault that has just started serves what is renewed", settled, seconds=SETTLED, pause=2)
    return found


def _has_just_started(world: World, pod: str) -> bool:
    live = world.cluster.get(Ref("v1", "Pod", pod, world.intent.platform.vault.namespace))
    status = (live or {}).get("status") or {}
    for container in status.get("containerStatuses") or ():
        started = ((container.get("state") or {}).get("running") or {}).get("startedAt")
        if container["name"] == "vault" and started:
            return world.cluster.server_time() - datetime.fromisoformat(started) < STARTED
    return False


def lives(world: World) -> Iterator[Life]:
    """Each certificate that is there, by what ends first."""
    for pod in world.session.pods:
        leaf = served(world, pod)
        if leaf is not None:
            yield Life(f"certificate that {pod} serves", leaf, "by the renewer beside it")
    intermediate = _intermediate(world)
    if intermediate is not None:
        yield Life("CA in Vault", intermediate, "by `bootstrap up`")
    yield from first_lives(world)
    yield from of_the_commit(world.intent, world.certificates)


def of_the_commit(intent: Intent, certificates: Certificates) -> Iterator[Life]:
    """The CAs that are trusted, the one that signs first."""
    for number, authority in enumerate(certificates.read_all(intent.keys["vault-ca.crt"])):
        name = f"earlier {COMMITTED}" if number else COMMITTED
        yield Life(name, authority, CA_GOES if number else CA_RENEWED)


def first_lives(world: World) -> Iterator[Life]:
    """Those that a pod starts with."""
    found = world.cluster.get(tls_ref(world))
    for pod in world.session.pods:
        if found is not None and f"{pod}.crt" in found["data"]:
            first = world.certificates.read(found["data"][f"{pod}.crt"])
            yield Life(f"certificate that {pod} starts with", first, "by `bootstrap up`")


def _intermediate(world: World) -> Certificate | None:
    """None too where Vault does not answer, or the run has no right yet: the run's own steps say so."""
    try:
        return live_intermediate(world)
    except WorldError:
        return None
