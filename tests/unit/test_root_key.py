"""The root of trust: every place it may come from, every form, and each refusal (S1, B2)."""

import os
from pathlib import Path

import pyrage
import pysequoia
import pytest

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import Root, encrypt_to, open_root, parse_root
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from tests.support.age_root import IDENTITY, PASSPHRASE, SECRET, nobody, right, root_file, wrong


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return root_file(tmp_path)


def code(content: bytes) -> str:
    with pytest.raises(BootstrapError) as caught:
        parse_root(Sensitive(content), nobody)
    assert caught.value.hint
    return caught.value.code


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(PreconditionError) as caught:
        open_root(f"file:{file}", nobody)
    assert (caught.value.code, caught.value.hint) == ("E_KEY_MODE", f"chmod 600 {file}")


@pytest.mark.parametrize("spec", ["file:/nonexistent", "/nonexistent", "fd:999", "fd:x", "cmd:", "cmd:'"])
def test_a_key_that_is_not_there(spec: str) -> None:
    with pytest.raises(PreconditionError) as caught:
        open_root(spec, nobody)
    assert caught.value.code == "E_KEY_MISSING"


def test_a_pipe_by_name_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(PreconditionError) as caught:
        open_root(f"file:{tmp_path}/pipe", nobody)
    assert caught.value.code == "E_KEY_KIND"


def test_a_folder_says_so_and_names_the_file_to_give(tmp_path: Path) -> None:
    with pytest.raises(PreconditionError) as caught:
        open_root(f"file:{tmp_path}", nobody)
    assert (caught.value.code, caught.value.where) == ("E_KEY_KIND", str(tmp_path))
    assert f"--root file:{tmp_path}/root.key" in caught.value.hint


def test_a_passphrase_typed_wrong_is_not_one_that_nobody_could_type() -> None:
    content = Sensitive(pyrage.passphrase.encrypt(IDENTITY.encode(), "correct horse", armored=True))
    told = {}
    for name, ask in {"nobody": nobody, "wrong": wrong, "empty": lambda _: Sensitive(b"")}.items():
        with pytest.raises(PreconditionError) as caught:
            parse_root(content, ask)
        told[name] = (caught.value.message, caught.value.hint.split(",")[0])
    assert told == {
        "nobody": ("the root key has a passphrase", "run it on a terminal"),
        "wrong": ("the passphrase does not open the root key", "try again"),
        "empty": ("the passphrase typed is empty, and the root key has one", "try again"),
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n# only a comment\n",
        str(pyrage.x25519.Identity.from_str(IDENTITY).to_public()).encode(),
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n",
        b"ssh-ed25519 AAAA",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx",
        b"AGE-SECRET-KEY-PQ-1AAAA",
        b"AGE-PLUGIN-YUBIKEY-1",
        b"-----BEGIN PRIVATE KEY-----\n",
        IDENTITY[:-3].encode(),
        IDENTITY.encode() + b"\nnonsense\n",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\ntruncated",
        os.urandom(64),
        b"#bootstrap-gpg-agent ",
        b"#bootstrap-gpg-agent {}",
        b"#bootstrap-gpg-agent []",
    ],
)
def test_what_is_no_root_key_says_what_it_is(content: bytes) -> None:
    assert code(content) == "E_KEY_KIND"


def test_no_error_shows_the_key() -> None:
    with pytest.raises(PreconditionError) as caught:
        parse_root(Sensitive(IDENTITY[:-3].encode()), nobody)
    assert IDENTITY[20:40] not in repr(caught.value) + str(caught.value.__cause__) + str(
        caught.value.__context__
    )


def test_an_age_root_behind_a_passphrase() -> None:
    content = pyrage.passphrase.encrypt(f"# c\n{IDENTITY}\n".encode(), "correct horse", armored=True)
    assert parse_root(Sensitive(b"\n" + content), right).recipients == AgeRoot([IDENTITY]).recipients
    for ask in (wrong, nobody):
        with pytest.raises(PreconditionError) as caught:
            parse_root(Sensitive(content), ask)
        assert caught.value.code == "E_KEY_PASS"


def of_work(rounds: int) -> bytes:
    """A protected root whose header asks for 2^``rounds``."""
    header = pyrage.passphrase.encrypt(IDENTITY.encode(), "correct horse").split(b"\n", 2)
    stanza = b" ".join([*header[1].split(b" ")[:-1], str(rounds).encode()])
    return b"\n".join([header[0], stanza, header[2]])


