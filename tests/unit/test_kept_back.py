"""A key under the root, and one that opens the repository, is no secret of the catalog, however it is written (S1)."""

import base64
import json
import random
import re
from collections.abc import Callable, Mapping
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.adapters.age import root as age
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root import derived_keys
from bootstrap.adapters.root.carried_keys import Texts, names_in, public_names, views
from bootstrap.adapters.root.holders import root_file
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.sensitive import Sensitive
from tests.support.intent_fake import FakeRepository
from tests.support.work import calls_as_long_as, calls_at_most

ROOT = age.generate()
READER = age.generate()  # such as Flux's own key, which a repository names in keys/readers.txt
SSH = ed25519.Ed25519PrivateKey.generate()
STRANGER = age.generate()
PGP = PgpRoot(openpgp.generate("a holder"))
UNSEAL, UNSEAL_PUBLIC = derived_keys.generate_unseal()
LEDGER, _ = derived_keys.generate_ledger()
CA, _ = derived_keys.generate_ca()
COMMITMENT = derived_keys.generate_commitment()


def ssh(password: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return SSH.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, lock)


@cache
def files() -> Mapping[str, bytes]:
    material = {"unseal": UNSEAL, "ledger": LEDGER, "vault-ca": CA, "commitment": COMMITMENT}
    public = SSH.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return {
        **{f"encrypted/root-material/{n}.age": encrypt_to(ROOT.recipients, v) for n, v in material.items()},
        "keys/root.txt": "\n".join(ROOT.recipients).encode(),
        "keys/readers.txt": READER.recipients[0].encode() + b"  # flux\n" + public + b" ci\n",
        "keys/unseal.asc": UNSEAL_PUBLIC,
        "keys/root.asc": PGP.armored_certificate,
    }


def opened(value: bytes, *, raw: bool = False) -> None:
    secret = Sensitive(value, "value")
    seal = encrypt_to if raw else lambda r, v: encrypt_yaml({"a": {"b": v}, "c": Sensitive(b"x")}, r)
    path = "encrypted/a.age" if raw else "encrypted/a.sops.yaml"
    made = {**files(), path: seal(ROOT.recipients, secret)}
    CommitFiles(FakeRepository(made), ROOT).open(path)


def der(pem: bytes) -> bytes:
    return load_pem_private_key(pem, None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def sec1(pem: bytes) -> bytes:
    return load_pem_private_key(pem, None).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )


KEYS: dict[str, bytes] = {
    "the root": ROOT.export().reveal(),
    "the root's file": root_file(ROOT, None),
    "a reader": READER.export().reveal(),
    "a reader in lower case": READER.export().reveal().lower(),
    "a reader by ssh": ssh(),
    "a reader by ssh, with a passphrase": ssh(b"secret"),
    "a reader's ssh key as PKCS8": SSH.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    "a holder by OpenPGP": PGP.export().reveal(),
    "the unseal key": UNSEAL.reveal(),
    "the ledger key": LEDGER.reveal(),
    "the ledger key, binary": der(LEDGER.reveal()),
    "the CA's key": CA.reveal(),
    "the CA's key as SEC1": sec1(CA.reveal()),
    "the commitment key": COMMITMENT.reveal(),
    "the commitment key, binary": bytes.fromhex(COMMITMENT.reveal().decode()),
    "the commitment key, upper case": COMMITMENT.reveal().upper(),
}


def wrapped(value: bytes, width: int) -> bytes:
    text = base64.b64encode(value)
    return b"\n".join(text[i : i + width] for i in range(0, len(text), width))


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda v: v,
    "with a newline": lambda v: v + b"\n\n",
    "with words around": lambda v: b"# created: today\n" + v + b"\n# the end of it\n",
    "base64": base64.b64encode,
    "base64 of base64": lambda v: base64.b64encode(base64.b64encode(v)),
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(v).rstrip(b"="),
    "base64 in lines of 76": lambda v: wrapped(v, 76),
    "hex": lambda v: v.hex().encode(),
    "a string of JSON": lambda v: json.dumps({"a": {"key": v.decode("latin-1")}}).encode(),
    "a Secret manifest": lambda v: b"kind: Secret\ndata:\n  age.agekey: " + base64.b64encode(v) + b"\n",
    "a URL": lambda v: b"https://host/?key=" + "".join(f"%{b:02x}" for b in v).encode(),
    "CRLF": lambda v: v.replace(b"\n", b"\r\n") if b"\n" in v else v + b"\r\n",
}


