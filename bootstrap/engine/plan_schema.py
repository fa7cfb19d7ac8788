"""The shape of what `bootstrap plan -o json` prints, for `bootstrap schema plan` and readers of the document.

``plan`` is what the digest covers; ``live`` is there only when a cluster was looked at, and apart from the digest.
The platform, the secrets and the internal entries have the keys that follow from ``model/catalog.py``.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.alias_generators import to_camel

from bootstrap.engine.plan_catalog import keys
from bootstrap.model import catalog
from bootstrap.model.declared import is_frozen

Digest = str
TITLES = {catalog.VaultSpec: "Vault", catalog.BootstrapCopy: "Scaffold"}


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Part(Closed):
    model_config = ConfigDict(alias_generator=to_camel)


class Toleration(BaseModel):
    """As Kubernetes takes it."""

    model_config = ConfigDict(extra="allow")


class Step(Part):
    id: str
    kind: str
    title: str
    needs: list[str]
    with_: dict[str, str | int | bool] = Field(alias="with")
    gate: Literal["none", "approve"]


class Phase(Part):
    id: str
    title: str
    authority: str
    steps: list[Step]


@cache
def model_of(of: type) -> Any:
    """The model of what ``plan_catalog.shown`` makes of a value of the frozen type ``of``."""
    fields: dict[str, Any] = {
        key.name: (_type(key.type), Field(description=key.note or None)) for key in keys(of)
    }
    return create_model(TITLES.get(of, of.__name__), __base__=Closed, **fields)


def _type(hint: Any) -> Any:
    """The type in JSON of a field of type ``hint``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is catalog.Toleration:
        return Toleration
    if origin is UnionType:  # the other of the two is None
        return _type(arguments[0]) | None
    if origin is tuple:
        return list.__class_getitem__(_type(arguments[0]))
    if origin is Mapping:
        return dict[str, str]
    if is_frozen(hint):
        return model_of(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Literal[tuple(item.value for item in hint)]
    return hint


Platform: Any = model_of(catalog.Platform)
Secret: Any = model_of(catalog.Secret)
Internal: Any = model_of(catalog.Internal)


class ScaffoldOf(Part):
    namespace: str
    name: str
    from_: str = Field(alias="from", description="Name of the catalog entry")


class Namespace(Part):
    name: str
    reads: list[str] = Field(description="KV paths")
    pushes: list[str] = Field(description="KV paths")


class Derived(Part):
    kind: Literal["ExternalSecret", "PushSecret"]
    namespace: str
    name: str
    path: str


class Plan(Part):
    format: Literal["bootstrap/plan/v1"]
    tool: str
    commit: str
    tree: str
    platform: Platform
    phases: list[Phase]
    secrets: list[Secret]
    internals: list[Internal]
    scaffolds: list[ScaffoldOf]
    namespaces: list[Namespace]
    derived: list[Derived]
    environment: str | None = Field(None, description="Only with --environment")


class Run(Part):
    state: Literal["none", "running", "finished", "abandoning", "abandoned", "setting", "rekeying"]
    epoch: int = Field(description="Number of runs so far")
    plan: Digest = Field(description="Digest of the plan that the last run went by; empty where none ran")
    asks: bool = Field(description="An unfinished run of another plan: `up` stops until that is accepted")


class LiveStep(Part):
    id: str
    phase: str
    state: Literal["holds", "waits", "changes", "blocked", "unknown"]
    message: str = Field(description="What holds, what would be done, or what stands in the way")
    changes: list[str] = Field(description="What would be done, item by item, or what is waited for")
    code: str = Field(description="Name of the error that stands in the way, such as E_ROOT_NEEDED")


class Live(Part):
    cluster: str = Field(description="UID of namespace kube-system")
    run: Run
    pending: bool = Field(description="Whether `up` would change anything, as far as it can be told")
    steps: list[LiveStep]


class Document(Part):
    digest: Digest = Field(description="sha256: and the SHA-256 of the plan as canonical JSON, in hex")
    plan: Plan
    live: Live | None = Field(None, description="Only with --kubeconfig")


def plan_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the whole document."""
    return Document.model_json_schema(by_alias=True)
