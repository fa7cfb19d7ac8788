"""``bootstrap schema``: the JSON Schema of what may be written in the intent repository, and of `plan -o json`."""

import json
from typing import Annotated

import typer

from bootstrap.cli import terminal
from bootstrap.model.errors import DefinitionError


def schema(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="Platform, Secret, InternalSecret, InternalConfig, or plan.")
    ],
) -> None:
    """Print the JSON Schema of one kind."""
    terminal.document(document(kind))


def document(kind: str) -> str:
    """JSON Schema, draft 2020-12, as ``schemas/`` publishes it. DefinitionError E_KIND."""
    from bootstrap.engine.plan_schema import plan_schema
    from bootstrap.intent.schema import json_schema

    schemas = json_schema() | {"plan": plan_schema()}
    if kind not in schemas:
        hint = f"one of {', '.join(schemas)}"
        raise DefinitionError(f"there is no kind {kind}", code="E_KIND", where="KIND", hint=hint)
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schemas[kind]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
