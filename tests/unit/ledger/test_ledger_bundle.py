"""A bundle verifies from files alone, and every disorder in it is found (H4)."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.ledger import canonical
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.bundle import Bundle, export, show_bundle, verify_bundle
from bootstrap.ledger.envelope import accepts, open_envelope
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, DefinitionError, EvidenceError
from tests.support.ledger_facts import ESCROW, Key, bundle, bundle_of, entries, fact

KEYS = {"ledger.pub": Key().pem}
DATA = bundle()


def refused(data: bytes) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        verify_bundle(data, KEYS)
    assert caught.value.exit_code == 6
    return caught.value


def test_h4_bundle_verifies_from_files_alone() -> None:
    report = verify_bundle(DATA, KEYS)
    assert (report.size, report.verified, report.vault_cluster) == (10, True, "vault-1")
    assert report.counts["COMMIT"] == 2
    grafana, keycloak = report.secrets
    assert (grafana.name, grafana.audit, grafana.retire) == ("grafana", "missing", "ignored")
    assert grafana.note == "made anew at handover: the value in Git is dead"
    assert (keycloak.authority, keycloak.txn, keycloak.residuals) == (
        "Vault",
        "t-1",
        ("etcd-history", "git-history"),
    )
    assert "still live" in keycloak.note
    assert report.rests_on[-1] == "1 of 2 COMMIT records have no audit line in Vault's log any more"
    assert json.loads(json.dumps(report.document()))["root"] == report.root


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"null", b"[]", b"{}", b"0", b'"', DATA[:-1], DATA + b"\n", DATA + b" ", b" " + DATA,
        DATA + DATA, DATA[: len(DATA) // 2], b"\xef\xbb\xbf" + DATA, DATA.decode().encode("utf-16"),
        b"[" * 200_000, b"1" * 100_000, b"1e400", b"NaN", b'{"a":1,"a":1}', b'"\\ud800"', b"\x00" * 64,
        b'{"escrow":null,"format":"https://bootstrap.dev/ledger-bundle/v1","head":{},"records":[]}',
        b'{"escrow":null,"format":"https://bootstrap.dev/ledger-bundle/v1","head":{},"records":[1]}',
        DATA.replace(b'"escrow":', b'"a":1,"escrow":', 1), DATA.replace(b"ledger-bundle/v1", b"ledger-bundle/v2", 1),
        b'{"escrow":null,"format":"https://bootstrap.dev/ledger-bundle/v1","head":{},"records":{}}',
        b'{"escrow":null,"format":"https://bootstrap.dev/ledger-bundle/v1","head":{},"records":""}',
    ],
)  # fmt: skip
def test_garbage_is_a_clear_error(data: bytes) -> None:
    assert refused(data).message
    with pytest.raises(EvidenceError):
        show_bundle(data)


@settings(max_examples=300)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_clear_error(data: bytes) -> None:
    refused(data)


@settings(max_examples=300)
@given(start=st.integers(0, len(DATA)), length=st.integers(0, 300), new=st.binary(max_size=40))
def test_any_splice_is_found(start: int, length: int, new: bytes) -> None:
    changed = DATA[:start] + new + DATA[start + length :]
    if changed != DATA:
        refused(changed)


def envelopes() -> list[bytes]:
    return [each.envelope for each in entries()]


def swapped(found: list[bytes]) -> list[bytes]:
    return [found[1], found[0], *found[2:]]


@pytest.mark.parametrize(
    "change",
    [
        swapped,
        lambda found: found[:4] + found[5:],
        lambda found: found[1:],
        lambda found: [*found, found[-1]],
        lambda found: [*found[:5], found[4], *found[5:]],
        lambda found: [*found[:9], entries(facts=(fact(RecordType.INTENT),))[0].envelope],
    ],
    ids=["reordered", "dropped", "first dropped", "last doubled", "doubled", "of another chain"],
)
def test_h4_disorder_is_found_even_under_a_true_head(change: Callable[[list[bytes]], list[bytes]]) -> None:
    """The head is signed anew by the true key, so only the chain itself can tell."""
    assert refused(bundle_of(tuple(change(envelopes())))).code == "E_CHAIN"


def test_a_truncated_ledger_under_its_old_head_is_found() -> None:
    whole = Bundle.parse(DATA)
    found = tuple(whole.envelopes)
    assert refused(export(found[:-1], whole.head, ESCROW)).code == "E_HEAD"
    assert refused(export(found, whole.head, ESCROW + b"x")).code == "E_HEAD"
    assert refused(export(found, whole.head, None)).code == "E_HEAD"
    assert refused(export((), whole.head, ESCROW)).code == "E_EMPTY"


def test_foreign_key_is_found() -> None:
    assert refused(bundle(Key(2))).code == "E_SIG"
    with pytest.raises(EvidenceError):
        verify_bundle(DATA, {"ledger.pub": Key(2).pem})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda e: e | {"payloadType": "application/json"}, "its payload type is not"),
        (lambda e: e | {"signatures": e["signatures"] * 2}, "exactly one signature"),
        (lambda e: e | {"signatures": []}, "exactly one signature"),
        (lambda e: e | {"more": "x"}, "it is not a DSSE envelope$"),
        (
            lambda e: e | {"signatures": [e["signatures"][0] | {"keyid": Key(2).key_id}]},
            "signed by another key than",
        ),
        (lambda e: e | {"signatures": [e["signatures"][0] | {"more": "x"}]}, "has other members than"),
        (lambda e: e | {"payload": e["payload"] + "\n"}, "exactly one signature"),
        (lambda e: e | {"payload": 1}, "exactly one signature"),
        (lambda e: e | {"signatures": {"keyid": "", "sig": ""}}, "exactly one signature"),
    ],
)
def test_h4_envelope_has_one_form(change: Callable[[dict[str, object]], dict[str, object]], why: str) -> None:
    """In the last record, and the head signed anew over it, so that no chain hash gives it away first."""
    found = envelopes()
    changed = canonical.dumps(change(json.loads(found[-1])))
    head = Bundle.parse(DATA).head
    error = refused(export([*found[:-1], changed], head, ESCROW))
    assert error.code == "E_SIG"
    assert re.search(why, error.message)


def test_keys_are_looked_at_first_and_named() -> None:
    for keys, code in (({}, "E_KEY_MISSING"), ({"ledger.pub": b"garbage"}, "E_KEY_FORMAT")):
        with pytest.raises(DefinitionError) as caught:
            verify_bundle(DATA, keys)
        assert caught.value.code == code
    rsa = b"-----BEGIN PUBLIC KEY-----\nMFwwDQYJ\n-----END PUBLIC KEY-----\n"
    with pytest.raises(BootstrapError):
        verify_bundle(DATA, {"ledger.pub": rsa})


def test_a_bundle_shown_without_a_key_says_so() -> None:
    assert not show_bundle(bundle(Key(2))).verified
    verified = verify_bundle(DATA, KEYS)
    assert show_bundle(DATA) == replace(verified, verified=False, completeness=None)


def test_what_is_shown_without_a_key_still_fits_together() -> None:
    """Records and escrow are held against the head, though nobody says who signed them."""
    parsed = Bundle.parse(DATA)
    whole = tuple(parsed.envelopes)
    for found, escrow in ((whole[:-1], ESCROW), (whole, b"another")):
        with pytest.raises(EvidenceError) as caught:
            show_bundle(export(found, parsed.head, escrow))
        assert caught.value.code == "E_HEAD"


@pytest.mark.parametrize("content", [b"{}", b"[]", b"[1]", b"[{},1]", b'""', b"null", b"1"])
def test_a_batch_is_a_list_of_records_and_not_empty(content: bytes) -> None:
    with pytest.raises(EvidenceError) as caught:
        Batch.parse("ledger-00000000", content)
    assert (caught.value.code, caught.value.where) == ("E_BATCH", "ledger-00000000")


def otherwise(envelope: bytes) -> bytes:
    """The same record of another actor, in canonical form, under the signature that it had."""
    parts = json.loads(envelope)
    payload = canonical.decode(parts["payload"]).replace(b'"actor":"admin"', b'"actor":"other"')
    return canonical.dumps(parts | {"payload": canonical.encode(payload)})


def test_h4_a_record_that_was_changed_under_its_signature_is_found() -> None:
    """The last one, under a head that is signed anew over it: nothing but its own signature gives it away."""
    found = envelopes()
    changed = otherwise(found[-1])
    assert changed != found[-1]
    with pytest.raises(EvidenceError) as caught:
        open_envelope(changed, Key().public, "record")
    assert caught.value.code == "E_SIG"
    assert accepts(found[-1], Key().public, "record")
    assert not accepts(changed, Key().public, "record")
    assert refused(bundle_of((*found[:-1], changed))).code == "E_SIG"