OF_TEXT = ("with words around", "a string of JSON", "CRLF", "with a newline")


@pytest.mark.parametrize(
    ("key", "form"), [(k, f) for k in KEYS for f in FORMS if not ("binary" in k and f in OF_TEXT)]
)
def test_s1_a_key_of_the_root_is_no_source(key: str, form: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        opened(FORMS[form](KEYS[key]))
    assert (refused.value.code, refused.value.where) == ("E_ROOT_SOURCE", "encrypted/a.sops.yaml")
    assert "remove the file" in refused.value.hint


@pytest.mark.parametrize("key", KEYS)
def test_s1_nor_as_a_raw_file(key: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        opened(KEYS[key], raw=True)
    assert refused.value.code == "E_ROOT_SOURCE"


@pytest.mark.parametrize(
    "value",
    [
        STRANGER.export().reveal(),
        openpgp.generate("stranger").reveal(),
        derived_keys.generate_ledger()[0].reveal(),
        derived_keys.generate_ca()[0].reveal(),
        derived_keys.generate_commitment().reveal(),
        ROOT.recipients[0].encode(),
        UNSEAL_PUBLIC,
        b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
        b"AGE-SECRET-KEY-1" + b"Q" * 58,
        b"openssh-key-v1\0" + bytes(12),
        bytes([0xC5]) * 40,
        bytes(range(256)) * 8,
        b"word " * 2000,
        b"\\" * 4000,
    ],
)
def test_a_key_of_somebody_else_and_what_is_none_is_a_secret_like_any_other(value: bytes) -> None:
    opened(value)


def test_what_cannot_be_compared_is_not_opened() -> None:
    """A root material that this root does not open hides what it is."""
    made = {**files(), "encrypted/root-material/unseal.age": encrypt_to(STRANGER.recipients, UNSEAL)}
    made["encrypted/a.age"] = encrypt_to(ROOT.recipients, Sensitive(b"x"))
    with pytest.raises(BootstrapError) as refused:
        CommitFiles(FakeRepository(made), ROOT).open("encrypted/a.age")
    assert refused.value.code == "E_NO_IDENTITY"


@settings(deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from([b"", b"\x95\x01", b"\xc5\x30", b"0\x82", b"openssh-key-v1\0"])
)
def test_any_bytes_are_looked_through(data: bytes, begins: bytes) -> None:
    for value in (begins + data, base64.b64encode(begins + data), data + begins):
        public_names(Sensitive(value))
        names_in(tuple(views(value)))


# ---------------------------------------------------------------- other clothes of the same keys


def scalar(pem: bytes) -> bytes:
    key = load_pem_private_key(pem, None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.private_bytes_raw()
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.private_numbers().private_value.to_bytes(32, "big")


def x25519(text: bytes) -> bytes:
    """The 32 bytes within ``AGE-SECRET-KEY-1...``."""
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    bits = "".join(
        f"{letters.index(c):05b}" for c in text.decode().strip().lower().partition("key-1")[2][:-6]
    )
    return int(bits[:256], 2).to_bytes(32, "big")


def jwk(secret: bytes) -> bytes:
    d = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "d": d, "x": "AAAA"}).encode()


def binary(armored: bytes) -> bytes:
    body = armored.partition(b"\n\n")[2].partition(b"\n=")[0].partition(b"\n-----END")[0]
    return base64.b64decode(b"".join(body.split()))


def putty() -> bytes:
    public = SSH.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
    lines = b"\n".join(public[i : i + 64] for i in range(0, len(public), 64))
    return (
        b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\n"
        + lines
        + b"\nPrivate-Lines: 1\n"
        + base64.b64encode(b"\0\0\0\x20" + SSH.private_bytes_raw())
        + b"\nPrivate-MAC: 00\n"
    )


OTHER = openpgp.generate("another holder")
CLOTHES: dict[str, bytes] = {
    "an age key's bytes": x25519(ROOT.export().reveal()),
    "an age key's bytes in hex": x25519(ROOT.export().reveal()).hex().encode(),
    "the ledger key's bytes": scalar(LEDGER.reveal()),
    "the ledger key's bytes as base64": base64.b64encode(scalar(LEDGER.reveal())),
    "the ledger key as JWK": jwk(scalar(LEDGER.reveal())),
    "the CA's number": scalar(CA.reveal()),
    "a reader's key of PuTTY": putty(),
    "binary behind other bytes": b"\0\1\2" + der(LEDGER.reveal()),
    "a certificate and then its key, binary": b"0\x03\x02\x01\x01" + der(CA.reveal()),
    "OpenPGP behind other bytes": b"\0\1\2" + PGP.export().reveal(),
    "OpenPGP, binary, behind other packets": b"\xca\x03PGP" + binary(UNSEAL.reveal()),
    "the commitment key among other digits": b"ab" + COMMITMENT.reveal() + b"cd",
    "the commitment key as a line": b"key: " + COMMITMENT.reveal() + b" # mine\n",
    "OpenPGP, binary, and a line end": binary(UNSEAL.reveal()) + b"\n",
    "OpenPGP, binary, before other bytes": binary(UNSEAL.reveal()) + b"\x95\x01\x00\x04junk",
    "OpenPGP behind many that look like it": b"\x95\x00\x09\x04\0\0\0\0\x01\0\0\0" * 5000
    + binary(UNSEAL.reveal()),
    "OpenPGP within what looks like its beginning": b"\x95\x00" + binary(UNSEAL.reveal()),
    "JSON that writes letters as numbers": ROOT.export().reveal().replace(b"-", b"\\u002d"),
    "JSON of numbers alone": "".join(f"\\u{c:04x}" for c in ROOT.export().reveal()).encode(),
    "JSON, as base64": base64.b64encode(LEDGER.reveal().replace(b"M", b"\\u004D").replace(b"\n", b"\\n")),
    "UTF-16 without a mark": LEDGER.reveal().decode().encode("utf-16-be"),
    "the commitment key in UTF-32": COMMITMENT.reveal().decode().encode("utf-32"),
    "the commitment key's bytes as C writes them": re.sub(rb"(..)", rb"0x\1, ", COMMITMENT.reveal()),
    "the commitment key's bytes as Python writes them": re.sub(rb"(..)", rb"\\x\1", COMMITMENT.reveal()),
    "the commitment key's bytes among others": b"\0" + bytes.fromhex(COMMITMENT.reveal().decode()) + b"\1",
}


@pytest.mark.parametrize("clothes", CLOTHES)
def test_s1_nor_in_other_clothes(clothes: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        opened(CLOTHES[clothes], raw=True)
    assert refused.value.code == "E_ROOT_SOURCE"


def test_s1_nor_a_key_that_no_file_names_and_that_opens_one() -> None:
    """A raw age file does not say whom it is for, so the key is tried on it."""
    hidden = age.generate()
    made = {**files(), "encrypted/b.age": encrypt_to((*ROOT.recipients, *hidden.recipients), Sensitive(b"x"))}
    made["encrypted/a.age"] = encrypt_to(ROOT.recipients, hidden.export())
    with pytest.raises(DefinitionError) as refused:
        CommitFiles(FakeRepository(made), ROOT).open("encrypted/a.age")
    assert refused.value.code == "E_ROOT_SOURCE"


def test_g5_a_value_made_to_be_looked_through_for_long_is_not() -> None:
    for value in (
        b"QUFB" * 25_000,
        b"\\" * 100_000,
        b"%41" * 30_000,
        b"41" * 40_000,
        b"\x04\x20" * 40_000,
        b"\xc5\x01\x04" * 30_000,
        (b"A" * 39 + b" ") * 2_000,
        b"\x95\x01\x00\x04\0\0\0\0\x01" * 10_000,
    ):
        with calls_at_most(calls_as_long_as(value)):
            opened(value, raw=True)
        assert sum(map(len, views(value))) < 16 * len(value)


@pytest.mark.parametrize("size", [1, 16, 30, 31, 32, 33, 64, 700])
def test_s1_a_text_of_the_root_material_is_found_at_every_place(size: int) -> None:
    kept = random.Random(size).randbytes(size).replace(b" ", b"-").strip() or b"k"
    texts = Texts([Sensitive(kept, "kept")])
    for before in range(40):
        for behind in (0, 1, 17):
            assert texts.carried([b"\1" * before + kept + b"\1" * behind])
    assert not texts.carried([b"\2" * 5000, kept[1:] + b"\2", b"\2" + kept[:-1]])
