"""Rows 11 to 32: ciphertexts, and the keys that open them."""

import os
import re
from functools import partial

import pytest

from bootstrap.adapters.age import root as age
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.arguments import refuse_repeated
from bootstrap.cli.commands.check_bundle import changed_since_commit
from bootstrap.cli.prompt import choose_passphrase
from bootstrap.intent.load import load_intent
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.bad_input.box import (
    CANARY,
    ROOT,
    Box,
    Told,
    binary,
    passphrased,
)
from tests.bad_input.table import pairs, refused, row, told
from tests.support import ledger_facts
from tests.support.real_sops import gpg_home

OPERATOR, PULL = "manifests/external-secrets/operator.yaml", "secrets/scaffold.yaml"
X = "encrypted/x.sops.yaml"


@row(11, "plaintext where ciphertext belongs", "E_PLAINTEXT", "encrypted/orders.sops.yaml")
def _(box: Box) -> Told:
    return box.checked({"encrypted/orders.sops.yaml": f"session: {CANARY}\n".encode()})


@row(12, "an age private key in the commit", "E_KEY_IN_GIT", "notes/x.txt:2")
def _(box: Box) -> Told:
    return box.checked({"notes/x.txt": b"x\n" + ROOT.export().reveal()})


@row(13, "an empty ciphertext", "E_CT_EMPTY", "encrypted/orders.sops.yaml")
def _(box: Box) -> Told:
    return box.checked({"encrypted/orders.sops.yaml": b""})


@row(14, "a truncated age file", "E_CT_DAMAGED", "encrypted/x.age")
def _(box: Box) -> Told:
    whole = binary()  # once: the library adds a random stanza, so two are not equally long
    header = whole.index(b"\n---")

    def cut(at: int) -> None:
        box.unwrapped(lambda _: whole[:at])

    for at in (header, header + 5, header + 60, len(whole) - 5):
        assert refused(partial(cut, at)).code == "E_CT_DAMAGED"
    box.unwrapped(lambda data: data[:-1])
    return ()


