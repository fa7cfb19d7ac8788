"""An imported entry as YAML of the catalog: strict, and with each text that needs quotes in quotes."""

import json
import re
from collections.abc import Mapping

from bootstrap.intent.rules.names import PLACEHOLDER
from bootstrap.model.catalog import Consumer
from bootstrap.operations.importing.candidates import Found

_PLAIN = re.compile(
    r"(?!(?i:true|false|null|yes|no|on|off|y|n)\Z)[A-Za-z][A-Za-z0-9._/@-]*(?: [A-Za-z0-9(][A-Za-z0-9._/@()-]*)*"
)
_WHO = f"{PLACEHOLDER} # the team that answers for it"
_WHAT = f"{PLACEHOLDER} # what it is for, in one line"


def entry_text(entry: Found, file: str) -> str:
    """``file`` is its ciphertext below ``encrypted/``; placeholders are what ``check`` names until they are filled."""
    lines = [f"# from {_one_line(entry.origin)}"] if entry.origin else []
    lines += [
        "apiVersion: bootstrap/v1",
        "kind: Secret",
        f"metadata: {{name: {scalar(entry.name)}}}",
        "spec:",
        f"  class: {'bootstrap' if entry.scaffold else 'runtime'}",
        f"  owner: {scalar(entry.owner) if entry.owner else _WHO}",
        f"  purpose: {scalar(entry.purpose) if entry.purpose else _WHAT}",
    ]
    if file:
        source = {"file": f"encrypted/{file}", "key": entry.key, "encoding": "base64" if entry.base64 else ""}
        lines.append(f"  source: {_flow(source)}")
    if entry.fields:
        lines.append(f"  # fields: {', '.join(entry.fields)}")
    lines.append(f"  runtime: {{path: {scalar(entry.path)}}}")
    if entry.scaffold:
        kind = entry.scaffold.type if entry.scaffold.type != "Opaque" else ""
        scaffold = {"namespace": entry.scaffold.namespace, "name": entry.scaffold.name, "type": kind}
        lines.append(f"  scaffold: {_flow(scaffold)}")
    if file:
        lines.append("  handover: {renew: keep} # or generate, or reissue: how the copy in Git dies")
    if entry.consumers:
        lines += ["  consumers:", *(f"    - {_consumer(consumer)}" for consumer in entry.consumers)]
    return "\n".join([*lines, ""])


def _consumer(consumer: Consumer) -> str:
    texts = {
        "namespace": consumer.namespace,
        "secret": consumer.secret,
        "workload": consumer.workload or "",
        "type": consumer.type if consumer.type != "Opaque" else "",
    }
    marks = {"labels": consumer.labels, "annotations": consumer.annotations}
    parts = [_pairs(texts), *(f"{name}: {_flow(found, keep=True)}" for name, found in marks.items() if found)]
    return "{" + ", ".join([*parts, *(["immutable: true"] if consumer.immutable else [])]) + "}"


def _flow(texts: Mapping[str, str], *, keep: bool = False) -> str:
    return "{" + _pairs(texts, keep=keep) + "}"


def _pairs(texts: Mapping[str, str], *, keep: bool = False) -> str:
    return ", ".join(f"{scalar(name)}: {scalar(value)}" for name, value in texts.items() if value or keep)


def scalar(text: str) -> str:
    """A text that the strict reader takes for that text, wherever it stands."""
    return text if _PLAIN.fullmatch(text) else json.dumps(_one_line(text), ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split()) if any(not character.isprintable() for character in text) else text
