"""Ciphertexts, keys and repositories as people's tools leave them: read, or refused with a hint that works (G5)."""

import base64
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from bootstrap.adapters.age import root as age
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import encrypt_to, open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.intent.contents import exposed
from bootstrap.intent.findings import Finding
from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.sensitive import Sensitive
from tests.support.intent_fake import FakeRepository
from tests.support.program import commit_all
from tests.support.real_sops import Gpg, gpg_home

ROOT = age.generate()
VALUE = b"canary-77a0" * 9
PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    with gpg_home() as home:
        yield home


@pytest.fixture(scope="module")
def holder(gpg: Gpg) -> str:
    return gpg.new_key("holder", "future-default", "default", "never")


def shell(command: str, folder: Path, **environment: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env={"PATH": PATH, **environment},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def judged(path: str, data: bytes) -> list[Finding]:
    """Without a key."""
    return list(exposed(FakeRepository({path: data}), (path,)))


# ---------------------------------------------------------------- structure, without a key


def forms(gpg: Gpg, holder: str) -> dict[str, bytes]:
    armored = encrypt_to(ROOT.recipients, Sensitive(VALUE))
    body = b"".join(armored.splitlines()[1:-1])
    return {
        "armored.age": armored,
        "binary.age": base64.b64decode(body),
        "message.asc": gpg("--armor", "--recipient", holder, "--encrypt", given=VALUE),
        "message.gpg": gpg("--recipient", holder, "--encrypt", given=VALUE),
        "tree.yaml": encrypt_yaml({"a": Sensitive(VALUE)}, ROOT.recipients),
    }


@pytest.mark.parametrize("name", ["armored.age", "binary.age", "message.asc", "message.gpg", "tree.yaml"])
def test_a_file_that_is_cut_off_is_found_without_a_key(gpg: Gpg, holder: str, name: str) -> None:
    whole = forms(gpg, holder)[name]
    assert judged(f"encrypted/{name}", whole) == []
    lengths = [len(whole) * part // 8 for part in range(3, 8)]
    # In the last chunk of an age file a byte more or less is no structure: only opening it shows that.
    lengths = [size for size in lengths if name != "binary.age" or size < len(whole) - len(VALUE) - 16]
    # Behind its MAC a SOPS file holds nothing that opening it needs.
    lengths = [size for size in lengths if name != "tree.yaml" or size < whole.index(b"type:str]\n    unenc")]
    assert lengths
    for size in lengths:
        found = judged(f"encrypted/{name}", whole[:size])
        assert found, (name, size)
        assert {f.id for f in found} <= {"E_CT_DAMAGED", "E_FORM", "E_PLAINTEXT"}


def test_large_and_small_files_of_every_length_are_whole() -> None:
    """The structure of age, at the borders of its chunks."""
    for size in (0, 1, 65535, 65536, 65537, 131072, 131073):
        data = encrypt_to(ROOT.recipients, Sensitive(b"x" * size))
        assert judged("encrypted/a.age", data) == [], size


def test_messages_of_gnupg_of_every_length_are_whole(gpg: Gpg, holder: str) -> None:
    """One length, partial lengths, the old format of packets."""
    for size in (0, 1, 190, 8000, 70000):
        for words in ((), ("--compress-algo", "none"), ("--rfc4880",)):
            data = gpg(*words, "--recipient", holder, "--encrypt", given=b"x" * size)
            assert judged("encrypted/a.gpg", data) == [], (size, words)


# ---------------------------------------------------------------- mailed


MAILED = [
    *product(("armored.age", "binary.age", "message.asc", "message.gpg"), ("base64", "wrapped")),
    *product(("armored.age", "message.asc"), ("quoted", "signed off")),  # bytes cannot be quoted
]


@pytest.mark.parametrize(("name", "how"), MAILED)
def test_what_was_mailed_is_no_plaintext_and_the_hint_mends_it(
    gpg: Gpg, holder: str, tmp_path: Path, name: str, how: str
) -> None:
    whole = forms(gpg, holder)[name]
    mailed = {
        "base64": base64.b64encode(whole),
        "wrapped": base64.encodebytes(whole),
        "quoted": b"On Monday she wrote:\n" + b"".join(b"> " + line + b"\n" for line in whole.splitlines()),
        "signed off": b"here it is\n\n" + whole + b"\n-- \nthe sender\n",
    }[how]
    (tmp_path / "encrypted").mkdir()
    (tmp_path / "encrypted" / name).write_bytes(mailed)
    (found,) = judged(f"encrypted/{name}", mailed)
    assert found.id == "E_FORM"
    command = found.hint.removesuffix(", and commit that").replace("> FILE", "> mended")
    shell(command, tmp_path)
    mended = (tmp_path / "mended").read_bytes()
    assert judged(f"encrypted/{name}", mended) == []
    root = ROOT if name.endswith(".age") else PgpRoot(Sensitive(gpg.secret(holder)))
    assert root.unwrap(mended, name) == Sensitive(VALUE)


def test_a_pointer_of_git_lfs_is_named() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12\n"
    for path in ("encrypted/x.yaml", "encrypted/x.age", "encrypted/x.bin"):
        (found,) = judged(path, pointer)
        assert (found.id, "Git LFS" in found.message) == ("E_FORM", True)
        assert f"git lfs untrack '{path}'" in found.hint
        with pytest.raises(DefinitionError) as caught:
            CommitFiles(FakeRepository({path: pointer}), ROOT).open(path)
        assert caught.value.code == "E_FORM"


# ---------------------------------------------------------------- OpenPGP


def test_messages_that_no_root_key_opens_are_refused_in_their_own_words(
    gpg: Gpg, holder: str, tmp_path: Path
) -> None:
    root = PgpRoot(Sensitive(gpg.secret(holder)))
    other = gpg.new_key("other", "future-default", "default", "never")
    hidden = gpg("--hidden-recipient", holder, "--encrypt", given=VALUE)
    assert root.unwrap(hidden, "x") == Sensitive(VALUE)

    def refused(message: bytes, code: str, words: str) -> BootstrapError:
        with pytest.raises(BootstrapError) as caught:
            root.unwrap(message, "x.gpg")
        assert (caught.value.code, words in caught.value.message) == (code, True), caught.value.message
        return caught.value

    options = (
        f"gpg --homedir {gpg.home} --batch --trust-model always --pinentry-mode loopback --passphrase p "
    )
    for words in ((), ("--armor",), ("--cipher-algo", "AES256", "--compress-algo", "none")):
        locked = gpg(*words, "--symmetric", given=VALUE, passphrase="p")
        (tmp_path / "x.gpg").write_bytes(locked)
        command = refused(locked, "E_PGP_FORM", "only a passphrase opens it").hint.removesuffix(
            ", and commit that"
        )
        command = command.replace("FINGERPRINT", holder).replace("gpg --", f"{options}--")
        shell(f"{command} > opened.gpg", tmp_path)
        assert root.unwrap((tmp_path / "opened.gpg").read_bytes(), "x") == Sensitive(VALUE)
    both = gpg("--symmetric", "-r", holder, "--encrypt", given=VALUE, passphrase="p")
    assert root.unwrap(both, "x") == Sensitive(VALUE)
    away = gpg("--hidden-recipient", other, "--encrypt", given=VALUE)
    refused(away, "E_NO_IDENTITY", "hides whom it is for")
    squeezed = gpg("--compress-algo", "bzip2", "-r", holder, "-e", given=VALUE)
    found = refused(squeezed, "E_CT_DAMAGED", "bzip2")
    (tmp_path / "x.gpg").write_bytes(squeezed)
    command = found.hint.removeprefix("if it is whole: ").replace("FINGERPRINT", holder)
    shell(command.replace("gpg --", f"{options}--") + " > mended.gpg", tmp_path)
    assert root.unwrap((tmp_path / "mended.gpg").read_bytes(), "x") == Sensitive(VALUE)


def test_the_hint_on_an_expired_subkey_works(gpg: Gpg, tmp_path: Path) -> None:
    """`*` means those that have not expired: the one that has is named by its own fingerprint."""
    fingerprint = gpg.new_key("yearly", "ed25519", "cert", "never", at="20200101T000000")
    gpg("--quick-add-key", fingerprint, "cv25519", "encr", "1y", at="20200101T000000")
    old = gpg("--armor", "-r", fingerprint, "-e", given=VALUE, at="20200201T000000")
    gpg("--quick-add-key", fingerprint, "cv25519", "encr", "never")
    with pytest.raises(BootstrapError) as caught:
        PgpRoot(Sensitive(gpg.secret(fingerprint))).unwrap(old, "old.asc")
    assert caught.value.code == "E_PGP_STATE"
    command, _, _ = caught.value.hint.partition(", then")
    options = f"gpg --homedir {gpg.home} --batch --pinentry-mode loopback --passphrase '' "
    shell(command.replace("gpg ", options), tmp_path)
    assert PgpRoot(Sensitive(gpg.secret(fingerprint))).unwrap(old, "old.asc") == Sensitive(VALUE)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "rsa behind a passphrase", "ec"])
