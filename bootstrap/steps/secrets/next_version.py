"""The next version of a secret that Vault owns: announced, written by compare-and-set, read back, recorded (INV3, H4).

The handover's protocol for the versions behind its own. An answer that was lost is followed by a look: the version is
ours if an INTENT of ours announced what it holds.
"""

import secrets as randomness
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Audit, Destination, Fact, Git, Record, RecordType, SecretName
from bootstrap.ledger.versions import ADOPTED, GONE, SAME, SET, announced, details_of, explained
from bootstrap.model.catalog import Secret
from bootstrap.model.errors import EvidenceError, UnknownOutcome
from bootstrap.model.names import kv, kv_data
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import Here, commitments_in, commitments_of, here
from bootstrap.steps.secrets.versions import Held, held

TXN = "txn"
REFUSED_BY_CAS = 400


def written_unrecorded(world: World, ledger: Ledger, name: str = "") -> tuple[Fact, ...]:
    """What no record says yet: versions that Vault holds as an INTENT announced them, of ``name`` or of all secrets.

    Vault is asked only where such an INTENT has no record behind it: where a run was interrupted.
    """
    opened = _open(ledger, name)
    return tuple(_unrecorded(world, opened, here(world))) if opened else ()


def _open(ledger: Ledger, name: str) -> tuple[Record, ...]:
    known = explained(ledger)
    return tuple(
        record
        for record in announced(ledger)
        if (fact := record.fact).secret is not None
        and fact.destination is not None
        and name in ("", fact.secret.name)
        and fact.destination.version not in known[fact.secret.name]
    )


def _unrecorded(world: World, opened: Iterable[Record], place: Here) -> Iterator[Fact]:
    done = set()
    for record in opened:
        intent = record.fact
        assert intent.secret is not None
        assert intent.destination is not None
        there = (intent.secret.name, intent.destination.version)
        if there in done or intent.destination.cluster != place.vault:
            continue
        found = held(world, intent.destination.path, intent.destination.version)
        if found and commitments_in(world, record, found.values) == intent.commitments:
            done.add(there)
            yield recorded(intent, found)


def intention(
    world: World, secret: Secret, version: int, values: Mapping[str, Sensitive], reason: str
) -> Fact:
    """The INTENT of a version: what will be written, by keyed commitment, why, and by whom."""
    place = here(world)
    return _fact(
        world,
        secret,
        RecordType.INTENT,
        version,
        SET,
        reason,
        place,
        values,
    )


def adoption(world: World, secret: Secret, version: int, found: Held | None, reason: str) -> Fact:
    """The record of a version that another wrote; ``found`` is None where Vault does not give its value out."""
    place = here(world)
    values = found.values if found else {}
    fact = _fact(
        world,
        secret,
        RecordType.ACCEPTED,
        version,
        ADOPTED,
        reason,
        place,
        values,
    )
    more = {GONE: "deleted, destroyed or no longer kept"} if found is None else {}
    if found and found.others:
        more["notText"] = " ".join(found.others)
    audit = Audit(txn="", read_request_id=found.read) if found else None
    return replace(fact, audit=audit, details={**fact.details, **more})


def recorded(intent: Fact, found: Held, written: str = "") -> Fact:
    """The ACCEPTED record behind an INTENT. ``written``: the write's request id, empty where its answer was lost."""
    audit = Audit(txn=intent.details[TXN], write_request_id=written, read_request_id=found.read)
    return replace(intent, type=RecordType.ACCEPTED, audit=audit)


def write_next(world: World, secret: Secret, intent: Fact, values: Mapping[str, Sensitive]) -> Fact:
    """Writes behind the version that was seen, and no other; reads back and compares. The fact to record."""
    assert intent.destination is not None
    version = intent.destination.version
    body = {"options": {"cas": version - 1}, "data": dict(values)}
    answer: Answer | None = None
    with suppress(UnknownOutcome):  # this version is there or it is not: the read tells
        answer = world.session.call("POST", kv_data(secret.in_vault), body, txn=intent.details[TXN])
    found = held(world, secret.in_vault, version)
    if found is None:
        if answer is not None and answer.status != REFUSED_BY_CAS:
            granted(answer, kv(secret.in_vault))
        raise UnknownOutcome(
            f"{secret.name}: version {version} is not there yet", code="E_UNKNOWN", where=kv(secret.in_vault)
        )
    if found.values != dict(values) or found.others:
        raise raced(secret, version)
    return recorded(intent, found, answer.request_id if answer and answer.ok else "")


def raced(secret: Secret, version: int) -> EvidenceError:
    return EvidenceError(
        f"{secret.name}: another writer wrote version {version} meanwhile; the value given was not written",
        code="E_VERSION_RACED",
        where=kv(secret.in_vault),
        hint="find out who wrote it (Vault's audit log), then "
        f"`bootstrap set {secret.name} --adopt {version} --reason TEXT`, and set the value again",
    )


def _fact(
    world: World,
    secret: Secret,
    record_type: RecordType,
    version: int,
    how: str,
    reason: str,
    place: Here,
    values: Mapping[str, Sensitive],
) -> Fact:
    digests = commitments_of(world, secret.name, values, place)
    details = details_of(secret.name, version, how, reason, world.run.actor)
    if same := _as_handed_over(world, secret, values, place):
        details[SAME] = same
    if record_type is RecordType.INTENT:
        details[TXN] = randomness.token_hex(16)
    return Fact(
        type=record_type,
        git=Git(commit=world.intent.commit),  # the catalog's; the value comes from no file of it
        secret=SecretName(name=secret.name, secret_class=secret.secret_class, owner=secret.owner),
        destination=Destination(cluster=place.vault, path=secret.in_vault, version=version),
        commitments=digests,
        details=details,
    )


def _as_handed_over(world: World, secret: Secret, values: Mapping[str, Sensitive], place: Here) -> str:
    """Of a handover on another cluster: a commitment of here cannot be compared with one of there."""
    committed = named(world.ledger.read(), RecordType.COMMIT).get(secret.name)
    if committed is None or committed.run.cluster == place.cluster:
        return ""
    made, known = commitments_in(world, committed, values), committed.fact.commitments
    return " ".join(sorted(name for name in made if made[name] == known.get(name)))
