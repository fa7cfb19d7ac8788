"""One secret's copy into Vault: what will be written, writing it once, and reading it back (H1, H2)."""

import secrets as randomness
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from bootstrap.intent.values import vault_string
from bootstrap.ledger.record import (
    Audit,
    Destination,
    Fact,
    Git,
    Record,
    RecordType,
    SecretName,
    SourceObject,
)
from bootstrap.model.catalog import Renew, RetireMode, Secret
from bootstrap.model.errors import EvidenceError, UnknownOutcome
from bootstrap.model.handover import Commitments, Next, SecretState, next_step
from bootstrap.model.names import kv, kv_data, kv_metadata
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.secrets.values import vault_values
from bootstrap.steps.vault.init_window import WindowStore

KEPT_VERSIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Which cluster and which Vault: the same for every secret of a batch, so looked up once."""

    cluster: str  # UID
    vault: str  # cluster id


def here(world: World) -> Here:
    window = WindowStore(world.cluster).read()
    return Here(cluster=world.cluster.uid(), vault=window.cluster_id if window else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """``values`` are Vault's strings. ``written`` and ``read`` are request ids of Vault's audit log."""

    secret: Secret
    values: dict[str, Sensitive]
    commitments: dict[str, str]
    txn: str
    written: str = ""
    read: str = field(default="")

    @property
    def commitment_set(self) -> Commitments:
        return frozenset(self.commitments.items())

    def bare(self) -> "Copy":
        """The same without its values: they are not kept for longer than they are compared."""
        return replace(self, values={})

    def intent(self, world: World, place: Here) -> Fact:
        """What is announced; it also names the scaffold as it is now (one look)."""
        return fact(world, self.secret, RecordType.INTENT, self.commitments, place, self.txn)

    def commit(self, intent: Fact) -> Fact:
        """Its audit lines: the write's id is empty where its answer was lost, the header ``txn`` finds it then."""
        audit = Audit(txn=self.txn, write_request_id=self.written, read_request_id=self.read)
        return replace(intent, type=RecordType.COMMIT, audit=audit)


def planned_copy(world: World, secret: Secret, place: Here) -> Copy:
    """The values to write: the source's, with anew-made ones where ``renew: generate`` says so (H5)."""
    values = vault_values(world, secret)
    for name in renewed(secret, tuple(values)):
        values[name] = world.material.random_text(secret.handover.length).relabel(f"{secret.name}.{name}")
    return _copy(world, secret, values, place, randomness.token_hex(16))


def copy_into_vault(world: World, copy: Copy, place: Here) -> Copy:
    """Metadata first, then one write that only an empty path takes; then version 1 as the active node has it."""
    session, secret = world.session, copy.secret
    body = {"cas_required": True, "max_versions": KEPT_VERSIONS, "custom_metadata": _marks(world, copy)}
    path = kv_metadata(secret.in_vault)
    granted(session.call("POST", path, body, txn=copy.txn), path)
    write: Answer | None = None
    try:
        data = {"options": {"cas": 0}, "data": copy.values}
        write = session.call("POST", kv_data(secret.in_vault), data, txn=copy.txn)
    except UnknownOutcome:
        pass  # version 1 is there or it is not: the read tells
    back = read_version_one(world, secret, place)
    if back is None:
        raise UnknownOutcome(f"{secret.name}: version 1 is not there yet", code="E_UNKNOWN", where=path)
    announced = frozenset({copy.commitment_set})
    seen = SecretState(written=True, announced=announced, version=back.commitment_set)
    if next_step(seen) is not Next.COMMIT or back.values != copy.values:
        raise conflict(secret, "a version 1 that is not what was announced")
    return replace(copy, written=write.request_id if write and write.ok else "", read=back.read)


def read_version_one(world: World, secret: Secret, place: Here) -> Copy | None:
    """Version 1 as it is in Vault, None when it does not exist. EvidenceError when it was destroyed."""
    answer = world.session.read(f"{kv_data(secret.in_vault)}?version=1")
    if answer.status == 404:
        meta = answer.data.get("metadata") or {}
        if meta.get("version"):
            raise conflict(secret, "a version 1 that was deleted")
        return None
    values: dict[str, Sensitive] = dict(granted(answer, kv(secret.in_vault)).data["data"])
    txn = str((answer.data["metadata"].get("custom_metadata") or {}).get("txn", ""))
    return replace(_copy(world, secret, values, place, txn), read=answer.request_id)