@row(15, "a flipped bit; bytes behind the end", "E_CT_DAMAGED", "encrypted/x.age")
def _(box: Box) -> Told:
    assert box.unwrapped(lambda data: data) == Sensitive(CANARY.encode())
    with pytest.raises(BootstrapError, match="damaged"):
        box.unwrapped(lambda data: data + b"x")
    box.unwrapped(lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    return ()


@row(16, "age of another version", "E_CT_VERSION", "encrypted/x.age")
def _(box: Box) -> Told:
    box.unwrapped(lambda data: data.replace(b"org/v1", b"org/v9", 1))
    return ()


@row(17, "encrypted to somebody else", "E_NO_IDENTITY", "encrypted/x.age")
def _(box: Box) -> Told:
    declared = age.AgeRoot(age.generate().export().reveal().decode().split(), (ROOT.recipients[0],))
    with pytest.raises(BootstrapError) as caught:
        declared.unwrap(binary(), "encrypted/x.age")
    assert ROOT.recipients[0] in caught.value.message
    return [caught.value]


@row(18, "encrypted to somebody whom nobody declared", "E_RECIPIENT_EXTRA", "encrypted/identity-hmac-key.age")
def _(box: Box) -> Told:
    holder = (box.repository() / "keys/root.txt").read_text().split()[-1]
    sealed = encrypt_to((holder, ROOT.recipients[0]), Sensitive(os.urandom(16)))
    box.committed({"encrypted/identity-hmac-key.age": sealed})
    return told(box.program("check", "--repo", box.repository()).stdout)


@row(19, "a passphrase that asks for 2^30 rounds", "E_CT_COST", "--root")
def _(box: Box) -> Told:
    costly = passphrased(work=30)
    with pytest.raises(BootstrapError) as caught:
        box.root(costly, b"right")
    return [caught.value]


@row(20, "a plugin named by a path", "E_PLUGIN_NAME", "--root")
def _(box: Box) -> Told:
    box.root(b"AGE-PLUGIN-../../BIN/SH-1QQQQ\n")
    return ()


@row(21, "a root key that others can read", "E_KEY_MODE", ".*/given.key")
def _(box: Box) -> Told:
    box.root(ROOT.export().reveal(), mode=0o644)
    return ()


@row(22, "a public key, an empty file, somebody's SSH public key", "E_KEY_KIND", "--root")
def _(box: Box) -> Told:
    for text in (
        b"",
        b"\n# x\n",
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA\n",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
    ):
        with pytest.raises(BootstrapError) as caught:
            box.root(text)
        assert caught.value.code == "E_KEY_KIND"
    box.root(f"{ROOT.recipients[0]}\n".encode())
    return ()


@row(23, "a wrong passphrase; nobody to ask", "E_KEY_PASS", "--root")
def _(box: Box) -> Told:
    assert box.root(passphrased(), b"right").recipients == ROOT.recipients
    with pytest.raises(BootstrapError, match="has a passphrase"):
        box.root(passphrased())
    box.root(passphrased(), b"wrong")
    return ()


@row(24, "two root keys", "E_KEY_AMBIGUOUS", "--root")
def _(box: Box) -> Told:
    done = box.program("check", "--root", "file:a", "--root=file:b")
    assert (done.returncode, "[E_KEY_AMBIGUOUS]" in done.stderr) == (2, True)
    refuse_repeated(["check", "--root", "file:a", "--root=file:b"])
    return ()


@row(25, "an OpenPGP key that has expired", "E_PGP_STATE", "[0-9A-F]{40}")
def _(box: Box) -> Told:
    with gpg_home() as gpg:
        fingerprint = gpg.new_key("x", "future-default", "default", "seconds=3600", at="20250101T000000")
        box.root(gpg.secret(fingerprint, ""))
    return ()


@row(26, "an OpenPGP message that nothing protects", "E_PGP_INTEGRITY", "encrypted/x.gpg")
def _(box: Box) -> Told:
    with gpg_home() as gpg:
        fingerprint = gpg.new_key("x", "future-default", "default", "never")
        root = box.root(gpg.secret(fingerprint, ""))
        old = ("--rfc2440", "--cipher-algo", "AES")
        root.unwrap(gpg("-r", fingerprint, *old, "--encrypt", given=CANARY.encode()), "encrypted/x.gpg")
    return ()


@row(27, "OpenPGP armor that is damaged, or there twice", "E_PGP_FORM", "encrypted/x.asc")
def _(box: Box) -> Told:
    root = openpgp.PgpRoot(openpgp.generate("x"))
    sealed = encrypt_to([root.armored_certificate.decode()], Sensitive(CANARY.encode()))
    assert root.unwrap(sealed, "x") == Sensitive(CANARY.encode())
    for bad in (sealed.replace(b"\n\n", b"\n\nAAAA", 1), b"-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n"):
        with pytest.raises(BootstrapError):
            root.unwrap(bad, "encrypted/x.asc")
    root.unwrap(sealed + sealed, "encrypted/x.asc")
    return ()


@row(28, "a passphrase of two lines", "E_PASS_CHARS", r"fd:\d+")
def _(box: Box) -> Told:
    reading, writing = os.pipe()
    os.write(writing, f"one\n{CANARY}\n".encode())
    os.close(writing)
    choose_passphrase(f"fd:{reading}", none=False, ask=False)
    return ()


@row(29, "a SOPS file whose MAC does not fit", "E_SOPS_MAC", X)
def _(box: Box) -> Told:
    box.sops({"a": Sensitive(CANARY.encode()), "b": Sensitive(b"x")}, _swapped)
    return ()


def _swapped(text: str) -> str:
    """The two values change places."""
    first, second = re.findall(r"^[ab]: (.*)$", text, re.MULTILINE)
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


@row(30, "a SOPS file that is partly plain", "E_SOPS_PLAIN", r"encrypted/orders.sops.yaml:\d+")
def _(box: Box) -> Told:
    """Where the rule says encrypted, opened or not; and where the rule leaves out what the catalog introduces."""
    with pytest.raises(BootstrapError) as caught:
        box.sops(
            {"a": Sensitive(b"x")},
            lambda text: re.sub(r"^a: .*$", f"a: {CANARY}", text, flags=re.MULTILINE),
        )
    assert (caught.value.code, caught.value.where) == ("E_SOPS_PLAIN", f"{X}#a")
    path = "encrypted/orders.sops.yaml"
    sealed = (box.repository() / path).read_text()
    spoilt = re.sub(r"^session: .*$", f"session: {CANARY}", sealed, flags=re.MULTILINE)
    assert ("E_SOPS_PLAIN", f"{path}:1") in pairs(box.checked({path: spoilt.encode()}))
    key = (box.repository() / "keys/root.txt").read_text().split()[-1]
    tree: dict[str, Opened] = {
        "session": Sensitive(CANARY.encode()),
        "payment": {"token": Sensitive(b"t" * 40)},
    }
    left_out = encrypt_yaml(tree, (key,), encrypted_regex="^payment$")
    return box.checked({path: left_out})


@row(
    31,
    "a hostile .sops.yaml above the repository",
    "W_NOT_OPENED",
    "encrypted",
    listed="ignored",
    why="not read",
)
def _(box: Box) -> Told:
    before = box.program("check", "--repo", box.repository()).stdout
    for folder in (box.folder, box.repository() / ".."):
        (folder / ".sops.yaml").write_text(f"creation_rules: [{{age: {age.generate().recipients[0]}}}]\n")
    after = box.program("check", "--repo", box.repository()).stdout
    assert before == after
    return told(after)


@row(32, "an old ciphertext put back", "E_CT_REPLAY", r"secrets/orders.yaml:\d+")
def _(box: Box) -> Told:
    path = box.repository() / "encrypted/orders.sops.yaml"
    old = path.read_bytes()
    handed_over = box.committed({"encrypted/orders.sops.yaml": old + b"# new\n"})
    key = ledger_facts.Key()
    box.committed({"keys/ledger.pub": key.pem})
    from bootstrap.ledger.record import Git, RecordType

    what = Git(commit=handed_over.commit, path=X, blob=handed_over.blob("encrypted/orders.sops.yaml"))
    facts = tuple(
        ledger_facts.fact(phase, "orders-session-key", git=what)
        for phase in (RecordType.INTENT, RecordType.COMMIT)
    )
    data = ledger_facts.bundle_of(tuple(e.envelope for e in ledger_facts.entries(facts, key)), key)
    (box.folder / "bundle").write_bytes(data)
    replayed = box.committed({"encrypted/orders.sops.yaml": old})
    return changed_since_commit(replayed, load_intent(replayed), box.folder / "bundle")
