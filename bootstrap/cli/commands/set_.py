"""``bootstrap set``: changes a value that Vault owns, or takes over a version that another wrote; on record."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.cli import compose, terminal
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options, Output
from bootstrap.cli.value import HINT, read_value, refuse_argument
from bootstrap.model.catalog import Secret
from bootstrap.model.errors import DefinitionError
from bootstrap.model.names import kv
from bootstrap.operations.change.request import Adoption, NewValue, find_secret, refuse_reason
from bootstrap.operations.change.runner import Change, Done
from bootstrap.operations.records import write_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments as they were given; ``more`` are words that belong to nothing."""

    secret: str
    field: str
    value: str | None
    adopt: int | None
    reason: str
    more: Sequence[str] = ()


def set_value(options: Options, asked: Asked) -> int:
    """0 when the version is in Vault and on record, also where it was before."""
    _refuse_usage(asked)
    prepared = compose.prepare(options)
    compose.need_records(options)
    secret = find_secret(prepared.intent, asked.secret)
    request = _request(options, asked, secret)
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        done = Change(world, request).run()
        write_records(world)
        found = document(secret, done, world.records.folder)
    if options.output is Output.JSON:
        terminal.document(json.dumps(found, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*lines(secret, done, world.records.folder))
    return 0


def _refuse_usage(asked: Asked) -> None:
    if asked.more:  # perhaps the value: it is not shown
        raise _usage("there is a word too many", HINT)
    if (asked.value is None) == (asked.adopt is None):
        raise _usage("either a value is given, or a version to adopt", f"{HINT}; or --adopt VERSION")
    if asked.value is not None:
        refuse_argument(asked.value)
    if asked.adopt is not None and asked.field:
        raise _usage("a version is adopted as a whole", "leave --field out")


def _usage(why: str, hint: str) -> DefinitionError:
    return DefinitionError(why, code="E_USAGE", where="bootstrap set", hint=hint)


def _request(options: Options, asked: Asked, secret: Secret) -> NewValue | Adoption:
    refuse_reason(asked.reason, None)
    if asked.adopt is not None:
        return Adoption(secret=secret, version=asked.adopt, reason=asked.reason)
    name = f"{secret.name}.{asked.field}" if asked.field else secret.name
    value = read_value(asked.value or "", name, ask=not options.non_interactive)
    refuse_reason(asked.reason, value)
    return NewValue(secret=secret, field=asked.field, value=value, reason=asked.reason)


def document(secret: Secret, done: Done, records: str) -> dict[str, Any]:
    """Plain JSON values."""
    return {
        "secret": secret.name,
        "path": kv(secret.in_vault),
        "version": done.version,
        "changed": done.changed,
        "waits": list(done.waits),
        "records": records,
    }


def lines(secret: Secret, done: Done, records: str) -> Iterator[str]:
    yield f"{secret.name}: {done.note}" + ("" if done.changed else "; it did before")
    yield from (f"  waits: {each}" for each in done.waits)
    if done.changed:
        yield f"records      {records} (signatures only: commit them)"
