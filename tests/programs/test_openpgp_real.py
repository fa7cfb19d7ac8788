"""OpenPGP roots held to the real GnuPG, both ways, and each state a key can be in (S1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp import validity as openpgp_state
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import encrypt_to, parse_root
from bootstrap.model.errors import BootstrapError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from tests.support.real_sops import Gpg, gpg_home

SECRET = Sensitive(b"canary-77aa\0\xff", "value")
PLAIN = b"canary-77aa\0\xff"
LONG_AGO = "20250101T000000"


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    with gpg_home() as home:
        yield home


def root_of(gpg: Gpg, fingerprint: str, passphrase: str = "") -> PgpRoot:
    ask = Sensitive(passphrase.encode()) if passphrase else None
    root = parse_root(Sensitive(gpg.secret(fingerprint, passphrase)), lambda _: ask)
    assert isinstance(root, PgpRoot)
    return root


def refused(gpg: Gpg, fingerprint: str) -> PreconditionError:
    with pytest.raises(PreconditionError) as caught:
        root_of(gpg, fingerprint)
    assert caught.value.hint
    assert "backtrace" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("primary", "subkey", "passphrase"),
    [
        ("rsa2048", "rsa2048", "correct hörse"),
        ("ed25519", "cv25519", ""),
        ("ed25519", "cv25519", "correct hörse"),
        ("nistp256", "nistp384", ""),
    ],
)
def test_keys_and_messages_of_gnupg(gpg: Gpg, primary: str, subkey: str, passphrase: str) -> None:
    fingerprint = gpg.new_key(f"{primary} {passphrase}", primary, "cert", "never", passphrase=passphrase)
    gpg("--quick-add-key", fingerprint, subkey, "encr", "never", passphrase=passphrase)
    root = root_of(gpg, fingerprint, passphrase)
    assert root.recipients == (fingerprint,)
    for armor in ((), ("--armor",)):
        assert root.unwrap(gpg(*armor, "-r", fingerprint, "--encrypt", given=PLAIN), "f") == SECRET
    assert root.unwrap(gpg("-r", fingerprint, "--throw-keyids", "--encrypt", given=PLAIN), "f") == SECRET
    ours = encrypt_to([gpg("--armor", "--export", fingerprint).decode()], SECRET)
    assert gpg("--decrypt", given=ours, passphrase=passphrase) == PLAIN


def test_each_of_several_subkeys_opens_what_is_for_it(gpg: Gpg) -> None:
    fingerprint = gpg.new_key("several", "ed25519", "cert", "never")
    for kind in ("cv25519", "nistp256"):
        gpg("--quick-add-key", fingerprint, kind, "encr", "never")
    root = root_of(gpg, fingerprint)
    listed = gpg("--with-colons", "--list-keys", fingerprint).decode().splitlines()
    subkeys = [line.split(":")[9] for line in listed if line.startswith("fpr:")][1:]
    assert len(subkeys) == 2
    for subkey in subkeys:
        assert root.unwrap(gpg("-r", f"{subkey}!", "--encrypt", given=PLAIN), "f") == SECRET


def test_a_key_that_keygen_makes_is_one_of_gnupg_too(gpg: Gpg) -> None:
    """GnuPG 2.2 imports the key, opens what is written to it, and writes what it opens."""
    secret = openpgp.generate("bootstrap root of trust")
    root = PgpRoot(secret)
    gpg("--import", given=secret.reveal())
    beside = PgpRoot(openpgp.generate("beside")).armored_certificate.decode()
    for recipients in ([root.armored_certificate.decode()], [beside, root.armored_certificate.decode()]):
        sealed = encrypt_to(recipients, SECRET)
        assert gpg("--decrypt", given=sealed) == PLAIN
        assert root.unwrap(sealed, "f") == SECRET
        packets = gpg("--list-packets", given=sealed).decode()
        assert packets.count(":pubkey enc packet: version 3") == len(recipients)  # and nobody else
    assert root.unwrap(gpg("-r", root.fingerprint, "--encrypt", given=PLAIN), "f") == SECRET
    assert gpg("--decrypt", given=openpgp.protect(SECRET, Sensitive(b"pw")), passphrase="pw") == PLAIN


def test_subkeys_without_their_primary_key(gpg: Gpg) -> None:
    """What a careful holder carries: ``--export-secret-subkeys``."""
    fingerprint = gpg.new_key("away", "future-default", "default", "never")
    exported = gpg("--armor", "--export-secret-subkeys", fingerprint)
    root = parse_root(Sensitive(exported), lambda _: None)
    assert root.unwrap(gpg("-r", fingerprint, "--encrypt", given=PLAIN), "f") == SECRET


# ---------------------------------------------------------------- states


def test_an_expired_key_says_how_to_prolong_it(gpg: Gpg) -> None:
    fingerprint = gpg.new_key("expired", "future-default", "default", "seconds=3600", at=LONG_AGO)
    sealed = gpg("-r", fingerprint, "--encrypt", given=PLAIN, at="20250101T001000")
    error = refused(gpg, fingerprint)
    assert error.code == "E_PGP_STATE"
    assert "expired on 2025-01-01" in error.message
    assert f"--quick-set-expire {fingerprint}" in error.hint
    for what in ((), ("*",)):  # what the hint says
        gpg("--quick-set-expire", fingerprint, "2y", *what)
    assert root_of(gpg, fingerprint).unwrap(sealed, "f") == SECRET


def test_an_expired_subkey_is_named_where_a_file_needs_it(gpg: Gpg) -> None:
    fingerprint = gpg.new_key("old subkey", "ed25519", "cert", "never", at=LONG_AGO)
    gpg("--quick-add-key", fingerprint, "cv25519", "encr", "seconds=3600", at=LONG_AGO)
    sealed = gpg("-r", fingerprint, "--encrypt", given=PLAIN, at="20250101T001000")
    assert "expired on 2025-01-01" in refused(gpg, fingerprint).message
    gpg("--quick-add-key", fingerprint, "cv25519", "encr", "never")
    root = root_of(gpg, fingerprint)
    with pytest.raises(PreconditionError) as caught:
        root.unwrap(sealed, "f")
    assert caught.value.code == "E_PGP_STATE"
    assert root.unwrap(gpg("-r", fingerprint, "--encrypt", given=PLAIN), "f") == SECRET


def test_a_revoked_key(gpg: Gpg) -> None:
    fingerprint = gpg.new_key("revoked", "future-default", "default", "never")
    revocation = Path(gpg.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
    gpg("--import", given=revocation.replace(":-----", "-----").encode())
    error = refused(gpg, fingerprint)
    assert (error.code, error.exit_code) == ("E_PGP_STATE", 4)
    assert "is revoked" in error.message


def test_a_key_for_signatures_only(gpg: Gpg) -> None:
    fingerprint = gpg.new_key("signs", "ed25519", "sign", "never")
    error = refused(gpg, fingerprint)
    assert error.code == "E_PGP_STATE"
    assert "no encryption subkey" in error.message
    assert "--quick-add-key" in error.hint


def test_a_key_of_the_future(gpg: Gpg) -> None:
    fingerprint = gpg.new_key("future", "future-default", "default", "never", at="20400101T000000")
    error = refused(gpg, fingerprint)
    assert error.code == "E_PGP_STATE"
    assert "clock" in error.hint


# ---------------------------------------------------------------- messages that are not taken


@pytest.fixture(scope="module")
def holder(gpg: Gpg) -> tuple[str, PgpRoot]:
    fingerprint = gpg.new_key("holder", "future-default", "default", "never")
    return fingerprint, root_of(gpg, fingerprint)


def damage(root: PgpRoot, message: bytes) -> str:
    with pytest.raises(BootstrapError) as caught:
        root.unwrap(message, "encrypted/x.gpg")
    assert caught.value.where == "encrypted/x.gpg"
    assert caught.value.hint
    assert "canary" not in caught.value.message
    return caught.value.code


def test_an_old_cipher_and_missing_protection(gpg: Gpg, holder: tuple[str, PgpRoot]) -> None:
    fingerprint, root = holder
    for cipher in ("3DES", "CAST5"):
        sealed = gpg("-r", fingerprint, "--cipher-algo", cipher, "--encrypt", given=PLAIN)
        assert damage(root, sealed) == "E_PGP_FORM"
    unprotected = gpg("-r", fingerprint, "--rfc2440", "--cipher-algo", "AES", "--encrypt", given=PLAIN)
    assert damage(root, unprotected) == "E_PGP_INTEGRITY"


def test_the_ocb_form_of_gnupg_2_3(gpg: Gpg, holder: tuple[str, PgpRoot]) -> None:
    """GnuPG 2.2 cannot write it: the packet of a real message gets the tag of draft 4880bis."""
    from pysequoia.packet import PacketPile, Tag

    fingerprint, root = holder
    sealed = gpg("-r", fingerprint, "--encrypt", given=PLAIN)
    wrapped = next(bytes(p) for p in PacketPile.from_bytes(sealed) if p.tag == Tag.PKESK)
    body = bytes([1, 9, 2, 16]) + bytes(80)  # version, AES-256, OCB, chunk size
    assert damage(root, wrapped + bytes([0xC0 | 20, len(body)]) + body) == "E_PGP_FORM"


def test_two_messages_and_a_signed_text(gpg: Gpg, holder: tuple[str, PgpRoot]) -> None:
    fingerprint, root = holder
    sealed = gpg("--armor", "-r", fingerprint, "--encrypt", given=PLAIN)
    assert damage(root, sealed + sealed) == "E_PGP_FORM"
    assert damage(root, gpg("--clearsign", "-u", fingerprint, given=b"text\n")) == "E_PGP_FORM"
    assert damage(root, gpg("--armor", "--sign", "-u", fingerprint, given=b"text\n")) == "E_CT_DAMAGED"


def test_an_empty_value_is_no_damage(gpg: Gpg, holder: tuple[str, PgpRoot]) -> None:
    fingerprint, root = holder
    assert root.unwrap(gpg("-r", fingerprint, "--encrypt", given=b""), "f") == Sensitive(b"")


def test_when_a_certificate_ends_the_first_part_that_encrypts_counts(gpg: Gpg) -> None:
    def ends(fingerprint: str) -> list[tuple[str, str]]:
        armored = gpg("--armor", "--export", fingerprint).decode()
        return [(name, f"{until:%Y-%m-%d}") for name, until in openpgp_state.endings(armored)]

    lasting = gpg.new_key("lasting", "future-default", "default", "never")
    assert ends(lasting) == []
    whole = gpg.new_key("ending", "future-default", "default", "seconds=86400", at=LONG_AGO)
    assert ends(whole) == [(whole, "2025-01-02")]
    part = gpg.new_key("ending subkey", "ed25519", "cert", "never", at=LONG_AGO)
    gpg("--quick-add-key", part, "cv25519", "encr", "seconds=172800", at=LONG_AGO)
    assert ends(part) == [(part, "2025-01-03")]
