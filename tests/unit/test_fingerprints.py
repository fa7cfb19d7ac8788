"""Values are found again where they are, by digests that no other process can make (B1, INV7)."""

import base64

import pytest

from bootstrap.adapters.local.fingerprints import Fingerprints, is_weak, secret_looking
from bootstrap.model.sensitive import Sensitive

VALUE = b"s3cr3t-Value-4711"
ENCODED = base64.b64encode(VALUE)
PLACES = {
    "the whole": VALUE,
    "with a line end": VALUE + b"\n",
    "as base64": ENCODED,
    "a line": b"first\n  " + VALUE + b"  \nlast",
    "behind =": b"PASSWORD=" + VALUE,
    "behind = in quotes": b'password = "' + VALUE + b'"',
    "in YAML": b"a:\n  password: " + VALUE + b"\n",
    "in JSON": b'{"auths":{"r":{"password":"' + VALUE + b'"}}}',
    "in an address": b"postgres://user:" + VALUE + b"@db:5432/x",
    "base64 in a manifest": b"data:\n  password: " + ENCODED + b"\n",
}


def text(content: bytes) -> Sensitive:
    return Sensitive(content, "test")


@pytest.mark.parametrize("where", PLACES)
def test_inv7_a_value_is_found(where: str) -> None:
    prints = Fingerprints()
    assert prints.of(text(VALUE)) in prints.within(text(PLACES[where]))


@pytest.mark.parametrize("content", [b"", VALUE[:-1], VALUE + b"1", VALUE[::-1], b"x" * 100_000 + VALUE])
def test_nothing_else_is(content: bytes) -> None:
    prints = Fingerprints()
    assert prints.of(text(VALUE)) not in prints.within(text(content))


def test_a_phrase_with_spaces_is_found_as_a_line_and_behind_a_sign() -> None:
    prints = Fingerprints()
    wanted = prints.of(text(b"correct horse battery"))
    assert wanted in prints.within(text(b"a: correct horse battery\nb: 1"))


def test_b1_another_process_makes_other_digests() -> None:
    assert Fingerprints().of(text(VALUE)) != Fingerprints().of(text(VALUE))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"5432",
        b"true",
        b"admin",
        b"aaaaaaaaaaaa",
        b"changeme",
        b"PASSWORD",
        b"-----BEGIN CERTIFICATE-----\nQQ",
    ],
)
def test_what_says_nothing_when_it_is_met_again(content: bytes) -> None:
    assert is_weak(text(content))


@pytest.mark.parametrize("content", [VALUE, b"-----BEGIN PRIVATE KEY-----\nQQ", b"12345679"])
def test_what_does(content: bytes) -> None:
    assert not is_weak(text(content))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"-----BEGIN RSA PRIVATE KEY-----\n" + b"A" * 64, "a private key"),
        (b"AGE-SECRET-KEY-1" + b"Q" * 58, "a private key"),
        (b"hvs." + b"a" * 24, "a Vault token"),
        (b"postgres://app:hunter22@db/x", "an address with a password in it"),
        (b"https://db.example:5432/x", ""),
        (b"postgres.database.svc", ""),
    ],
)
def test_inv8_what_looks_like_a_secret(content: bytes, what: str) -> None:
    assert secret_looking(text(content)) == what
