"""What is wrong with an intent repository, as values: all of it at once, never a secret's value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.outside import decimal

SHOWN = 50  # findings listed in one error; `check` shows all of them


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"  # never stops `up`


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``id`` is a stable identifier (E_... or W_...), ``where`` is ``file:line`` or ``file:line:column``.

    ``expected`` and ``found`` name kinds of things ("text", "a list"), never what was written.
    """

    id: str
    where: str
    message: str
    hint: str = ""
    level: Level = Level.ERROR
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        hint = f" (hint: {self.hint})" if self.hint else ""
        return f"{where}{self.id} {self.message}{hint}"


class IntentError(DefinitionError):
    """An intent repository with errors. ``findings`` holds every one; the text lists the first SHOWN."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        if len(findings) == 1:
            super().__init__(first.message, code=first.id, where=first.where, hint=first.hint)
        else:
            lines = [f"{len(findings)} errors in the intent repository", *map(str, findings[:SHOWN])]
            if len(findings) > SHOWN:
                lines.append(f"... and {len(findings) - SHOWN} more")
            hint = "`bootstrap check` lists them all"
            super().__init__("\n  ".join(lines), code=first.id, where=first.where, hint=hint)
        self.findings = tuple(findings)


def of_error(error: BootstrapError, where: str = "") -> Finding:
    """An error of an adapter or of the YAML reader as a finding; ``where`` is used when it names no place."""
    return Finding(id=error.code, where=error.where or where, message=error.message, hint=error.hint)


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(f for f in findings if f.level is Level.ERROR)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by place: the same order on every machine, each finding once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (f.level is Level.WARNING, _place(f), f.id)))


def _place(finding: Finding) -> tuple[str, tuple[int, ...], str]:
    file, *numbers = finding.where.split(":")
    return file, tuple(n for text in numbers if (n := decimal(text)) is not None), finding.message