def test_ssh_keys_in_the_form_of_openssl(tmp_path: Path, kind: str) -> None:
    words = "EC -pkeyopt ec_paramgen_curve:P-256" if kind == "ec" else kind.split()[0]
    more = " -pkeyopt rsa_keygen_bits:2048" if kind.startswith("rsa") else ""
    shell(f"umask 077; openssl genpkey -algorithm {words}{more} -out key", tmp_path)
    if "passphrase" in kind:
        shell("umask 077; openssl pkcs8 -topk8 -in key -passout pass:p -out k2; mv k2 key", tmp_path)
    if kind == "ec":
        with pytest.raises(BootstrapError) as caught:
            open_root(str(tmp_path / "key"), lambda _: None)
        assert (caught.value.code, "age does not encrypt to" in caught.value.message) == ("E_KEY_KIND", True)
        return
    root = open_root(str(tmp_path / "key"), lambda _: Sensitive(b"p"))
    assert root.recipients[0].startswith("ssh-")
    assert root.unwrap(age.encrypt(root.recipients, Sensitive(VALUE)), "x") == Sensitive(VALUE)


# ---------------------------------------------------------------- Git


def repository(folder: Path, *words: str) -> Path:
    folder.mkdir()
    shell(f"git init -q {' '.join(words)} .", folder)
    (folder / "bootstrap.yaml").write_text("a: b\nc: d\n")
    (folder / "secrets").mkdir()
    (folder / "secrets/a.yaml").write_text("a: b\n")
    commit_all(folder)
    return folder


