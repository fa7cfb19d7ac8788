"""A record as an in-toto Statement v1, and back.

Reading is strict by construction: the record read is written again, and must give the same bytes.
"""

import sys
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from bootstrap.ledger import canonical
from bootstrap.ledger.record import (
    MISSING,
    Audit,
    Destination,
    Fact,
    Git,
    Record,
    RecordType,
    SecretName,
    SourceObject,
    Writer,
)
from bootstrap.model.catalog import Renew, RetireMode, SecretClass
from bootstrap.model.errors import EvidenceError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://bootstrap.dev/ledger/v1"

_Dict = dict[str, Any]


def encode(record: Record) -> bytes:
    """Canonical bytes of the statement; the payload that is signed."""
    digest = {"sha256": canonical.sha256(_descriptor(record))}
    return canonical.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": record.subject, "digest": digest}],
            "predicateType": PREDICATE_TYPE,
            "predicate": _predicate(record),
        }
    )


def decode(payload: bytes, what: str) -> Record:
    """The record of a payload; EvidenceError E_RECORD unless it is one of ours, byte for byte."""
    try:
        value, _ = canonical.decode_at(payload.decode(), 0)
        record = _record(value["predicate"])
        same = encode(record) == payload
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        same, record = False, None
    if record is None or not same:
        raise EvidenceError(f"{what} is not a ledger record of this format", code="E_RECORD", where=what)
    return record


def _descriptor(record: Record) -> bytes:
    """What the subject's digest covers: public facts only."""
    fact = record.fact
    if not fact.type.about_secret:
        return canonical.dumps({"cluster": record.run.cluster, "phase": fact.type.value})
    return canonical.dumps({"secret": _secret(fact.secret), "destination": _destination(fact.destination)})


def _predicate(record: Record) -> _Dict:
    run, fact = record.run, record.fact
    return {
        "seq": record.seq,
        "previous": record.previous,
        "time": record.time,
        "cluster": run.cluster,
        "runId": run.run_id,
        "epoch": run.epoch,
        "tool": run.tool,
        "planDigest": run.plan_digest,
        "actor": run.actor,
        "phase": fact.type.value,
        "git": _git(fact.git),
        "secret": _secret(fact.secret),
        "source": _source(fact.source),
        "destination": _destination(fact.destination),
        "commitments": dict(fact.commitments),
        "audit": _audit(fact.audit),
        "renew": fact.renew.value if fact.renew else None,
        "retire": fact.retire.value if fact.retire else None,
        "residuals": list(fact.residuals),
        "details": dict(fact.details),
    }


def _git(git: Git | None) -> _Dict | None:
    return None if git is None else {"commit": git.commit, "path": git.path, "blob": git.blob}


def _secret(secret: SecretName | None) -> _Dict | None:
    if secret is None:
        return None
    return {"name": secret.name, "class": secret.secret_class.value, "owner": secret.owner}


def _source(source: SourceObject | None) -> _Dict | None:
    if source is None:
        return None
    return {
        "namespace": source.namespace,
        "name": source.name,
        "uid": source.uid,
        "resourceVersion": source.resource_version,
    }


def _destination(to: Destination | None) -> _Dict | None:
    if to is None:
        return None
    return {"cluster": to.cluster, "mount": to.mount, "path": to.path, "version": to.version}


def _audit(audit: Audit | Literal["missing"] | None) -> _Dict | str | None:
    if not isinstance(audit, Audit):
        return audit
    return {
        "txn": audit.txn,
        "writeRequestId": audit.write_request_id,
        "readRequestId": audit.read_request_id,
    }


def _record(p: _Dict) -> Record:
    return Record(
        seq=_integer(p["seq"]),
        previous=_text(p["previous"]),
        time=_shared(p["time"]),
        run=_writer(p["cluster"], p["runId"], p["epoch"], p["tool"], p["planDigest"], p["actor"]),
        fact=_fact(p),
    )


@lru_cache(maxsize=64, typed=True)
def _writer(cluster: Any, run_id: Any, epoch: Any, tool: Any, plan_digest: Any, actor: Any) -> Writer:
    """The same for all records of a run; ``typed``, since True is 1 for a dictionary."""
    return Writer(
        cluster=_text(cluster),
        run_id=_text(run_id),
        epoch=_integer(epoch),
        tool=_text(tool),
        plan_digest=_text(plan_digest),
        actor=_text(actor),
    )


def _fact(p: _Dict) -> Fact:
    git, secret, source, to = p["git"], p["secret"], p["source"], p["destination"]
    return Fact(
        type=RecordType(p["phase"]),
        git=git and Git(commit=_shared(git["commit"]), path=_text(git["path"]), blob=_text(git["blob"])),
        secret=secret
        and SecretName(
            name=_text(secret["name"]),
            secret_class=SecretClass(secret["class"]),
            owner=_shared(secret["owner"]),
        ),
        source=source
        and SourceObject(
            namespace=_text(source["namespace"]),
            name=_text(source["name"]),
            uid=_text(source["uid"]),
            resource_version=_text(source["resourceVersion"]),
        ),
        destination=to
        and Destination(
            cluster=_shared(to["cluster"]),
            mount=_shared(to["mount"]),
            path=_text(to["path"]),
            version=_integer(to["version"]),
        ),
        commitments=_texts(p["commitments"]),
        audit=_read_audit(p["audit"]),
        renew=p["renew"] and Renew(p["renew"]),
        retire=p["retire"] and RetireMode(p["retire"]),
        residuals=tuple(_text(each) for each in p["residuals"]),
        details=_texts(p["details"]),
    )


def _read_audit(value: Any) -> Audit | Literal["missing"] | None:
    if value is None or value == MISSING:
        return value and MISSING
    return Audit(
        txn=_text(value["txn"]),
        write_request_id=_text(value["writeRequestId"]),
        read_request_id=_text(value["readRequestId"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _shared(value: Any) -> str:
    """Of what many records say alike there is one string, however many they are."""
    return sys.intern(_text(value))


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not an integer")
    return value


def _texts(value: _Dict) -> Mapping[str, str]:
    return MappingProxyType({name: _text(each) for name, each in value.items()})
