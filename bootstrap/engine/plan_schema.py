"""The shape of what `bootstrap plan -o json` prints, for `bootstrap schema plan` and whoever reads the document.

``plan`` is what the digest covers; ``live`` is there only when a cluster was looked at, and apart from the digest.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Digest = str


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Toleration(BaseModel):
    """As Kubernetes takes it."""

    model_config = ConfigDict(extra="allow")


class Vault(Part):
    version: str
    image: str
    namespace: str
    replicas: int
    custody: Literal["cluster", "offline"]
    storage_class: str = Field(description="Empty: the cluster's default")
    data_size: str = Field(description="A Kubernetes quantity")
    audit_size: str = Field(description="A Kubernetes quantity")
    image_pull_secrets: list[str]
    cpu: str
    memory: str
    tolerations: list[Toleration]


class ExternalSecrets(Part):
    manifests: str = Field(description="Empty where the operator is adopted")
    deployment: str = Field(description="namespace/name")
    service_account: str = Field(description="namespace/name")


class Platform(Part):
    name: str
    environments: list[str]
    vault: Vault
    external_secrets: ExternalSecrets
    workloads: list[str]


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


class Source(Part):
    file: str
    blob: str = Field(description="Git blob id of the encrypted file")
    key: str | None
    field: str
    encoding: Literal["utf-8", "base64"]


class Rotation(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    rotation_type: str
    ttl: str
    rotate_before: str
    revoke_old: bool
    max_overlap: str
    failure_strategy: str


class Scaffold(Part):
    namespace: str
    name: str
    type: str


class Consumer(Part):
    namespace: str
    secret: str
    workload: str | None
    keys: dict[str, str]
    type: str


class Secret(Part):
    name: str
    class_: Literal["bootstrap", "runtime", "derived", "root-material"] = Field(alias="class")
    owner: str
    purpose: str
    source: Source | None
    path: str | None = Field(description="Below the KV v2 mount secret/")
    handed_over: bool = Field(description="Whether Git introduces a value that Vault then owns")
    retire: Literal["deleted", "inert", "ignored"]
    renew: Literal["generate", "reissue", "keep"]
    renew_fields: list[str]
    renew_length: int
    reason: str
    until: str
    rotation: Rotation
    scaffold: Scaffold | None
    consumers: list[Consumer]


class InternalSource(Part):
    namespace: str
    secret: str


class Internal(Part):
    name: str
    kind: Literal["InternalSecret", "InternalConfig"]
    owner: str
    purpose: str
    source: InternalSource
    path: str
    properties: dict[str, str]
    consumers: list[Consumer]


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


class Run(Part):
    state: Literal["none", "running", "finished", "abandoning", "abandoned"]
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
