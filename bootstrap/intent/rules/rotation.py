"""Rules of the first rotation policy and of dates (R5)."""

from collections.abc import Iterator
from datetime import date

from bootstrap.intent.findings import Finding
from bootstrap.model.catalog import Intent, Secret

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def judge(intent: Intent) -> Iterator[Finding]:
    for secret in intent.secrets:
        yield from _policy(secret)
        yield from _until(secret)


def seconds(duration: str) -> int:
    """``30d`` as seconds; the schema holds its form."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def day(text: str) -> date | None:
    """The day that ``YYYY-MM-DD`` names; None where the calendar has none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _policy(secret: Secret) -> Iterator[Finding]:
    rotation = secret.rotation
    if rotation.rotation_type == "time-based" and not rotation.ttl:
        yield _wrong(secret, "rotation_type: time-based wants a ttl", "write ttl: 30d")
    for name, value in (("rotate_before", rotation.rotate_before), ("max_overlap", rotation.max_overlap)):
        if value and rotation.ttl and seconds(value) >= seconds(rotation.ttl):
            yield _wrong(secret, f"rotation.{name} is not shorter than rotation.ttl", "write a shorter time")


def _wrong(secret: Secret, message: str, hint: str) -> Finding:
    return Finding(id="E_ROTATION", where=secret.where, message=f"{secret.name}: {message}", hint=hint)


def _until(secret: Secret) -> Iterator[Finding]:
    """Only whether there is such a day: whether it has passed depends on a clock, which findings do not."""
    if secret.handover.until and day(secret.handover.until) is None:
        message = f"{secret.name}: handover.until is no day of the calendar"
        yield Finding(id="E_VALUE", where=secret.where, message=message, hint="write YYYY-MM-DD")
