"""A report as plain text lines: what the terminal shows and a pipe gets."""

from collections.abc import Iterator

from bootstrap.ledger.report import NoteLine, Report, SecretLine


def lines(report: Report) -> Iterator[str]:
    """One line a secret with what follows from it below, the notes, and what it all rests on."""
    yield from _summary(report)
    yield ""
    for secret in report.secrets:
        yield from _secret(secret)
    if report.notes:
        yield ""
        yield from (_note(note) for note in report.notes)
    yield ""
    yield from (f"note: {each}" for each in report.rests_on)


def _summary(report: Report) -> Iterator[str]:
    counts = ", ".join(f"{count} {phase}" for phase, count in report.counts.items())
    yield f"{_checked(report)}: {report.size} records ({counts}) until {report.time}{_completeness(report)}"
    environment = f"  environment {report.environment}" if report.environment else ""
    yield f"cluster {report.cluster}{environment}  vault {report.vault_cluster or '-'}"
    yield f"head sha256:{report.last}  root sha256:{report.root}"


def _checked(report: Report) -> str:
    if not report.verified:
        return "SIGNATURES NOT CHECKED (ledger verify BUNDLE --keys DIR does)"
    return "verified" if report.completeness is None or report.completeness.places else "A PREFIX, verified"


def _completeness(report: Report) -> str:
    found = report.completeness
    if found is None:
        return ""
    if not found.places:
        return "; nothing says that these are all (--head FILE does, or records/ beside the keys)"
    places = ", ".join(found.places)
    held = f"; all that {places} names" if found.size == report.size else _behind(places, found.size)
    also = f"; heads of {len(found.others)} other clusters are there: --cluster UID says which is meant"
    return held + (also if found.others else "")


def _behind(places: str, size: int) -> str:
    return f"; {places} names the first {size}, and nothing says that what follows is all"


def _secret(line: SecretLine) -> Iterator[str]:
    where = f"{line.file}@{line.commit[:12]} (blob {line.blob[:12]})" if line.blob else line.file
    when = line.committed or line.intent
    yield f"{line.name}  authority {line.authority}  {where} -> {line.destination}  {when}"
    retired = f"retired {line.retired} ({line.retire})" if line.retired else "not retired"
    yield f"    {line.secret_class}, {line.owner}; by {line.actor}; {retired}; audit {_audit(line)}"
    if line.residuals:
        yield f"    may still be found in: {', '.join(line.residuals)}"
    for each in line.versions:
        yield f"    version {each.version} {each.how} {each.time} by {each.actor}: {each.reason}".rstrip(": ")
    yield f"    {line.note}"


def _audit(line: SecretLine) -> str:
    return f"request {line.audit}, txn {line.txn}" if line.txn else line.audit or "none yet"


def _note(note: NoteLine) -> str:
    details = " ".join(f"{name}={value}" for name, value in sorted(note.details.items()))
    return f"record {note.seq}  {note.time}  {note.phase}  {details}".rstrip()
