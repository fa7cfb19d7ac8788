"""What ends by itself, and when: in the commit, and on a live platform (`doctor --horizon`, OK4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bootstrap.adapters.openpgp.validity import endings as endings_of_keys
from bootstrap.adapters.vault.certificates import X509Certificates
from bootstrap.model import layout
from bootstrap.model.catalog import Intent, Secret, seconds
from bootstrap.model.names import POD_LOGIN
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.versions import moment, written_at
from bootstrap.steps.vault.lives import CA_GOES, CA_RENEWED, lives, of_the_commit

LOGINS: Final = ("auth/kubernetes/login", f"auth/{POD_LOGIN}/login")
PGP: Final = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


@dataclass(frozen=True, slots=True)
class Ending:
    """``then``: what is to be done, or what does it."""

    what: str
    until: datetime
    then: str


def of_commit(intent: Intent) -> Iterator[Ending]:
    """Certificates and OpenPGP keys below keys/, and values that Git has seen and that stay valid for a time."""
    certificates, ca = X509Certificates(), layout.CA_CERTIFICATE.removeprefix(layout.KEYS)
    if ca in intent.keys:
        for life in of_the_commit(intent, certificates):
            yield Ending(life.what, life.certificate.until, f"renewed {life.renewed}")
    for file, content in sorted(intent.keys.items()):
        if PGP in content:
            for fingerprint, until in endings_of_keys(content.decode("utf-8", "replace")):
                then = "its holder extends it (gpg --quick-set-expire) and exports it again"
                yield Ending(f"OpenPGP key {fingerprint}, {layout.KEYS}{file}", until, then)
        for certificate in certificates.read_all(content) if file != ca else ():
            what = f"certificate {certificate.subject}, {layout.KEYS}{file}"
            yield Ending(
                what, certificate.until, "put the one that follows it beside it, commit, `bootstrap up`"
            )
    for secret in intent.secrets:
        if secret.handover.until:
            until = datetime.fromisoformat(secret.handover.until).replace(tzinfo=UTC)
            yield Ending(
                f"value of {secret.name} that Git has seen", until, f"{secret.owner} has it reissued by then"
            )


def of_platform(world: World) -> Iterator[Ending]:
    """The certificates that Vault stands on, as they are now: seen from outside, whether they have ended or not."""
    for life in lives(world):
        if life.renewed not in (CA_RENEWED, CA_GOES):  # those are of the commit
            yield Ending(life.what, life.certificate.until, f"renewed {life.renewed}")


def of_vault(world: World) -> Iterator[Ending]:
    """What Vault itself says: values by their rotation policy, tokens of people. WorldError where it says nothing."""
    yield from _values(world)
    yield from _tokens(world)


def _values(world: World) -> Iterator[Ending]:
    wanted = [secret for secret in world.intent.secrets if secret.path and secret.rotation.ttl]
    found = world.each(lambda secret: written_at(world, secret.in_vault), wanted, "ages of values looked at")
    for secret, since in zip(wanted, found, strict=True):
        if since is not None:
            until = since + timedelta(seconds=seconds(secret.rotation.ttl))
            yield Ending(f"value of {secret.name} by its rotation policy", until, _then(secret))


def _then(secret: Secret) -> str:
    return f"{secret.owner} gives it another one: `bootstrap set {secret.name}`"


def _tokens(world: World) -> Iterator[Ending]:
    """But for those of a login, which are renewed by another login."""
    for accessor, about in world.session.tokens():
        until = moment(about.get("expire_time"))
        if until is not None and about.get("path") not in LOGINS:
            policies = ", ".join(map(str, about.get("policies") or ()))
            yield Ending(
                f"token {accessor} of {policies}", until, "whoever uses it logs in, or makes another"
            )


def within(found: Iterator[Ending], now: datetime, horizon: str) -> list[Ending]:
    """Those that end in that time, the first one first. ``horizon`` as the catalog has durations: ``400d``."""
    last = now.timestamp() + seconds(horizon)
    return sorted((e for e in found if e.until.timestamp() <= last), key=lambda e: (e.until, e.what))