def _copy(world: World, secret: Secret, values: dict[str, Sensitive], place: Here, txn: str) -> Copy:
    digests = commitments_of(world, secret.name, values, place)
    return Copy(secret=secret, values=values, commitments=digests, txn=txn)


def commitments_of(world: World, name: str, values: Mapping[str, Sensitive], place: Here) -> dict[str, str]:
    """Field to keyed digest of what it holds, sorted; the commitment key is asked for only where there is a field."""
    if not values:
        return {}
    key = world.material.commitments()
    return {field: key.commit(place.cluster, name, field, value) for field, value in sorted(values.items())}


def commitments_in(world: World, record: Record, values: Mapping[str, Sensitive]) -> dict[str, str]:
    """The same as the record would have them: under the cluster that it names, which may have been another one."""
    name = record.fact.secret.name if record.fact.secret else ""
    return commitments_of(world, name, values, Here(cluster=record.run.cluster, vault=""))


def recorded_bytes(world: World, secret: Secret, data: Mapping[str, Sensitive]) -> bool:
    """Whether these bytes of a bootstrap copy are a value of the secret that a record commits to."""
    strings = {name: vault_string(secret, name, value) for name, value in data.items()}
    return any(
        record.fact.secret is not None
        and record.fact.secret.name == secret.name
        and record.fact.type in (RecordType.COMMIT, RecordType.ACCEPTED)
        and dict(record.fact.commitments) == commitments_in(world, record, strings)
        for record in world.ledger.read().current
    )


def fact(
    world: World,
    secret: Secret,
    record_type: RecordType,
    commitments: dict[str, str],
    place: Here,
    txn: str = "",
    retire: RetireMode | None = None,
) -> Fact:
    """The record of one secret: from where, to where, and keyed digests that prove equality (H4).

    ``retire`` goes with RETIRED: what became of the bootstrap copy.
    """
    assert secret.path is not None
    assert secret.source is not None
    blob = world.intent.blobs.get(secret.source.file, "")
    return Fact(
        type=record_type,
        git=Git(commit=world.intent.commit, path=secret.source.file, blob=blob),
        secret=SecretName(name=secret.name, secret_class=secret.secret_class, owner=secret.owner),
        source=_source(world, secret),
        destination=Destination(cluster=place.vault, path=secret.path),
        commitments=commitments,
        renew=secret.handover.renew,
        retire=retire,
        details=_details(secret, commitments, txn),
    )


def renewed(secret: Secret, fields: Iterable[str]) -> tuple[str, ...]:
    """The fields that handover makes anew, of those that the secret has."""
    if secret.handover.renew is not Renew.GENERATE:
        return ()
    return secret.handover.fields or tuple(fields)


def _details(secret: Secret, commitments: dict[str, str], txn: str) -> dict[str, str]:
    anew = renewed(secret, commitments)
    return ({"txn": txn} if txn else {}) | ({"generated": " ".join(sorted(anew))} if anew else {})


def _source(world: World, secret: Secret) -> SourceObject | None:
    if secret.scaffold is None:
        return None
    live = world.cluster.get(bootstrap_copy_ref(secret))
    if live is None:
        return None
    meta = live["metadata"]
    return SourceObject(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
    )


def _marks(world: World, copy: Copy) -> dict[str, str]:
    """Beside the secret in Vault: whose it is, and its first rotation policy (G1, R5)."""
    secret, rotation = copy.secret, copy.secret.rotation
    marks = {
        "managed-by": "bootstrap",
        "authority": "vault",
        "secret": secret.name,
        "class": secret.secret_class.value,
        "owner": secret.owner,
        "purpose": secret.purpose[:500],
        "commit": world.intent.commit,
        "plan": world.plan.digest,
        "txn": copy.txn,
        "renew": secret.handover.renew.value,
        "rotation_type": rotation.rotation_type,
        "ttl": rotation.ttl,
        "rotate_before": rotation.rotate_before,
        "revoke_old": str(rotation.revoke_old).lower(),
        "max_overlap": rotation.max_overlap,
        "failure_strategy": rotation.failure_strategy,
        "expires": secret.handover.until,
    }
    return {name: value for name, value in marks.items() if value}


def conflict(secret: Secret, why: str) -> EvidenceError:
    return EvidenceError(
        f"{secret.name}: Vault holds {why}; nothing is overwritten",
        code="E_AUTHORITY_CONFLICT",
        where=kv(secret.in_vault),
        hint="find out who wrote it (Vault's audit log); give the entry another path, or remove that version",
    )
