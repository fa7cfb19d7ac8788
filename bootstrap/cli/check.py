"""``bootstrap check``: what can be known from Git alone, and with the root key from the files too."""

import json
from collections.abc import Iterator, Sequence
from typing import TextIO

from bootstrap.intent.findings import Finding, Level, errors, in_order, of_error
from bootstrap.intent.load import examine
from bootstrap.intent.values import secret_values
from bootstrap.model.catalog import Intent, Secret, SecretClass
from bootstrap.model.errors import BootstrapError
from bootstrap.ports import EncryptedFiles, IntentRepository, Opened


def run_check(repository: IntentRepository, files: EncryptedFiles | None) -> list[Finding]:
    """All findings, errors first. With ``files`` every file is opened and every declared field looked for."""
    intent, findings = examine(repository)
    if intent is None:
        return list(findings)
    opened = _unopened(intent) if files is None else _open_all(intent, files)
    return list(in_order([*findings, *opened]))


def exit_code(findings: Sequence[Finding]) -> int:
    """0, or 2 (definition) when there is an error; warnings never count."""
    return 2 if errors(findings) else 0


def render_findings(findings: Sequence[Finding], output: str, out_stream: TextIO) -> None:
    """``output`` is text (one line a finding, then a summary) or json."""
    wrong = len(errors(findings))
    if output == "json":
        document = {
            "errors": wrong,
            "warnings": len(findings) - wrong,
            "findings": [_plain(f) for f in findings],
        }
        out_stream.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    for finding in findings:
        out_stream.write(f"{finding.level}: {finding}\n")
    out_stream.write(f"{wrong} errors, {len(findings) - wrong} warnings\n")


def _plain(finding: Finding) -> dict[str, str]:
    names = ("level", "id", "where", "message", "hint", "expected", "found")
    return {name: str(getattr(finding, name)) for name in names}


def _unopened(intent: Intent) -> Iterator[Finding]:
    if not intent.blobs:
        return
    message = f"{len(intent.blobs)} encrypted files were not opened: whether each holds its fields is unknown"
    hint = "bootstrap check --root file:PATH"
    yield Finding(id="W_NOT_OPENED", where="encrypted", message=message, hint=hint, level=Level.WARNING)


def _open_all(intent: Intent, files: EncryptedFiles) -> Iterator[Finding]:
    opened: dict[str, Opened] = {}
    for path in intent.blobs:
        try:
            opened[path] = files.open(path)
        except BootstrapError as error:
            yield of_error(error, path)
    for secret in intent.secrets:
        if (
            secret.source
            and secret.source.file in opened
            and secret.secret_class is not SecretClass.ROOT_MATERIAL
        ):
            yield from _fields(secret, opened[secret.source.file])


def _fields(secret: Secret, opened: Opened) -> Iterator[Finding]:
    try:
        values = secret_values(secret, opened)
    except BootstrapError as error:
        yield of_error(error, secret.where)
        return
    wanted = {*secret.handover.fields, *(f for c in secret.consumers for f in c.keys.values())}
    for name in sorted(wanted - values.keys()):
        message = f"{secret.name}: no field {name} in {secret.source.file if secret.source else ''}"
        yield Finding(id="E_KEY", where=secret.where, message=message, hint=f"fields: {', '.join(values)}")
    for name, value in values.items():
        if value.ends_in_stray_newline():
            message = (
                f"{secret.name}: field {name} is one line that ends in a newline, which is part of the value"
            )
            hint = "encrypt it without, if its consumers do not want it"
            yield Finding(id="W_NEWLINE", where=secret.where, message=message, hint=hint, level=Level.WARNING)
