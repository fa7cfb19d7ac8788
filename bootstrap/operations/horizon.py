"""What ends by itself, and when: in the commit, and on a live platform (`doctor --horizon`, OK4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bootstrap.adapters.openpgp.validity import endings as endings_of_keys
from bootstrap.adapters.vault.certificates import X509Certificates
from bootstrap.model import layout
from bootstrap.model.catalog import Intent, seconds
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.lives import CA_GOES, CA_RENEWED, lives, of_the_commit


@dataclass(frozen=True, slots=True)
class Ending:
    """``then``: what is to be done, or what does it."""

    what: str
    until: datetime
    then: str


def of_commit(intent: Intent) -> Iterator[Ending]:
    """The CA, OpenPGP keys below keys/, and values that Git has seen and that stay valid for a time."""
    name = layout.CA_CERTIFICATE.removeprefix(layout.KEYS)
    if name in intent.keys:
        for life in of_the_commit(intent, X509Certificates()):
            yield Ending(life.what, life.certificate.until, f"renewed {life.renewed}")
    for file, content in sorted(intent.keys.items()):
        if file.endswith(".asc"):
            for fingerprint, until in endings_of_keys(content.decode("utf-8", "replace")):
                then = "its holder extends it (gpg --quick-set-expire) and exports it again"
                yield Ending(f"OpenPGP key {fingerprint}, {layout.KEYS}{file}", until, then)
    for secret in intent.secrets:
        if secret.handover.until:
            until = datetime.fromisoformat(secret.handover.until).replace(tzinfo=UTC)
            yield Ending(
                f"value of {secret.name} that Git has seen", until, f"{secret.owner} has it reissued by then"
            )


def of_platform(world: World) -> Iterator[Ending]:
    """The certificates that Vault stands on, as they are now."""
    for life in lives(world):
        if life.renewed not in (CA_RENEWED, CA_GOES):  # those are of the commit
            yield Ending(life.what, life.certificate.until, f"renewed {life.renewed}")


def within(found: Iterator[Ending], now: datetime, horizon: str) -> list[Ending]:
    """Those that end in that time, the first one first. ``horizon`` as the catalog has durations: ``400d``."""
    last = now.timestamp() + seconds(horizon)
    return sorted((e for e in found if e.until.timestamp() <= last), key=lambda e: (e.until, e.what))
