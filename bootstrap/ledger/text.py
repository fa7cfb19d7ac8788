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
    checked = (
        "verified" if report.verified else "SIGNATURES NOT CHECKED (ledger verify BUNDLE --keys DIR does)"
    )
    counts = ", ".join(f"{count} {phase}" for phase, count in report.counts.items())
    yield f"{checked}: {report.size} records ({counts}) until {report.time}"
    yield f"cluster {report.cluster}  vault {report.vault_cluster or '-'}"
    yield f"head sha256:{report.last}  root sha256:{report.root}"


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
