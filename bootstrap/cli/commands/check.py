"""``bootstrap check``: what can be known from Git alone, and with the root key from the files too."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from bootstrap.cli import compose, terminal
from bootstrap.cli.commands.check_heads import heads
from bootstrap.cli.commands.check_keys import key_pairs
from bootstrap.cli.commands.check_options import Beyond, Report
from bootstrap.cli.options import Options
from bootstrap.intent.contents import in_clear
from bootstrap.intent.findings import Finding, Level, errors, in_order, of_error
from bootstrap.intent.load import examine
from bootstrap.intent.rules.manifests import judge as judge_manifests
from bootstrap.intent.rules.rotation import day
from bootstrap.intent.rules.types import judge_opened
from bootstrap.intent.values import secret_values
from bootstrap.model import layout
from bootstrap.model.catalog import Intent, Secret, SecretClass
from bootstrap.model.errors import BootstrapError
from bootstrap.ports import EncryptedFiles, IntentRepository, Opened

if TYPE_CHECKING:
    from bootstrap.adapters.git.repository import GitRepository


def check(options: Options, report: Report, beyond: Beyond) -> int:
    """Writes every finding to stdout; the exit code is 2 when one is an error."""
    from bootstrap.cli.commands.check_render import render

    repository = compose.repository(options, history=beyond.history or beyond.bundle is not None)
    files = compose.encrypted_files(repository, compose.root_key(options, repository))
    findings = [*_unused(repository)]  # first, so that what it takes for a moment is free again for the rest
    intent, found = run_check(repository, files)
    findings += [*found, *_readers(repository)]
    if intent is not None:
        findings += overdue(intent, datetime.now(UTC).date())
        findings += heads(intent)
    if files is not None:
        findings += key_pairs(repository, files, found)
    if options.trusted_signers is None:
        findings += _unjudged(repository)
    if beyond.history:
        findings += _history(repository)
    if beyond.bundle is not None and intent is not None:
        from bootstrap.cli.commands.check_bundle import changed_since_commit

        findings += changed_since_commit(repository, intent, beyond.bundle)
    ordered = in_order(findings)
    terminal.document(render(ordered, report, repository.location))
    return exit_code(ordered)


def run_check(
    repository: IntentRepository, files: EncryptedFiles | None
) -> tuple[Intent | None, tuple[Finding, ...]]:
    """What one commit says. With ``files`` every file is opened and every declared field looked for."""
    intent, findings = examine(repository)
    if intent is None:
        return None, findings
    manifests = tuple(judge_manifests(intent))
    unsaid = [finding for finding in findings if not _repeated(finding, manifests)]
    opened = _unopened(intent) if files is None else _open_all(intent, files, findings)
    return intent, in_order([*unsaid, *manifests, *opened])


def _repeated(finding: Finding, manifests: Sequence[Finding]) -> bool:
    """A manifest that cannot be read is met where plain Secrets are looked for too, with a line less exact."""
    file = finding.where.split(":")[0]
    return any(finding.id == each.id and file == each.where.split(":")[0] for each in manifests)


def overdue(intent: Intent, today: date) -> Iterator[Finding]:
    """Values of Git that should be dead by now (H5). Here, not among the rules: those never look at a clock."""
    for secret in intent.handovers:
        until = secret.handover.until
        last = day(until) if until else None
        if last and last < today:
            message = f"{secret.name}: handover.until was {until}, and the copy in Git is still declared live"
            hint = "have it reissued and write the next date, or say renew: generate"
            yield Finding(id="W_UNTIL", where=secret.where, message=message, hint=hint, level=Level.WARNING)


def exit_code(findings: Sequence[Finding]) -> int:
    """0, or 2 (definition) when there is an error; warnings never count."""
    return 2 if errors(findings) else 0


def _history(repository: "GitRepository") -> Iterator[Finding]:
    """What earlier commits hold in the clear: each copy of the repository has it, whatever HEAD says."""
    from bootstrap.adapters.git.history import past_files

    try:
        for past in past_files(repository):
            for finding in in_clear(past.path, past.content):
                if finding.id in ("E_KEY_IN_GIT", "E_PLAINTEXT"):
                    message = f"{finding.message}, in commit {past.commit[:12]}"
                    hint = "replace the value: rewriting history does not reach the clones that are out there"
                    where = f"{past.commit[:12]}:{finding.where}"
                    yield Finding(id=finding.id, where=where, message=message, hint=hint)
    except BootstrapError as error:
        yield of_error(error)


def _readers(repository: "GitRepository") -> Iterator[Finding]:
    """Who else opens the encrypted files, and which holder of the root cannot (S1, S3)."""
    from bootstrap.adapters.sops.commit_files import declared_recipients
    from bootstrap.operations.rekey.recipients import expected_readers, readers_of

    try:
        expected = expected_readers(repository, declared_recipients(repository))
    except BootstrapError as error:
        yield of_error(error, "keys")
        return
    for path in (p for p in repository.paths() if p.startswith(layout.ENCRYPTED) and expected.holders):
        try:
            readers = readers_of(path, repository.read(path))
        except BootstrapError:
            continue  # reported where its form is judged
        if extra := expected.undeclared(readers):
            message = f"it can be opened by somebody that keys/ does not name: {', '.join(extra)}"
            hint = "`bootstrap rekey-repo`, or name them in keys/readers.txt"
            yield Finding(id="E_RECIPIENT_EXTRA", where=path, message=message, hint=hint)
        if absent := expected.absent(readers):
            message = f"{absent} of {len(expected.holders)} holders of the root cannot open it"
            hint = "`bootstrap rekey-repo --root file:PATH`"
            yield Finding(id="W_RECIPIENT", where=path, message=message, hint=hint, level=Level.WARNING)


def _unused(repository: "GitRepository") -> Iterator[Finding]:
    for path in repository.unused_changes():
        if not path.startswith(layout.RECORDS):
            message = "not as in the commit, and so not used"
            yield Finding(
                id="W_REPO_DIRTY", where=path, message=message, hint="commit it", level=Level.WARNING
            )


def _unjudged(repository: "GitRepository") -> Iterator[Finding]:
    """A signature that is not verified: reported only where there is one."""
    from bootstrap.adapters.git.signature import signatures

    for signed in signatures(repository.named):
        message = f"{signed.what} is signed, and by whom was not judged"
        hint = "name who may sign: --trusted-signers FILE"
        yield Finding(id="W_SIGNER", where="", message=message, hint=hint, level=Level.WARNING)


def _unopened(intent: Intent) -> Iterator[Finding]:
    if not intent.blobs:
        return
    message = f"{len(intent.blobs)} encrypted files were not opened: whether each holds its fields is unknown"
    hint = "bootstrap check --root file:PATH"
    yield Finding(id="W_NOT_OPENED", where="encrypted", message=message, hint=hint, level=Level.WARNING)


def _open_all(intent: Intent, files: EncryptedFiles, known: Sequence[Finding]) -> Iterator[Finding]:
    """File by file, so that no more than one is open at a time; none that is ``known`` to be no ciphertext."""
    unread = {finding.where for finding in known if finding.id in _NO_CIPHERTEXT}
    wanted: dict[str, list[Secret]] = {}
    for secret in intent.secrets:
        if secret.source and secret.secret_class is not SecretClass.ROOT_MATERIAL:
            wanted.setdefault(secret.source.file, []).append(secret)
    for path in sorted(intent.blobs.keys() - unread):
        try:
            opened = files.open(path)
        except BootstrapError as error:
            yield _not_opened(error, path)
            continue
        for secret in wanted.get(path, ()):
            yield from _fields(secret, opened)


_NO_CIPHERTEXT = ("E_PLAINTEXT", "E_CT_EMPTY", "E_FORM")


def _not_opened(error: BootstrapError, path: str) -> Finding:
    """With a wrong root key every file says the same: the path is left to ``where``, so that a report can count."""
    found = of_error(error, path)
    if found.id != "E_NO_IDENTITY":
        return found
    return replace(found, message=found.message.removeprefix(f"{found.where} is "))


def _fields(secret: Secret, opened: Opened) -> Iterator[Finding]:
    try:
        values = secret_values(secret, opened)
    except BootstrapError as error:
        yield of_error(error, secret.where)
        return
    yield from judge_opened(secret, values)
    wanted = {*secret.handover.fields, *(f for c in secret.consumers for f in c.keys.values())}
    for name in sorted(wanted - values.keys()):
        message = f"{secret.name}: no field {name} in {secret.source.file if secret.source else ''}"
        yield Finding(id="E_KEY", where=secret.where, message=message, hint=f"fields: {', '.join(values)}")
    if empty := ", ".join(name for name, value in values.items() if not value):
        message = f"{secret.name}: a value without a character is introduced: {empty}"
        hint = "take the field out with `sops edit`, if no consumer wants it so"
        yield Finding(id="W_EMPTY", where=secret.where, message=message, hint=hint, level=Level.WARNING)
    for name, value in values.items():
        if value.ends_in_stray_newline():
            message = (
                f"{secret.name}: field {name} is one line that ends in a newline, which is part of the value"
            )
            hint = "encrypt it without, if its consumers do not want it"
            yield Finding(id="W_NEWLINE", where=secret.where, message=message, hint=hint, level=Level.WARNING)