def test_a_repository_of_another_kind_is_refused_with_the_way_to_one_that_is_read(tmp_path: Path) -> None:
    big = repository(tmp_path / "big", "--object-format=sha256")
    precious = repository(tmp_path / "precious")
    shell("git config core.repositoryformatversion 1; git config extensions.preciousObjects true", precious)
    for folder, words in ((big, "SHA-256"), (precious, "preciousobjects")):
        with pytest.raises(DefinitionError) as caught:
            open_repository(folder)
        assert caught.value.code == "E_REPO_KIND"
        assert words in caught.value.message.replace("preciousObjects", "preciousobjects")
        command = caught.value.hint.removesuffix(", and give that").replace("COPY", f"copy-{folder.name}")
        shell(command, tmp_path, HOME=str(tmp_path))
        branch = (folder / ".git/HEAD").read_text().split("/")[-1].strip()
        assert open_repository(tmp_path / f"copy-{folder.name}", branch).read("secrets/a.yaml") == b"a: b\n"


def test_a_checkout_with_other_line_ends_or_of_a_part_is_no_change(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r")
    (folder / "secrets/a.yaml").write_bytes(b"a: b\r\n")
    assert open_repository(folder).unused_changes() == ()
    (folder / "secrets/a.yaml").write_bytes(b"a: c\r\n")
    assert open_repository(folder).unused_changes() == ("secrets/a.yaml",)
    shell("git checkout -q .; git sparse-checkout set --no-cone /bootstrap.yaml", folder, HOME=str(tmp_path))
    assert not (folder / "secrets/a.yaml").exists()
    assert open_repository(folder).unused_changes() == ()
    (folder / "bootstrap.yaml").unlink()
    assert open_repository(folder).unused_changes() == ("bootstrap.yaml",)