def test_a_root_that_is_too_costly_for_this_machine_is_not_called_a_wrong_passphrase(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bootstrap.adapters.age.root.MOST_WORK", 60)  # so that pyrage itself refuses
    with pytest.raises(PreconditionError) as caught:
        parse_root(Sensitive(of_work(60)), right)
    assert caught.value.code == "E_CT_COST"


def test_a_busy_machine_measured_as_too_slow_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pyrage.passphrase.encrypt(IDENTITY.encode(), "correct horse")
    decrypt, refusals = pyrage.passphrase.decrypt, iter(range(3))

    def busy(data: bytes, typed: str) -> bytes:
        if next(refusals, None) is not None:
            raise pyrage.DecryptError("Excessive work parameter for passphrase.")
        return bytes(decrypt(data, typed))

    monkeypatch.setattr(pyrage.passphrase, "decrypt", busy)
    assert parse_root(Sensitive(content), right).recipients == AgeRoot([IDENTITY]).recipients


def test_a_passphrase_that_would_cost_hours_is_refused_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    costly = of_work(30)
    monkeypatch.setattr(pyrage.passphrase, "decrypt", lambda *_: pytest.fail("it is tried"))
    with pytest.raises(PreconditionError) as caught:
        parse_root(Sensitive(costly), right)
    assert caught.value.code == "E_CT_COST"


def test_an_age_file_for_another_identity_is_no_root() -> None:
    other = pyrage.x25519.Identity.generate().to_public()
    assert code(pyrage.encrypt(IDENTITY.encode(), [other])) == "E_KEY_KIND"


def roots() -> list[Root]:
    return [age.generate(), PgpRoot(openpgp.generate("root"))]


def public(root: Root) -> str:
    return root.recipients[0] if isinstance(root, AgeRoot) else root.armored_certificate.decode()


@pytest.mark.parametrize("root", roots(), ids=["age", "openpgp"])
class TestBothKinds:
    def test_each_of_several_holders_opens(self, root: Root) -> None:
        second = age.generate() if isinstance(root, AgeRoot) else PgpRoot(openpgp.generate("second"))
        sealed = encrypt_to([public(root), public(second)], SECRET)
        assert root.unwrap(sealed, "f") == second.unwrap(sealed, "f") == SECRET
        assert root.unwrap(b"\r\n\n  \n" + sealed, "f") == SECRET

    def test_the_exported_root_opens_the_same(self, root: Root) -> None:
        sealed = encrypt_to([public(root)], SECRET)
        assert parse_root(root.export(), nobody).unwrap(sealed, "f") == SECRET

    def test_a_foreign_file_names_what_would_do(self, root: Root) -> None:
        other = age.generate() if isinstance(root, AgeRoot) else PgpRoot(openpgp.generate("other"))
        with pytest.raises(PreconditionError) as caught:
            root.unwrap(encrypt_to([public(other)], SECRET), "encrypted/x")
        assert (caught.value.code, caught.value.where) == ("E_NO_IDENTITY", "encrypted/x")
        assert root.recipients[0] in caught.value.message

    def test_damage_is_told_from_a_foreign_key(self, root: Root) -> None:
        sealed = encrypt_to([public(root)], Sensitive(b"canary" * 50, "value"))
        lines = sealed.splitlines(keepends=True)
        middle = len(lines) - 3
        flipped = lines[middle].replace(lines[middle][5:6], b"A" if lines[middle][5:6] != b"A" else b"B", 1)
        damages = {
            "empty": (b"", "E_CT_EMPTY"),
            "blank": (b"\n \n", "E_CT_EMPTY"),
            "text": (b"password: hunter2", "E_CT_DAMAGED"),
            "cut": (sealed[: len(sealed) // 2], "E_CT_DAMAGED"),
            "header only": (lines[0], "E_CT_DAMAGED"),
            "one letter": (b"".join([*lines[:middle], flipped, *lines[middle + 1 :]]), "E_CT_DAMAGED"),
        }
        for name, (content, expected) in damages.items():
            with pytest.raises(DefinitionError) as caught:
                root.unwrap(content, "f")
            assert caught.value.code == expected, name
            assert "canary" not in str(caught.value)
            assert "backtrace" not in str(caught.value)


def test_an_unknown_version_of_age() -> None:
    with pytest.raises(DefinitionError) as caught:
        AgeRoot([IDENTITY]).unwrap(b"age-encryption.org/v9\n-> X25519 a\n", "f")
    assert caught.value.code == "E_CT_VERSION"


def test_declared_recipients_are_named_when_the_header_cannot() -> None:
    other = age.generate()
    root = AgeRoot([IDENTITY], declared=other.recipients)
    with pytest.raises(PreconditionError) as caught:
        root.unwrap(encrypt_to(other.recipients, SECRET), "f")
    assert other.recipients[0] in caught.value.message


@pytest.mark.parametrize(
    "recipient", ["age1nonsense", "", "AGE-SECRET-KEY-1", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nx"]
)
def test_a_recipient_that_is_none(recipient: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        encrypt_to([recipient], SECRET)
    assert caught.value.code == "E_RECIPIENT"


def test_an_openpgp_root_behind_our_passphrase() -> None:
    secret = openpgp.generate("root")
    content = openpgp.protect(secret, PASSPHRASE)
    assert parse_root(Sensitive(content), right).recipients == PgpRoot(secret).recipients
    with pytest.raises(PreconditionError) as caught:
        parse_root(Sensitive(content), wrong)
    assert caught.value.code == "E_KEY_PASS"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a home, nor an agent, nor a temporary file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "gnupg"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    root = PgpRoot(openpgp.generate("root"))
    certificate = pysequoia.Cert.from_bytes(root.certificate)
    assert (
        root.unwrap(pysequoia.encrypt(b"canary-5f1c", recipients=[certificate], armor=False), "f") == SECRET
    )
    assert list(tmp_path.iterdir()) == []
