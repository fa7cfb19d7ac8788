"""Values are found again where they are, by digests that no other process can make (B1, INV7)."""

import base64
import gzip
import json

import pytest

from bootstrap.adapters.local.fingerprints import Fingerprints, is_weak, key_line, secret_looking
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
    "base64 of base64": base64.b64encode(ENCODED),
    "base64 of a login": b'{"auth": "' + base64.b64encode(b"user:" + VALUE) + b'"}',
    "base64 in lines": base64.encodebytes(b"a line of text before it, so that it is long enough\n" + VALUE),
    "hexadecimal": VALUE.hex().encode(),
    "compressed": gzip.compress(b"password: " + VALUE),
    "a Helm release": base64.b64encode(
        gzip.compress(json.dumps({"m": f"x: 1\nk: {ENCODED.decode()}\n"}).encode())
    ),
    "JSON in JSON": json.dumps(json.dumps({"k": f"a\n{VALUE.decode()}\nb"})).encode(),
    "escaped for an address": b"https://x/?token=" + VALUE.replace(b"-", b"%2D") + b"&a=b",
    "far down": b"x y\n" * 20_000 + b"k: " + ENCODED,
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


def test_letters_and_digits_are_found_between_anything_else() -> None:
    prints = Fingerprints()
    assert prints.of(text(b"s3cr3tValue4711")) in prints.within(text(b"before-s3cr3tValue4711_behind"))


def test_a_private_key_is_found_where_its_lines_are_indented() -> None:
    lines = [b"-----BEGIN PRIVATE KEY-----", b"A" * 64, b"B" * 63 + b"1", b"C=", b"-----END PRIVATE KEY-----"]
    line = key_line(text(b"\n".join(lines)))
    assert line is not None
    prints = Fingerprints()
    wanted = prints.of(line)
    assert wanted in prints.within(text(b"key: |\n" + b"".join(b"    " + each + b"\n" for each in lines)))
    assert wanted not in prints.within(text(b"\n".join([*lines[:2], *lines[3:]])))
    assert key_line(text(VALUE)) is None


def test_what_is_damaged_is_a_text_like_any_other() -> None:
    for content in (
        gzip.compress(VALUE)[:-9],
        b"\x1f\x8bno",
        b"%zz\\",
        b"\\u00zz",
        b"====",
        bytes(range(256)),
    ):
        assert isinstance(Fingerprints().within(text(content)), frozenset)


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
        b"https://alerts.example.org:8443/",
    ],
)
def test_what_says_nothing_when_it_is_met_again(content: bytes) -> None:
    assert is_weak(text(content))


@pytest.mark.parametrize(
    "content", [VALUE, b"-----BEGIN PRIVATE KEY-----\nQQ", b"12345679", b"https://hooks.example.org/T0/B0/x"]
)
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
