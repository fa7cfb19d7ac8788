"""Records, envelopes, chain and Merkle tree (H4); the DSSE form is held to an independent implementation."""

import hashlib
import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.ledger import canonical, chain, merkle, statement
from bootstrap.ledger.envelope import open_envelope, seal
from bootstrap.ledger.record import (
    MISSING,
    PUBLIC_KEY,
    ZERO,
    Audit,
    Destination,
    Fact,
    Git,
    Record,
    RecordType,
    Writer,
)
from bootstrap.ledger.rules import HOW, SET
from bootstrap.model.catalog import RetireMode
from bootstrap.model.errors import EvidenceError
from tests.support.ledger_facts import RUN, TIME, Key, entries, fact, story

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HEX64 = st.binary(min_size=32, max_size=32).map(bytes.hex)
HEX40 = st.binary(min_size=20, max_size=20).map(bytes.hex)
FACTS = st.builds(
    Fact,
    type=st.sampled_from([each for each in RecordType if not each.startswith(("CONFIGUR", "COUNTERSIGN"))]),
    git=st.builds(Git, commit=HEX40, path=TEXT, blob=st.just("") | HEX40),
    secret=st.just(fact(RecordType.INTENT).secret),
    source=st.none() | st.just(fact(RecordType.RETIRED).source),
    destination=st.just(fact(RecordType.INTENT).destination),
    commitments=st.dictionaries(TEXT, HEX64, min_size=1, max_size=3),
    audit=st.just(MISSING) | st.builds(Audit, txn=TEXT, write_request_id=TEXT, read_request_id=TEXT),
    retire=st.sampled_from(RetireMode),
    residuals=st.lists(TEXT, max_size=3).map(tuple),
    details=st.dictionaries(TEXT, TEXT, max_size=3),
)
RECORDS = st.builds(
    Record,
    seq=st.integers(0, 2**53 - 1),
    previous=HEX64,
    time=st.just(TIME),
    run=st.builds(
        Writer, cluster=TEXT, run_id=TEXT, epoch=st.integers(0, 9), tool=TEXT, plan_digest=TEXT, actor=TEXT
    ),
    fact=FACTS,
)


@given(record=RECORDS)
def test_record_round_trip(record: Record) -> None:
    payload = statement.encode(record)
    assert statement.decode(payload, "record") == record
    assert open_envelope(seal(payload, Key()), Key().public, "record") == payload


@settings(max_examples=50)
@given(record=RECORDS, data=st.data())
def test_payload_has_no_other_form(record: Record, data: st.DataObject) -> None:
    """A member more, less or of another type is refused, whoever signed it."""
    value = json.loads(statement.encode(record))
    name = data.draw(st.sampled_from(sorted(value["predicate"])))
    change = data.draw(st.sampled_from(["drop", "list", "number", "false"]))
    if change == "drop":
        del value["predicate"][name]
    else:
        value["predicate"][name] = {"list": [{}], "number": 1.5 if name == "seq" else -1, "false": False}[
            change
        ]
    with pytest.raises(EvidenceError) as caught:
        statement.decode(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), "record")
    assert caught.value.code == "E_RECORD"


def test_h4_subject_digest_covers_public_facts_only() -> None:
    one, other = (
        statement.encode(entries((fact(RecordType.INTENT, commitment=c * 64),))[0].record) for c in "cd"
    )
    first, second = json.loads(one)["subject"], json.loads(other)["subject"]
    assert first == second
    assert first[0]["name"] == "vault:vault-1/secret/applications/keycloak-admin#v1"


def test_independent_verifier_accepts_our_envelope() -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # the package does not say what it exports

    key, data = Key(), entries()[0].envelope
    public = SSlibKey(key.key_id, "ed25519", "ed25519", {"public": key.public.raw.hex()})
    other = SSlibKey(key.key_id, "ed25519", "ed25519", {"public": Key(2).public.raw.hex()})
    assert Envelope.from_dict(json.loads(data)).verify([public], 1)
    with pytest.raises(Exception, match="threshold"):
        Envelope.from_dict(json.loads(data)).verify([other], 1)


def test_key_id_is_the_digest_of_the_der() -> None:
    import base64

    body = b"".join(Key().pem.splitlines()[1:-1])
    assert Key().key_id == hashlib.sha256(base64.b64decode(body)).hexdigest()


