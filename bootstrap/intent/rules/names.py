"""Rules of names: each entry, each Kubernetes Secret and each field is spoken of once."""

from collections.abc import Iterable, Iterator

from bootstrap.intent.findings import Finding
from bootstrap.model.catalog import Intent, Internal, Secret
from bootstrap.model.reserved import reserved_uses

PLACEHOLDER = "FILL-IN"  # what `bootstrap import` writes where it cannot know
_Entry = Secret | Internal
_Place = tuple[str, str]  # namespace, name of a Kubernetes Secret


def judge(intent: Intent) -> Iterator[Finding]:
    yield from _entries(intent.secrets)
    yield from _entries(intent.internals)
    yield from _secrets(intent)
    entries: list[_Entry] = [*intent.secrets, *intent.internals]
    for entry in entries:
        yield from _placeholders(entry)
    for message, where in reserved_uses(intent):
        hint = "name another namespace, or another Secret in Vault's"
        yield Finding(id="E_NAMESPACE", where=where, message=message, hint=hint)


def _entries(entries: Iterable[_Entry]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for entry in entries:
        if entry.name in first:
            message = f"two entries are named {entry.name}: here and at {first[entry.name]}"
            yield Finding(id="E_DUP_NAME", where=entry.where, message=message, hint="rename one of the two")
        first.setdefault(entry.name, entry.where)


def _secrets(intent: Intent) -> Iterator[Finding]:
    """No two things of ours write one Kubernetes Secret; the operator would adopt a scaffold of that name."""
    taken: dict[_Place, tuple[str, str]] = {}
    for place, what, where in _written(intent):
        if place in taken:
            other, at = taken[place]
            code = (
                "E_SCAFFOLD_NAME"
                if {what, other} == {"a scaffold", "a materialized Secret"}
                else "E_NAME_TAKEN"
            )
            message = f"Secret {place[0]}/{place[1]} is {what} here and {other} at {at}"
            yield Finding(id=code, where=where, message=message, hint="give one of the two another name")
        taken.setdefault(place, (what, where))


def _written(intent: Intent) -> Iterator[tuple[_Place, str, str]]:
    for secret in intent.secrets:
        if secret.scaffold:
            yield (secret.scaffold.namespace, secret.scaffold.name), "a scaffold", secret.where
    # One source may be published by several entries: it is named once, by the first.
    sources = {(i.source.namespace, i.source.secret): i.where for i in reversed(intent.internals)}
    for place, where in sources.items():
        yield place, "the source of an internal secret", where
    entries: list[_Entry] = [*intent.secrets, *intent.internals]
    for entry in entries:
        for consumer in entry.consumers:
            yield (consumer.namespace, consumer.secret), "a materialized Secret", entry.where


def _placeholders(entry: _Entry) -> Iterator[Finding]:
    """What `bootstrap import` could not know."""
    for name, text in (("owner", entry.owner), ("purpose", entry.purpose)):
        if text == PLACEHOLDER:
            # Without the entry's name: many have the same fault after an import, and a report counts them.
            message = f"the {name} is not written yet"
            hint = f"write {name}: in place of {PLACEHOLDER}; `bootstrap import --{name} TEXT` says it of all"
            yield Finding(id="E_PLACEHOLDER", where=entry.where, message=message, hint=hint)
