"""Every form of encrypted file in a commit: opened in memory, or refused with the way out (B1)."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.adapters.age import root as age
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.commit_files import CommitFiles, declared_recipients
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened, RootKey

ROOT = age.generate()
PGP = PgpRoot(openpgp.generate("root"))
CANARY = b"canary-93ab"
VALUE = Sensitive(CANARY, "value")

SEALED: dict[str, tuple[RootKey, bytes, Opened]] = {
    "x.age": (ROOT, encrypt_to(ROOT.recipients, VALUE), VALUE),
    "x.asc": (PGP, encrypt_to([PGP.armored_certificate.decode()], VALUE), VALUE),
    "x.yaml": (
        ROOT,
        encrypt_yaml({"a": VALUE, "b": {"c": VALUE}}, ROOT.recipients),
        {"a": VALUE, "b": {"c": VALUE}},
    ),
}


class Commit:
    """A commit of a few files, and how often each was read."""

    commit, tree, location = "0" * 40, "1" * 40, "memory"

    def __init__(self, **files: bytes) -> None:
        self.files = {name.replace("__", "/").replace("_", "."): content for name, content in files.items()}
        self.reads: list[str] = []

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        return self.files[path]

    def blob(self, path: str) -> str:
        return "2" * 40

    def unused_changes(self) -> Sequence[str]:
        return ()


def refused(path: str, content: bytes, root: Any = ROOT) -> BootstrapError:
    commit = Commit()
    commit.files[path] = content
    with pytest.raises(BootstrapError) as caught:
        CommitFiles(commit, root).open(path)
    assert caught.value.where.startswith(path)
    assert caught.value.hint
    assert CANARY.decode() not in caught.value.message + caught.value.hint
    return caught.value


def test_raw_files_and_sops_files_are_opened_once() -> None:
    commit = Commit(
        a_age=encrypt_to(ROOT.recipients, VALUE),
        b_sops_yaml=encrypt_yaml({"k": VALUE}, ROOT.recipients),
    )
    files = CommitFiles(commit, ROOT)
    assert files.open("a.age") == files.open("a.age") == VALUE
    assert files.open("b.sops.yaml") == files.open("b.sops.yaml") == {"k": VALUE}
    assert commit.reads == ["a.age", "b.sops.yaml"]


@pytest.mark.parametrize("name", ["x.asc", "x.gpg", "x.pgp"])
def test_openpgp_files(name: str) -> None:
    import pysequoia

    certificate = pysequoia.Cert.from_bytes(PGP.certificate)
    for armor in (True, False):
        commit = Commit()
        commit.files[name] = pysequoia.encrypt(CANARY, recipients=[certificate], armor=armor)
        assert CommitFiles(commit, PGP).open(name) == VALUE


@pytest.mark.parametrize("name", ["x.age", "x.asc", "x.gpg", "x.sops.yaml", "x.yml", "x.json", "x.bin"])
def test_plaintext_where_ciphertext_belongs(name: str) -> None:
    for content in (b"password: " + CANARY, b'{"password": "' + CANARY + b'"}', CANARY):
        assert refused(f"encrypted/{name}", content).code == "E_PLAINTEXT"


@pytest.mark.parametrize("name", ["x.age", "x.asc", "x.sops.yaml", "x.json"])
def test_an_empty_file(name: str) -> None:
    for content in (b"", b" \n\n"):
        assert refused(f"encrypted/{name}", content).code == "E_CT_EMPTY"


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"\0GITCRYPT\0\x01\x02", "git-crypt unlock"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", "ansible-vault decrypt"),
        (b"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n", "kubeseal"),
        (b"apiVersion: viaduct.ai/v1\nkind: ksops\nfiles: [x.yaml]\n", "source.file"),
        (b"A=x\nsops_mac=ENC[AES256_GCM,data:x]\n", ".env"),
        (b"[a]\nb=c\n[sops]\nmac=x\n", ".ini"),
    ],
)
def test_forms_that_the_root_alone_cannot_open(content: bytes, hint: str) -> None:
    error = refused("encrypted/x.yaml", content)
    assert error.code == "E_FORM"
    assert hint in error.hint


def test_the_other_kind_of_root_is_told() -> None:
    for name, content, root in (
        ("encrypted/x.asc", encrypt_to([PGP.armored_certificate.decode()], VALUE), ROOT),
        ("encrypted/x.age", encrypt_to(ROOT.recipients, VALUE), PGP),
    ):
        error = refused(name, content, root)
        assert (error.code, error.exit_code) == ("E_NO_IDENTITY", 4)


def test_a_name_that_lies_about_its_form() -> None:
    """The content decides: an age file called .asc opens, a SOPS file called .age does not."""
    commit = Commit(a_asc=encrypt_to(ROOT.recipients, VALUE))
    assert CommitFiles(commit, ROOT).open("a.asc") == VALUE
    assert refused("encrypted/x.age", encrypt_yaml({"k": VALUE}, ROOT.recipients)).code == "E_FORM"


def test_declared_recipients() -> None:
    assert declared_recipients(Commit(keys__root_txt=b"# holders\n age1a \n\nage1b\n")) == ("age1a", "age1b")
    ssh = Commit(keys__root_txt=b"ssh-ed25519 AAAA alice@desk\n")
    assert declared_recipients(ssh) == ("ssh-ed25519 AAAA",)
    two = PGP.armored_certificate + PgpRoot(openpgp.generate("b")).armored_certificate
    assert len(declared_recipients(Commit(keys__root_asc=two))) == 2
    assert declared_recipients(Commit()) == ()


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), kind=st.sampled_from(["age", "asc", "gpg"]))
def test_any_bytes_in_are_the_same_bytes_out(content: bytes, kind: str) -> None:
    root = ROOT if kind == "age" else PGP
    public = ROOT.recipients if kind == "age" else [PGP.armored_certificate.decode()]
    sealed = encrypt_to(public, Sensitive(content))
    if kind == "gpg":
        from pysequoia.packet import PacketPile

        sealed = b"".join(bytes(packet) for packet in PacketPile.from_bytes(sealed))
    commit = Commit()
    commit.files[f"encrypted/x.{kind}"] = sealed
    assert CommitFiles(commit, root).open(f"encrypted/x.{kind}") == Sensitive(content)


@settings(max_examples=80, deadline=None)
@given(
    content=st.binary(max_size=120),
    name=st.sampled_from(["x.age", "x.asc", "x.yaml", "x.json", "x.env", "x.ini", "x"]),
)
def test_no_bytes_crash_the_reader(content: bytes, name: str) -> None:
    """Whatever a repository holds: a refusal with a code and a hint, or (never by chance) a value."""
    error = refused(f"encrypted/{name}", content)
    assert error.code.startswith("E_")


@settings(max_examples=120, deadline=None)
@given(cut=st.floats(0, 1), junk=st.binary(max_size=12), where=st.sampled_from(sorted(SEALED)))
def test_no_damage_crashes_the_reader(cut: float, junk: bytes, where: str) -> None:
    root, sealed, value = SEALED[where]
    at = int(cut * len(sealed))
    commit = Commit()
    commit.files[where] = sealed[:at] + junk + sealed[at + len(junk) :]
    try:
        assert CommitFiles(commit, root).open(where) == value
    except BootstrapError as error:
        assert error.code.startswith("E_")
        assert error.hint
        assert CANARY.decode() not in error.message