def test_chain_names_the_envelope_before() -> None:
    written = entries()
    assert written[0].record.previous == ZERO
    for before, after in itertools.pairwise(written):
        assert after.record.previous == hashlib.sha256(before.envelope).hexdigest()
    ledger = chain.read((each.envelope for each in written), Key().public)
    assert ledger.entries == written
    assert ledger.at(10) == ledger.chain


@pytest.mark.parametrize(
    ("facts", "seq"),
    [
        ((fact(RecordType.COMMIT),), 0),
        ((fact(RecordType.INTENT, commitment="d" * 64), fact(RecordType.COMMIT)), 1),
        ((fact(RecordType.INTENT, "grafana"), fact(RecordType.COMMIT)), 1),
        ((fact(RecordType.INTENT), fact(RecordType.RETIRED)), 1),
        (
            (
                fact(RecordType.INTENT),
                fact(RecordType.COMMIT),
                fact(RecordType.INTENT),
                fact(RecordType.COMMIT),
            ),
            3,
        ),
    ],
    ids=["no intent", "other value", "other secret", "retired, not committed", "two commits"],
)
def test_h1_records_follow_each_other(facts: tuple[Fact, ...], seq: int) -> None:
    with pytest.raises(EvidenceError) as caught:
        chain.read((each.envelope for each in entries(facts)), Key().public)
    assert (caught.value.code, caught.value.where) == ("E_CHAIN", f"record {seq}")


def configuring(kind: RecordType, txn: str) -> Fact:
    return Fact(type=kind, audit=Audit(txn=txn))


def test_a_change_of_the_configuration_is_ended_once_and_by_its_name() -> None:
    begun, ended = RecordType.CONFIGURING, RecordType.CONFIGURED
    facts = (configuring(begun, "a"), configuring(begun, "b"), configuring(ended, "a"))
    assert chain.Ledger().extended(entries(facts)).meaning.changing == ("b",)
    for bad in ((configuring(ended, "a"),), (*facts, configuring(ended, "a"))):
        with pytest.raises(EvidenceError):
            chain.read((each.envelope for each in entries(bad)), Key().public)
    with pytest.raises(ValueError, match="names its change"):
        Fact(type=begun, audit=MISSING)


def later(version: int = 2) -> Destination:
    return Destination(cluster="vault-1", path="applications/keycloak-admin", version=version)


def accepted(commitments: dict[str, str], name: str = "keycloak-admin", how: str = SET) -> Fact:
    """A version 2, as `bootstrap set` records it."""
    given = {"commitments": commitments, "destination": later(), "details": {HOW: how}}
    return fact(RecordType.ACCEPTED, name, **given)  # type: ignore[arg-type]  # the names are Fact's own


def test_h4_a_version_that_was_set_follows_its_intent() -> None:
    intent = fact(RecordType.INTENT, destination=later())
    same, other = {"password": "c" * 64}, {"password": "d" * 64}
    first = fact(RecordType.INTENT)  # of version 1
    for facts in ((accepted(same, how="adopted"),), (accepted({}, how="adopted"),), (intent, accepted(same))):
        assert chain.read((e.envelope for e in entries(facts)), Key().public).chain.size == len(facts)
    for bad in (
        (accepted(same),),
        (first, accepted(same)),
        (intent, accepted(other)),
        (intent, accepted({})),
        (intent, accepted(same, "grafana")),
        (intent, replace(accepted(same), secret=None)),
        (intent, replace(accepted(same), destination=None)),
    ):
        with pytest.raises(EvidenceError) as caught:
            chain.read((each.envelope for each in entries(bad)), Key().public)
        assert (caught.value.code, caught.value.where) == ("E_CHAIN", f"record {len(bad) - 1}")


def test_h3_what_is_retired_is_the_secret_that_was_handed_over_there() -> None:
    other = replace(fact(RecordType.RETIRED, "grafana"), destination=fact(RecordType.COMMIT).destination)
    begun = (fact(RecordType.INTENT), fact(RecordType.COMMIT))
    assert chain.Ledger().extended(entries((*begun, fact(RecordType.RETIRED)))).chain.size == 3
    with pytest.raises(EvidenceError, match="RETIRED without an earlier COMMIT"):
        chain.Ledger().extended(entries((*begun, other)))


