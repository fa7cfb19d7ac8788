"""The report of a drill as one page for people: no script, nothing from elsewhere, every text escaped."""

from importlib import resources
from typing import Any, Final

from bootstrap.ledger import canonical
from bootstrap.operations.drill.report import Report

TEMPLATE: Final = "page.html.j2"


def page(report: Report, signed: bytes, key_id: str) -> str:
    """Of the report in ``signed``. The page itself is not signed: it names the digest of the file that is."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["seconds"] = _seconds
    environment.filters["span"] = _span
    text = (resources.files("bootstrap.operations.drill") / TEMPLATE).read_text()
    facts: dict[str, Any] = {
        "r": report.content,
        "equal": report.equal,
        "differing": report.differing,
        "digest": canonical.sha256(signed),
        "key": key_id,
    }
    return environment.from_string(text).render(facts)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


def _span(seconds: int) -> str:
    """In the two largest units."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    units = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{count} {unit}" for count, unit in units if count]
    return " ".join(shown[:2]) or "0 s"
