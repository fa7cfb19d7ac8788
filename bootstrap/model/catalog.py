"""What Git says: the platform and its secrets, as frozen values (G1).

Nothing here holds a value of a secret. ``where`` is always ``file:line`` in the intent repository.
A field is declared in ``intent/schema.py`` and here, and nowhere else: how it comes from YAML and how the plan shows
it follow from its name, its type and its marks (``declared.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Final, Literal, NewType

from bootstrap.model.certificates import each_of
from bootstrap.model.declared import InPlan, InYaml, NotInPlan, OfDocument

EMPTY: Mapping[str, str] = MappingProxyType({})
Toleration = NewType("Toleration", Mapping[str, str])  # as Kubernetes takes it
Place = Annotated[str, OfDocument(), NotInPlan("the line of a file, by which nothing is done")]


class SecretClass(StrEnum):
    BOOTSTRAP = "bootstrap"
    RUNTIME = "runtime"
    DERIVED = "derived"
    ROOT_MATERIAL = "root-material"


class Renew(StrEnum):
    """What makes the copy in Git dead at handover (H5)."""

    GENERATE = "generate"
    REISSUE = "reissue"
    KEEP = "keep"


class RetireMode(StrEnum):
    DELETED = "deleted"
    INERT = "inert"
    IGNORED = "ignored"


class Encoding(StrEnum):
    """How a field's bytes become a Vault string: as UTF-8 text, or base64 of any bytes."""

    UTF8 = "utf-8"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a value is first found: a file of the commit, below an optional dotted ``key``.

    A mapping gives one field per entry; a single value becomes the field named ``field``.
    """

    file: str
    key: str | None = None
    field: str = "value"
    encoding: Encoding = Encoding.UTF8


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapCopy:
    """``type`` is the type of the Kubernetes Secret: the kubelet takes a pull secret by it."""

    namespace: str
    name: str
    type: str = "Opaque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A namespace that reads the secret as a materialized Secret.

    ``keys`` maps a key of the Kubernetes Secret to a field in Vault; empty means every field by its name.
    ``type``, ``labels``, ``annotations`` and ``immutable`` are those of that Secret.
    """

    namespace: str
    secret: str
    workload: str | None = None
    keys: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    immutable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """``fields`` are the fields that ``renew: generate`` makes anew; empty means all of them."""

    retire: RetireMode = RetireMode.DELETED
    renew: Renew = Renew.KEEP
    fields: Annotated[tuple[str, ...], InPlan("renewFields")] = ()
    length: Annotated[int, InPlan("renewLength")] = 32
    reason: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The first rotation policy; from handover on Vault's copy counts (R5)."""

    rotation_type: str = "static"
    ttl: str = ""
    rotate_before: str = ""
    revoke_old: bool = True
    max_overlap: str = ""
    failure_strategy: str = "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    name: Annotated[str, OfDocument()]
    secret_class: Annotated[SecretClass, InPlan("class")]
    owner: str
    purpose: str
    where: Place
    source: Source | None = None
    path: Annotated[str | None, InYaml("runtime.path"), InPlan(note="Below the KV v2 mount secret/")] = None
    handover: Annotated[Handover, InPlan(inline=True)] = Handover()
    rotation: Rotation = Rotation()
    scaffold: BootstrapCopy | None = None
    consumers: tuple[Consumer, ...] = ()

    @property
    def in_vault(self) -> str:
        """``path``, of a secret that has one: of each that is handed over."""
        assert self.path is not None
        return self.path

    @property
    def handed_over(self) -> bool:
        """True when Git introduces a value that Vault then owns."""
        return (
            self.source is not None
            and self.path is not None
            and self.secret_class
            in (
                SecretClass.BOOTSTRAP,
                SecretClass.RUNTIME,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalSource:
    """The Secret in which its operator keeps the value."""

    namespace: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Internal:
    """A secret or configuration made in the cluster and published through Vault (INV7, INV8, D2-D4).

    ``properties`` maps a key of the source Secret to a Vault property.
    """

    name: Annotated[str, OfDocument()]
    kind: Annotated[Literal["InternalSecret", "InternalConfig"], OfDocument()]
    owner: str
    purpose: str
    where: Place
    source: InternalSource
    path: str
    properties: Mapping[str, str]
    consumers: tuple[Consumer, ...] = ()


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> int:
    """Of a duration as the catalog has it: ``90d``."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


_SIZES: Final = {
    "": 1.0,
    "m": 0.001,
    **{letter: 1000.0**n for n, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": 1024.0**n for n, letter in enumerate("KMGTPE", 1)},
}


def size(quantity: str) -> int:
    """Bytes of a Kubernetes quantity: ``1Gi``."""
    number = quantity.rstrip("mkKMGTPEi")
    return int(float(number) * _SIZES[quantity.removeprefix(number)])


class Custody(StrEnum):
    CLUSTER = "cluster"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSpec:
    """The Vault to install; sizes are Kubernetes quantities (``1Gi``), ``image`` a full reference."""

    version: str
    image: str
    namespace: str = "vault"
    replicas: int = 3
    custody: Annotated[Custody, InYaml("seal.custody")] = Custody.CLUSTER
    storage_class: Annotated[
        str, InYaml("storage.class_name"), InPlan(note="Empty: the cluster's default")
    ] = ""
    data_size: Annotated[str, InYaml("storage.data"), InPlan(note="A Kubernetes quantity")] = "1Gi"
    audit_size: Annotated[str, InYaml("storage.audit"), InPlan(note="A Kubernetes quantity")] = "1Gi"
    image_pull_secrets: tuple[str, ...] = ()
    cpu: Annotated[str, InYaml("resources.cpu")] = "100m"
    memory: Annotated[str, InYaml("resources.memory")] = "256Mi"
    tolerations: tuple[Toleration, ...] = ()
    leaf: Annotated[str, InYaml("tls.leaf"), InPlan("leafLife")] = "90d"
    intermediate: Annotated[str, InYaml("tls.intermediate"), InPlan("intermediateLife")] = "1825d"

    @property
    def audit_part(self) -> int:
        """Bytes after which the audit log goes on in another file: with those that are kept it fills half a volume."""
        return size(self.audit_size) // 16

    @property
    def leaf_seconds(self) -> int:
        return seconds(self.leaf)

    @property
    def intermediate_seconds(self) -> int:
        return seconds(self.intermediate)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSecrets:
    """``manifests`` is a folder of the repository, empty where the operator is adopted: it is installed by
    other means, and ``deployment`` is only waited for.
    """

    manifests: Annotated[str, InYaml("install"), InPlan(note="Empty where the operator is adopted")] = ""
    deployment: Annotated[str, InYaml("awaited"), InPlan(note="namespace/name")]
    service_account: Annotated[str, InPlan(note="namespace/name")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who may change a secret beside the platform itself, and why (INV6): people and controllers.

    ``service_accounts`` are ``namespace/name``, ``policies`` names of Vault policies that these people hold.
    """

    reason: str
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A claim's. ``size`` is a Kubernetes quantity."""

    size: Annotated[str, InPlan(note="A Kubernetes quantity")]
    storage_class: Annotated[str, InYaml("class_name"), InPlan(note="Empty: the cluster's default")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Of an S3 server. ``credentials`` names a secret of the catalog; ``ca`` a file of ``keys/``, empty where a public
    authority signs the server's certificate."""

    endpoint: str
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    credentials: str
    ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Snapshots that the cluster saves of itself: onto a volume of its own or into a bucket, where the newest ``keep``
    stay."""

    schedule: Annotated[str, InPlan(note="Five fields, in UTC")]
    keep: int = 7
    image: str
    image_pull_secrets: tuple[str, ...] = ()
    volume: Annotated[Volume | None, InYaml("where.pvc")] = None
    bucket: Annotated[Bucket | None, InYaml("where.s3")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """``bootstrap.yaml``. ``workloads`` are folders of the repository with manifests to apply, in order.

    ``platform_namespaces`` are those of further platform components, which may use a scaffold (INV2).
    """

    name: Annotated[str, OfDocument()]
    where: Place
    environments: tuple[str, ...] = ()
    vault: VaultSpec
    external_secrets: Annotated[ExternalSecrets, InYaml("components.external_secrets")]
    workloads: Annotated[tuple[str, ...], InYaml("components.workloads")] = ()
    platform_namespaces: Annotated[
        tuple[str, ...],
        InYaml("components.platform"),
        NotInPlan("a rule goes by it while the catalog is read, no step"),
    ] = ()
    operators: tuple[Operator, ...] = ()
    snapshots: Snapshots | None = None


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One commit, read and valid.

    ``keys`` are the public halves under ``keys/`` (file name to bytes), ``manifests`` every file below
    ``manifests/`` (path to bytes), ``heads`` the signed ledger heads below ``records/`` (cluster UID to bytes),
    ``escrows`` the share ciphertexts there (cluster UID to bytes).
    """

    commit: str
    tree: str
    platform: Platform
    secrets: tuple[Secret, ...]
    internals: tuple[Internal, ...]
    keys: Mapping[str, bytes]
    manifests: Mapping[str, bytes]
    blobs: Mapping[str, str]  # path of each encrypted file to its Git blob id
    heads: Mapping[str, bytes] = field(default_factory=dict)
    escrows: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def authorities(self) -> tuple[bytes, ...]:
        """The CAs of Vault that are trusted (PEM): two while one takes the place of the other. The first one signs."""
        return each_of(self.keys["vault-ca.crt"])

    def secret(self, name: str) -> Secret:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Secret]:
        return {s.name: s for s in self.secrets}

    @property
    def handovers(self) -> tuple[Secret, ...]:
        return tuple(s for s in self.secrets if s.handed_over)

    @property
    def scaffolds(self) -> tuple[Secret, ...]:
        return tuple(s for s in self.secrets if s.scaffold is not None)

    @property
    def saved(self) -> tuple[Secret, ...]:
        """Secrets whose current value lies in a snapshot by itself: a rebuild needs it before Vault can be asked."""
        return tuple(s for s in self.handovers if s.secret_class is SecretClass.BOOTSTRAP)

    @property
    def saved_paths(self) -> tuple[str, ...]:
        return tuple(sorted(s.in_vault for s in self.saved))

    @property
    def job_paths(self) -> tuple[str, ...]:
        """What a job of snapshots reads in Vault: ``saved_paths``, and the bucket's credentials."""
        return tuple(sorted({*self.saved_paths, *filter(None, (self.bucket_path,))}))

    @property
    def bucket_path(self) -> str:
        """Where the credentials of the snapshots' bucket lie; empty where there is none."""
        wanted = self.platform.snapshots
        known = self._by_name.get(wanted.bucket.credentials) if wanted and wanted.bucket else None
        return (known.path or "") if known is not None else ""

    @property
    def bucket_ca(self) -> bytes:
        """Certificates, PEM, by which the bucket's server is known; empty where a public authority's serves."""
        wanted = self.platform.snapshots
        return self.keys.get(wanted.bucket.ca, b"") if wanted and wanted.bucket else b""

    @property
    def reading_namespaces(self) -> dict[str, tuple[str, ...]]:
        """Namespace to the KV paths that it may read, sorted."""
        found: dict[str, set[str]] = {}
        declared = [(s.path, s.consumers) for s in self.secrets] + [
            (i.path, i.consumers) for i in self.internals
        ]
        for path, consumers in declared:
            for consumer in consumers:
                if path:
                    found.setdefault(consumer.namespace, set()).add(path)
        return {ns: tuple(sorted(paths)) for ns, paths in sorted(found.items())}

    @property
    def pushing_namespaces(self) -> dict[str, tuple[str, ...]]:
        """Namespace to the KV paths that it may publish to, sorted."""
        found: dict[str, set[str]] = {}
        for entry in self.internals:
            found.setdefault(entry.source.namespace, set()).add(entry.path)
        return {ns: tuple(sorted(paths)) for ns, paths in sorted(found.items())}