def test_a_commit_may_match_any_earlier_intent() -> None:
    facts = (fact(RecordType.INTENT), fact(RecordType.INTENT, commitment="d" * 64), fact(RecordType.COMMIT))
    assert chain.read((each.envelope for each in entries(facts)), Key().public).chain.size == 3


def test_inv4_a_chain_changes_its_cluster_only_by_saying_so() -> None:
    first = chain.Ledger().extended(entries())
    other = replace(RUN, cluster="uid-2")
    for record_type, allowed in ((RecordType.ACCEPTED, False), (RecordType.RESTORED, True)):
        more = tuple(
            chain.write([Fact(type=record_type)], after=first.chain, run=other, time=TIME, signer=Key())
        )
        if allowed:
            assert first.extended(more).meaning.cluster == "uid-2"
        else:
            with pytest.raises(EvidenceError):
                first.extended(more)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"seq": 11}, "stands at position 10"), ({"previous": "d" * 64}, "does not follow the one before it")],
    ids=str,
)
def test_h4_a_record_names_its_place_and_the_one_before_it(wrong: dict[str, Any], why: str) -> None:
    """Whoever has the ledger key signs either alone."""
    before = chain.Ledger().extended(entries())
    (good,) = chain.write(
        [Fact(type=RecordType.CLAIMED)], after=before.chain, run=RUN, time=TIME, signer=Key()
    )
    record = replace(good.record, **wrong)
    forged = seal(statement.encode(record), Key())
    envelopes = [each.envelope for each in before.entries]
    assert chain.read([*envelopes, good.envelope], Key().public).chain.size == 11
    with pytest.raises(EvidenceError, match=why) as caught:
        chain.read([*envelopes, forged], Key().public)
    assert caught.value.code == "E_CHAIN"


@pytest.mark.parametrize("bad", ["", "C" * 64, "c" * 63, "c" * 64 + "\n"])
def test_h4_a_commitment_has_one_form(bad: str) -> None:
    with pytest.raises(ValueError, match="commitments"):
        fact(RecordType.INTENT, commitment=bad)


@pytest.mark.parametrize("missing", ["git", "secret", "destination"])
def test_a_record_about_a_secret_says_which_from_where_to_where(missing: str) -> None:
    with pytest.raises(ValueError, match="names git, secret and destination"):
        fact(RecordType.COMMIT, **{missing: None})  # type: ignore[arg-type]  # what the types refuse is refused at run time too


