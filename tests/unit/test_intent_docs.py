"""Every YAML example of the pages is read; those that are a repository are one without an error."""

import re
from pathlib import Path

import pytest

from bootstrap.intent import schema
from tests.support.intent_errors import errors_of
from tests.support.intent_fake import MATERIAL

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("reference/platform.md", "reference/catalog.md", "how-to/write-an-intent-repository.md")
NAMED = re.compile(r"# (bootstrap\.yaml|secrets/[a-z-]+\.yaml)\n")


def blocks(page: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


BUCKET = """\
apiVersion: bootstrap/v1
kind: Secret
metadata: {name: snapshot-bucket}
spec:
  class: derived
  owner: platform-team
  purpose: By which snapshots are put into their bucket
  runtime: {path: infrastructure/snapshot-bucket}
"""


@pytest.mark.parametrize("text", blocks("reference/platform.md"))
def test_platform_examples(text: str) -> None:
    assert errors_of({"bootstrap.yaml": text, "secrets/bucket.yaml": BUCKET}) == []


@pytest.mark.parametrize("text", blocks("reference/catalog.md"))
def test_catalog_examples(text: str) -> None:
    material = MATERIAL.partition("---\n")[2] if "name: ledger-key" in text else MATERIAL
    assert errors_of({"secrets/example.yaml": text, "secrets/material.yaml": material}) == []


def test_the_how_to_is_a_whole_repository() -> None:
    files: dict[str, str | bytes | None] = {"secrets/web.yaml": None, "secrets/material.yaml": None}
    for text in blocks("how-to/write-an-intent-repository.md"):
        match = NAMED.match(text)
        assert match is not None, text
        files[match[1]] = text
    assert len(files) == 9
    assert errors_of(files) == []
    files["secrets/shop.yaml"] = str(files["secrets/shop.yaml"]).replace("owner:", "ownr:", 1)
    assert len(errors_of(files)) == 2


def field_names(model: type[schema.Strict]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


@pytest.mark.parametrize(
    ("page", "models"),
    [
        (
            PAGES[0],
            (
                schema.Vault,
                schema.Seal,
                schema.Storage,
                schema.Resources,
                schema.Components,
                schema.ExternalSecrets,
            ),
        ),
        (
            PAGES[1],
            (
                schema.SecretSpec,
                schema.Source,
                schema.Handover,
                schema.Rotation,
                schema.Scaffold,
                schema.Consumer,
                schema.InternalSpec,
                schema.InternalSource,
            ),
        ),
    ],
)
def test_every_field_is_described(page: str, models: tuple[type[schema.Strict], ...]) -> None:
    text = (DOCS / page).read_text()
    for name in set().union(*map(field_names, models)):
        assert re.search(rf"`[a-zA-Z_.\[\]]*\b{name}\b[a-zA-Z_.]*`", text), f"{name} is not on {page}"


def test_every_code_is_described() -> None:
    text = (DOCS / "reference/catalog.md").read_text()
    program = Path(__file__).parents[2] / "bootstrap"
    sources = [*(program / "intent").rglob("*.py"), *(program / "cli" / "commands").glob("check*.py")]
    codes = {code for path in sources for code in re.findall(r'"([EW]_[A-Z0-9_]+)"', path.read_text())}
    assert len(codes) > 40
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


def test_the_json_schema_documents_every_field() -> None:
    for kind, document in schema.json_schema().items():
        for definition in [document, *document["$defs"].values()]:
            assert definition.get("additionalProperties", False) is False, kind
    spec = schema.json_schema()["Secret"]["$defs"]["SecretSpec"]["properties"]
    assert all(field.get("description") for field in spec.values())
