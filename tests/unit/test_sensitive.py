"""A secret value gives itself to nobody: not printed, not copied, and as text only what is no value by its form."""

import copy
import json
import pickle
from collections.abc import Callable

import pytest

from bootstrap.model.sensitive import Sensitive

VALUE = b"canary-4242"
SECRET = Sensitive(VALUE, "database.password")
SESSION_KEY = b"\xc1\x02\x03\x00"  # an OpenPGP packet in the newer form: a session key, version 3
ENCRYPTED = b"\xd2\x01\x00"
MESSAGE = SESSION_KEY + ENCRYPTED


@pytest.mark.parametrize("shown", [repr, str, format, "{}".format, "{!r:>40}".format, lambda s: f"{s}"])
def test_b2_it_is_shown_by_its_label(shown: Callable[[Sensitive], str]) -> None:
    assert shown(SECRET).strip() == "<sensitive database.password>"


@pytest.mark.parametrize("taken", [copy.copy, copy.deepcopy, pickle.dumps, json.dumps, hash])
def test_b2_it_is_neither_copied_nor_serialised_nor_hashed(taken: Callable[[Sensitive], object]) -> None:
    with pytest.raises(TypeError) as caught:
        taken(SECRET)
    assert VALUE.decode() not in str(caught.value)


def test_values_are_compared_and_labels_are_not() -> None:
    assert Sensitive(VALUE, "another") == SECRET
    assert SECRET.relabel("another") == SECRET
    assert repr(SECRET.relabel("another")) == "<sensitive another>"
    assert Sensitive(b"other") != SECRET
    assert SECRET != VALUE
    assert (bool(SECRET), bool(Sensitive(b""))) == (True, False)


@pytest.mark.parametrize(
    "message",
    [
        b"age-encryption.org/v1\n-> X25519",
        b"-----BEGIN AGE ENCRYPTED FILE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n",
        MESSAGE,
        b"\xc1\x02\x06\x00" + ENCRYPTED,
        SESSION_KEY + MESSAGE,  # to two keys
        SESSION_KEY + b"\xd4\x01\x00",
        b"\xc1\xc0\x00\x03" + b"\x00" * 191 + ENCRYPTED,  # a length of two octets
        b"\x84\x02\x03\x00" + ENCRYPTED,  # the older form
        b"\x85\x00\x02\x03\x00" + ENCRYPTED,
    ],
)
def test_b4_an_encrypted_message_leaves_as_it_is(message: bytes) -> None:
    assert Sensitive(message).ciphertext() == message


@pytest.mark.parametrize(
    "value",
    [
        VALUE,
        b"",
        b"\xc1",
        b"A" + MESSAGE,
        SESSION_KEY,  # nothing follows
        SESSION_KEY + VALUE,
        b"\xc1\x02\x04\x00" + ENCRYPTED,  # no version of a session key
        b"\xc1\x01\x03" + ENCRYPTED,  # shorter than one
        b"\xc2\x02\x03\x00" + ENCRYPTED,  # a signature
        SESSION_KEY + b"\xcb\x01\x00",  # literal data
        SESSION_KEY + b"\x52\x01\x00",  # no packet
        b"\xc1\xc0",  # cut off
        b"\xc1\xe1" + VALUE,  # a partial length
        b"\xc1\xe1\x00\x03" + bytes(8639) + ENCRYPTED,  # the same, which is no length of two octets
        b"text: age-encryption.org/v1\n",
    ],
)
def test_b4_what_is_no_encrypted_message_does_not_leave(value: bytes) -> None:
    with pytest.raises(TypeError, match=r"database\.password.*is not ciphertext") as caught:
        Sensitive(value, "database.password").ciphertext()
    assert caught.value.__context__ is None


def test_h4_a_batch_of_records_leaves_as_it_is_and_nothing_else_does() -> None:
    batch = b'[{"payload":"e30=","payloadType":"x","signatures":[]}]'
    assert Sensitive(batch).record() == batch
    for value in (VALUE, batch[:-1], batch[1:], b"", b'[{"payload":"', b'"}]'):
        with pytest.raises(TypeError, match=r"database\.password.*is not a ledger record"):
            Sensitive(value, "database.password").record()


def test_what_can_be_asked_of_it_gives_nothing_away() -> None:
    assert (SECRET.is_utf8(), Sensitive(b"\xff").is_utf8()) == (True, False)
    mappings = [b"{}", b"null", b"[" * 100_000, b"[]", b"1", b"junk"]
    assert [Sensitive(each).is_json_mapping() for each in mappings] == [True, True, True, False, False, False]
    lines = [b"one\n", b"one", b"one\ntwo\n", b"\none"]
    assert [Sensitive(each).ends_in_stray_newline() for each in lines] == [True, False, False, False]
    assert SECRET.occurs_in("so canary-4242 it is")
    assert Sensitive(VALUE + b"\n").occurs_in("so canary-4242 it is")
    assert not SECRET.occurs_in("so canary-4243 it is")
    assert not Sensitive(b"abc").occurs_in("abc"), "three bytes are in a text by chance"
    assert Sensitive.exceed([SECRET, SECRET], 21)
    assert not Sensitive.exceed([SECRET, SECRET], 22)


def test_base64_is_read_as_kubernetes_reads_it() -> None:
    assert SECRET.base64().from_base64() == SECRET
    assert repr(SECRET.base64()) == repr(SECRET)
    assert Sensitive(b"Y2Fu\r\nYXJ5\n").from_base64() == Sensitive(b"canary")
    with pytest.raises(ValueError, match=r"^database\.password is not base64$"):
        SECRET.from_base64()
