"""The catalog's shape as pydantic models: what may be written, and the text that documents it (G1).

Strict and closed: an unknown field is an error, a number is not text. The descriptions become the JSON Schema
of ``bootstrap schema``; ``docs/reference/`` says the same with examples. ``load.py`` turns these models into
the frozen values of ``model/catalog.py``, field by field; what a single entry cannot know is in ``rules*.py``.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from bootstrap.model.catalog import Encoding, Renew, RetireMode, SecretClass

API_VERSION = "bootstrap/v1"

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
NAME, OBJECT_NAME = rf"^{_LABEL}$", rf"^{_SUBDOMAIN}$"
DATA_KEY = r"^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$"  # neither "." nor ".." in front: as Kubernetes takes a key
NAMESPACED, WORKLOAD = rf"^{_LABEL}/{_SUBDOMAIN}$", rf"^[A-Z][A-Za-z0-9]*/{_SUBDOMAIN}$"
DURATION, QUANTITY, DATE = (
    r"^[1-9][0-9]*[smhd]$",
    r"^[0-9]+(\.[0-9]+)?(m|k|[KMGTPE]i?)?$",
    r"^(\d{4}-\d{2}-\d{2})?$",
)
MARK_NAME = rf"^({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
TYPE = r"^[A-Za-z0-9][A-Za-z0-9./-]*$"

PATTERNS = {  # what a person has to write, the code when it is something else, and an example of what is right
    NAME: ("E_NAME", "a name of lower case letters, digits and hyphens (RFC 1123)", "web-session"),
    OBJECT_NAME: ("E_NAME", "a Kubernetes object name (RFC 1123)", "web-session"),
    DATA_KEY: ("E_NAME", "a key of letters, digits, '-', '_' and '.', without '..' in front", "tls.crt"),
    NAMESPACED: ("E_NAME", "namespace/name", "external-secrets/external-secrets"),
    WORKLOAD: ("E_WORKLOAD", "Kind/name, such as Deployment/web", "Deployment/web"),
    DURATION: ("E_VALUE", "a whole number and s, m, h or d, such as 30d", "30d"),
    QUANTITY: ("E_VALUE", "a Kubernetes quantity, such as 1Gi or 100m", "1Gi"),
    DATE: ("E_VALUE", "a date, YYYY-MM-DD", "2027-06-30"),
    MARK_NAME: ("E_NAME", "a name of a label or an annotation", "reloader.stakater.com/match"),
    LABEL_VALUE: ("E_VALUE", "the value of a label: letters, digits, '-', '_' and '.', at most 63", "reads"),
    TYPE: ("E_NAME", "a type of Kubernetes Secrets", "kubernetes.io/tls"),
}
LONGEST_NAMES = (63, 253, 317)  # a label, an object or a key, and namespace/name

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)]
Stripped = Annotated[str, AfterValidator(str.strip)]
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=63)]
ObjectName = Annotated[str, StringConstraints(pattern=OBJECT_NAME, max_length=253)]
DataKey = Annotated[str, StringConstraints(pattern=DATA_KEY, max_length=253)]
NamespacedName = Annotated[str, StringConstraints(pattern=NAMESPACED, max_length=317)]
SecretType = Annotated[str, StringConstraints(pattern=TYPE, max_length=253)]
MarkName = Annotated[str, StringConstraints(pattern=MARK_NAME, max_length=317)]
LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE, max_length=63)]
Workload = Annotated[str, StringConstraints(pattern=WORKLOAD, max_length=317)]
Duration = Annotated[str, StringConstraints(pattern=DURATION, max_length=12)]
Quantity = Annotated[str, StringConstraints(pattern=QUANTITY, max_length=20)]
Folder = Annotated[str, AfterValidator(lambda path: path.rstrip("/"))]
Property = Literal["username", "password", "host", "port", "token"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


class Metadata(Strict):
    name: Name = Field(description="Unique among its kind in the repository")


# ---------------------------------------------------------------- bootstrap.yaml


class Seal(Strict):
    type: Literal["shamir", "transit", "static"] = Field(
        "shamir", description="How Vault is sealed; only shamir is available yet"
    )
    custody: Literal["cluster", "offline"] = Field(
        description="Who unseals after a restart: `cluster`, an unsealer that reads one Secret (a residual"
        " that every record names), or `offline`, the holders of the root. Never a silent default"
    )


class Storage(Strict):
    class_name: str = Field("", alias="className", description="StorageClass; empty is the cluster's default")
    data: Quantity = Field("1Gi", description="Size of each replica's data volume")
    audit: Quantity = Field("1Gi", description="Size of each replica's audit volume")


class Resources(Strict):
    cpu: Quantity = Field("100m", description="CPU request of each Vault pod")
    memory: Quantity = Field("256Mi", description="Memory request of each Vault pod")


class Tls(Strict):
    leaf: Duration = Field(
        "90d", description="Life of the certificate that each Vault serves; renewed after two thirds of it"
    )
    intermediate: Duration = Field(
        "1825d", description="Life of the CA in Vault that makes those; `up` renews it after two thirds of it"
    )


class Vault(Strict):
    version: Text = Field(description="Vault's version, as its server reports it")
    image: Text = Field(description="Full image reference, with a digest where the registry is not yours")
    namespace: Name = Field("vault", description="Namespace of Vault")
    replicas: int = Field(3, description="1, 3 or 5; one line to change, applied by `up`")
    seal: Seal
    tls: Tls = Field(default_factory=lambda: Tls.model_validate({}))
    storage: Storage = Field(default_factory=lambda: Storage.model_validate({}))
    resources: Resources = Field(default_factory=lambda: Resources.model_validate({}))
    image_pull_secrets: list[ObjectName] = Field(
        default=[], alias="imagePullSecrets", description="Names of pull Secrets in Vault's namespace"
    )
    tolerations: list[dict[str, str]] = Field(
        default=[], description="Pod tolerations, as Kubernetes writes them"
    )


class ExternalSecrets(Strict):
    install: Folder | None = Field(
        None, description="Folder of this repository with the operator's rendered manifests"
    )
    adopt: NamespacedName | None = Field(
        None, description="namespace/deployment of an operator that somebody else installs"
    )
    deployment: NamespacedName = Field(
        "external-secrets/external-secrets", description="namespace/name of the Deployment to wait for"
    )
    service_account: NamespacedName = Field(
        "external-secrets/external-secrets",
        alias="serviceAccount",
        description="namespace/name of the operator's own service account",
    )

    @property
    def awaited(self) -> str:
        """The Deployment to wait for: that of the adopted operator, or ours."""
        return self.adopt or self.deployment


class Components(Strict):
    external_secrets: ExternalSecrets = Field(
        alias="externalSecrets", description="The External Secrets Operator: installed by us or adopted"
    )
    workloads: list[Folder] = Field(
        default=[], description="Folders of manifests to apply once secrets are there, in order"
    )
    platform: list[Name] = Field(
        default=[],
        description="Namespaces of further platform components (a GitOps controller, a registry). Only"
        " these, Vault's and the operator's own may use a bootstrap secret",
    )


class Operator(Strict):
    users: list[Text] = Field(default=[], description="User names, as the API server knows them")
    groups: list[Text] = Field(default=[], description="Groups, as the API server knows them")
    service_accounts: list[NamespacedName] = Field(
        default=[],
        alias="serviceAccounts",
        description="namespace/name of controllers that may write Secrets, such as a GitOps controller's",
    )
    policies: list[Text] = Field(
        default=[], description="Names of Vault policies by which these people may change secrets"
    )
    reason: Text = Field(description="Why they may change a secret, in one line")


class SnapshotVolume(Strict):
    size: Quantity = Field(description="Size of the volume: `keep` snapshots, and one more while it is saved")
    class_name: str = Field("", alias="className", description="StorageClass; empty is the cluster's default")


class SnapshotBucket(Strict):
    endpoint: Text = Field(description="URL of the S3 server")
    bucket: Text = Field(description="Name of the bucket, which is there")
    prefix: str = Field("", description="What names in it begin with, without a slash at its end")
    region: Text = Field("us-east-1", description="Region that requests are signed for")
    credentials: Name = Field(
        description="Name of a secret of the catalog with the fields access-key-id and secret-access-key"
    )
    ca: str = Field(
        "",
        description="Name of a file of keys/ with the certificates, PEM, that sign the server's; empty where a public"
        " authority does",
    )


class SnapshotPlace(Strict):
    pvc: SnapshotVolume | None = Field(
        None, description="A PersistentVolumeClaim in bootstrap-system. It is lost with the cluster's storage"
    )
    s3: SnapshotBucket | None = Field(None, description="A bucket of an S3 server")


class Snapshots(Strict):
    schedule: Text = Field(description="When, as a CronJob takes it, in UTC: five fields of numbers")
    keep: int = Field(7, ge=1, le=1000, description="How many are kept; the newest sound one always is")
    image: Text = Field(description="Image of this program, with its digest")
    image_pull_secrets: list[ObjectName] = Field(
        default=[],
        alias="imagePullSecrets",
        description="Names of pull Secrets in bootstrap-system, which are there",
    )
    where: SnapshotPlace


class PlatformSpec(Strict):
    vault: Vault
    components: Components
    operators: list[Operator] = Field(
        default=[],
        description="People and controllers that may change a secret beside the platform itself. Whoever may"
        " and is not declared breaks INV6 in `verify`",
    )
    snapshots: Snapshots | None = Field(
        None, description="Snapshots that the cluster saves of itself, without a person and without the root"
    )
    environments: list[Name] = Field(
        default=[],
        description="Names of environments, which no path in Vault may contain: one intent serves them all",
    )


class Platform(Strict):
    api_version: Literal["bootstrap/v1"] = Field(alias="apiVersion")
    kind: Literal["Platform"]
    metadata: Metadata
    spec: PlatformSpec


# ---------------------------------------------------------------- secrets/*.yaml


class Source(Strict):
    file: Text = Field(description="Path of an encrypted file of this repository, below encrypted/")
    key: Text | None = Field(
        None, description="Dotted path into the decrypted file; without it, the whole of it"
    )
    field: DataKey = Field("value", description="Name of the field when the source is a single value")
    encoding: Encoding = Field(
        Encoding.UTF8,
        strict=False,
        description="base64 for bytes that are not text: Vault then holds their base64",
    )


class Runtime(Strict):
    path: Text = Field(description="Path below the KV v2 mount secret/; lower case, hyphens, slashes")


class Handover(Strict):
    retire: RetireMode = Field(
        RetireMode.DELETED,
        strict=False,
        description="What happens to the scaffold: deleted, inert or ignored",
    )
    renew: Renew = Field(
        Renew.KEEP,
        strict=False,
        description="How the copy in Git dies: generate (a new value at handover), reissue (its issuer makes"
        " a new one later), keep (it stays valid; say why)",
    )
    fields: list[DataKey] = Field(
        default=[], description="Fields that `generate` makes anew; empty means all"
    )
    length: int = Field(32, ge=16, le=1024, description="Characters of a generated value")
    reason: Stripped = Field("", description="Why a value that Git has seen stays valid (keep, reissue)")
    until: str = Field("", pattern=DATE, description="YYYY-MM-DD by which it is reissued")


class Rotation(Strict):
    rotation_type: Literal["static", "time-based", "event-based"] = Field(
        "static", description="What starts a rotation"
    )
    ttl: Duration | None = Field(None, description="Life of a value: a number and s, m, h or d")
    rotate_before: Duration | None = Field(None, description="How long before its end a value is rotated")
    revoke_old: bool = Field(True, description="Whether the old value is revoked after the overlap")
    max_overlap: Duration | None = Field(None, description="How long old and new may both be valid")
    failure_strategy: Literal["retry", "alert", "hold"] = Field(
        "alert", description="What follows a failed rotation"
    )


class Consumer(Strict):
    namespace: Name = Field(description="Namespace that reads the secret")
    secret: ObjectName = Field(description="Name of the materialized Secret there")
    workload: Workload | None = Field(None, description="Kind/name of what mounts it")
    keys: dict[DataKey, DataKey] = Field(
        default={}, description="Key of the Kubernetes Secret to field in Vault; empty means every field"
    )
    type: SecretType = Field("Opaque", description="Type of that Secret, such as kubernetes.io/tls")
    labels: dict[MarkName, LabelValue] = Field(
        default={}, description="Labels of that Secret, which other controllers find it by"
    )
    annotations: dict[MarkName, str] = Field(default={}, description="Annotations of that Secret")
    immutable: bool = Field(
        False, description="Whether that Secret can never be changed: no rotation reaches it"
    )


class Scaffold(Strict):
    namespace: Name = Field(description="Namespace of a platform component")
    name: ObjectName = Field(
        description="Name of the temporary Secret; differs from every materialized one there"
    )
    type: SecretType = Field(
        "Opaque", description="Type of that Secret, such as kubernetes.io/dockerconfigjson"
    )


class SecretSpec(Strict):
    secret_class: SecretClass = Field(
        alias="class", strict=False, description="bootstrap, runtime, derived or root-material"
    )
    owner: Text = Field(description="Team that answers for it")
    purpose: Text = Field(description="What it is for, in one line")
    source: Source | None = Field(None, description="Where Git introduces the value")
    runtime: Runtime | None = Field(None, description="Where Vault keeps it")
    handover: Handover | None = Field(None, description="How authority passes to Vault")
    rotation: Rotation | None = Field(None, description="The first rotation policy; then Vault's copy counts")
    scaffold: Scaffold | None = Field(
        None, description="class bootstrap only: the Secret needed before Vault exists"
    )
    consumers: list[Consumer] = Field(default=[], description="Namespaces that read it")


class Secret(Strict):
    api_version: Literal["bootstrap/v1"] = Field(alias="apiVersion")
    kind: Literal["Secret"]
    metadata: Metadata
    spec: SecretSpec


class InternalSource(Strict):
    namespace: Name = Field(description="Namespace in which the value is made")
    secret: ObjectName = Field(description="Name of the Secret that its operator writes")


class InternalSpec(Strict):
    owner: Text = Field(description="Team that answers for it")
    purpose: Text = Field(description="What it is for, in one line")
    source: InternalSource
    path: Text = Field(
        description="platform-data/{datasource}/{consumer}, or platform-config/{datasource}/{instance}"
    )
    properties: dict[DataKey, Property] = Field(
        min_length=1, description="Key of the source Secret to Vault property"
    )
    consumers: list[Consumer] = Field(default=[], description="Other namespaces that read it")


class InternalSecret(Strict):
    api_version: Literal["bootstrap/v1"] = Field(alias="apiVersion")
    kind: Literal["InternalSecret"]
    metadata: Metadata
    spec: InternalSpec


class InternalConfig(Strict):
    api_version: Literal["bootstrap/v1"] = Field(alias="apiVersion")
    kind: Literal["InternalConfig"]
    metadata: Metadata
    spec: InternalSpec


Entry = Secret | InternalSecret | InternalConfig
CATALOG: dict[str, type[Entry]] = {
    "Secret": Secret,
    "InternalSecret": InternalSecret,
    "InternalConfig": InternalConfig,
}
KINDS: dict[str, type[Platform] | type[Entry]] = {"Platform": Platform, **CATALOG}


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) by kind, for ``bootstrap schema`` and editors."""
    return {kind: model.model_json_schema(by_alias=True) for kind, model in KINDS.items()}