@pytest.mark.parametrize(
    ("record_type", "lacking", "why"),
    [
        (RecordType.INTENT, {"commitments": {}}, "has a commitment for each field"),
        (RecordType.COMMIT, {"commitments": {}}, "has a commitment for each field"),
        (RecordType.COMMIT, {"audit": None}, "names its audit lines"),
        (RecordType.RETIRED, {"retire": None}, "says how the bootstrap copy was retired"),
        (RecordType.CONFIGURED, {"audit": None}, "names its change"),
        (RecordType.COUNTERSIGNED, {"details": {}}, "details.root has the wrong form"),
        (RecordType.COUNTERSIGNER, {"details": {}}, "details.publicKey has the wrong form"),
        (RecordType.COUNTERSIGNER, {"details": {PUBLIC_KEY: "A" * 43 + "="}}, "names mount, key and Vault"),
    ],
)
def test_h4_a_record_says_what_one_of_its_kind_has_to_say(
    record_type: RecordType, lacking: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        fact(record_type, **lacking)


def test_a_version_that_was_set_is_no_handover_and_no_record_about_one() -> None:
    later = entries((fact(RecordType.ACCEPTED),))[0].record
    assert (later.fact.of_handover, later.subject) == (False, "cluster:uid-1/accepted")
    assert later.fact.vault_cluster == "vault-1"


def test_of_a_secret_without_fields_a_retirement_can_be_recorded() -> None:
    assert fact(RecordType.RETIRED, commitments={}).commitments == {}


@pytest.mark.parametrize(
    "wrong",
    [
        *({"seq": -1}, {"previous": "0" * 63}, {"time": "2026-01-01"}, {"run": replace(RUN, epoch=-1)}),
        {"fact": fact(RecordType.INTENT, destination=Destination(cluster="v", path="p", version=-1))},
    ],
    ids=str,
)
def test_h4_a_record_has_a_place_and_a_time(wrong: dict[str, Any]) -> None:
    good = entries()[0].record
    with pytest.raises(ValueError, match=r"has the wrong form|count from 0"):
        replace(good, **wrong)


@pytest.mark.parametrize("wrong", [{"commit": "a" * 39}, {"commit": ""}, {"commit": "a" * 40, "blob": "b"}])
def test_h4_a_commit_and_a_blob_have_one_form(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"git\.(commit|blob) has the wrong form"):
        Git(**wrong)


@pytest.mark.parametrize(
    ("member", "other"),
    [
        ("seq", False),
        ("epoch", True),
        ("actor", None),
        ("actor", 1),
        ("destination.version", True),
        ("destination.path", 1),
        ("git.path", 1),
        ("secret.owner", 1),
        ("source.uid", 1),
        ("audit.txn", 1),
        ("details.text", 1),
        ("commitments.password", 1),
        ("residuals", [1]),
    ],
)
def test_h4_each_member_has_its_type(member: str, other: object) -> None:
    """Each of these would be written again as the same bytes."""
    sound = fact(RecordType.RETIRED, audit=Audit(txn="t"), details={"text": "x"})
    value = json.loads(statement.encode(replace(entries()[0].record, fact=sound)))
    *above, name = member.split(".")
    inner = value["predicate"]
    for each in above:
        inner = inner[each]
    assert name in inner
    assert statement.decode(canonical.dumps(value), "record").fact == sound
    inner[name] = other
    with pytest.raises(EvidenceError) as caught:
        statement.decode(canonical.dumps(value), "record")
    assert caught.value.code == "E_RECORD"


@pytest.mark.parametrize(
    ("member", "other"), [("renew", False), ("git", False), ("audit", ""), ("more", "x")]
)
def test_h4_what_would_be_written_otherwise_is_refused(member: str, other: object) -> None:
    """Each of these is read as if it were not there."""
    value = json.loads(statement.encode(entries()[0].record))
    value["predicate"][member] = other
    with pytest.raises(EvidenceError) as caught:
        statement.decode(canonical.dumps(value), "record")
    assert caught.value.code == "E_RECORD"


def simple_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + simple_root(leaves[:k]) + simple_root(leaves[k:])).digest()


def test_merkle_root_and_proofs_of_every_size() -> None:
    data = [bytes([n]) for n in range(40)]
    frontier: merkle.Frontier = ()
    for size in range(len(data) + 1):
        root = merkle.root(frontier)
        assert root == simple_root(data[:size])
        hashes = [merkle.leaf(each) for each in data[:size]]
        for index in range(size):
            path = merkle.prove(hashes, index)
            assert merkle.included(hashes[index], index, size, path, root)
            assert not merkle.included(merkle.leaf(b"x"), index, size, path, root)
            assert not merkle.included(hashes[index], index, size, (*path, root), root)
            for other in (index - 1, size + index, -size - 1):
                assert not merkle.included(hashes[index], other, size, path, root)
        if size < len(data):
            frontier = merkle.grow(frontier, size, merkle.leaf(data[size]))


def test_one_record_is_shown_with_its_proof() -> None:
    ledger = chain.Ledger().extended(entries())
    proof = ledger.proof(5)
    leaf, root = merkle.leaf(ledger.entries[5].envelope), bytes.fromhex(ledger.chain.root)
    assert merkle.included(leaf, 5, ledger.chain.size, proof, root)
    assert not merkle.included(leaf, 4, ledger.chain.size, proof, root)


@pytest.mark.parametrize("text", ["QQ", "QR==", "QQ==\n", "Q Q=", "QQ=", "QQ===", "é"])
def test_base64_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)base64|padding|ascii|characters|data"):
        canonical.decode(text)


def test_nothing_of_a_value_is_in_the_story() -> None:
    """Positive control: the commitment, which is there, is found by the same search."""
    payload = b"".join(statement.encode(each.record) for each in entries(story()))
    assert b"c" * 64 in payload
    assert hashlib.sha256(b"hunter2").hexdigest().encode() not in payload
