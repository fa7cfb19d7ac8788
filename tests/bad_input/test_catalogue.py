"""The catalogue of bad input: 86 rows, each with the id and the place that its error names.

A row is met by the functions of the program, or by the program itself as a subprocess (``told`` reads it); what
only a real cluster shows is in ``test_cluster.py`` beside it. A row that nothing meets says why (``waits``). No
error may show a value, and a cluster may not be written before it.
"""

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.adapters import age, openpgp
from bootstrap.adapters.git import open_repository
from bootstrap.adapters.git_history import past_files
from bootstrap.adapters.kubeconfig import load_kubeconfig
from bootstrap.adapters.records import FolderRecords
from bootstrap.adapters.root import encrypt_to
from bootstrap.adapters.sops_nodes import parse_json
from bootstrap.adapters.sops_write import encrypt_yaml
from bootstrap.cli.check_arguments import refuse_repeated
from bootstrap.cli.check_bundle import changed_since_commit
from bootstrap.cli.keygen import choose_passphrase
from bootstrap.engine.loader import load_phases
from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.load import load_intent
from bootstrap.intent.manifests import parse_manifests
from bootstrap.intent.yaml_source import load_documents
from bootstrap.ledger.bundle import Bundle, export, verify_bundle
from bootstrap.model.catalog import Encoding
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened, Permission, Ref
from bootstrap.steps.registry import KINDS
from tests.bad_input.box import (
    CANARY,
    ROOT,
    WEB,
    Box,
    Told,
    binary,
    named,
    passphrased,
    secret,
    value,
)
from tests.lab.support.program import commit_all, git, started
from tests.simulator.platform import SimulatedPlatform
from tests.unit import ledger_facts
from tests.unit.intent_fake import PLATFORM, SECRET, SOPS
from tests.unit.real_sops import gpg_home, run
from tests.unit.test_intent_load import SCAFFOLD

OPERATOR, PULL = "manifests/external-secrets/operator.yaml", "secrets/scaffold.yaml"
X = "encrypted/x.sops.yaml"


@dataclass(frozen=True, kw_only=True)
class Row:
    """``code`` is ours; ``listed`` is the id of the catalogue where ours is another, and ``why`` says so."""

    number: int
    what: str
    meet: Callable[[Box], Told] | None = None
    code: str = ""
    place: str = ".*"
    listed: str = ""
    why: str = ""
    waits: str = ""


ROWS: list[Row] = []


def row(number: int, what: str, code: str, place: str = ".*", *, listed: str = "", why: str = ""):  # type: ignore[no-untyped-def]
    """Puts the decorated function into the table. ``place`` is the whole of ``where``, as an expression."""

    def put(meet: Callable[[Box], Told]) -> Callable[[Box], Told]:
        ROWS.append(Row(number=number, what=what, meet=meet, code=code, place=place, listed=listed, why=why))
        return meet

    return put


def met(row: Row, box: Box) -> list[tuple[str, str]]:
    """(id, place) of everything that is said; anything but an error of ours is a failure of the test."""
    assert row.meet is not None
    try:
        told = list(row.meet(box))
    except BootstrapError as error:
        told = [error]
    for each in told:
        assert CANARY not in f"{each} {each.where} {each.hint}"
    return [(t.id if isinstance(t, Finding) else t.code, t.where) for t in told]


# ------------------------------------------------------------------------------------------ 1-10 the repository


@row(1, "the path does not exist", "E_REPO_MISSING", ".*/nowhere")
def _(box: Box) -> Told:
    open_repository(box.folder / "nowhere")
    return ()


@row(2, "not a Git repository", "E_REPO_KIND", ".*/plain")
def _(box: Box) -> Told:
    bare = box.folder / "bare"
    git(box.folder, "clone", "--quiet", "--bare", str(box.repository()), str(bare))
    assert open_repository(bare).paths() == open_repository(box.repository()).paths()  # a bare one is fine
    (box.folder / "plain").mkdir()
    open_repository(box.folder / "plain")
    return ()


@row(
    3, "a dirty tree", "W_REPO_DIRTY", "secrets/more.yaml", listed="E_REPO_DIRTY", why="a note: it is unused"
)
def _(box: Box) -> Told:
    (box.repository() / "secrets/more.yaml").write_text("kind: [")
    return told(box.program("check", "--repo", box.repository()).stdout)


@row(4, "an unknown commit, a history that is cut off", "E_REPO_REV", ".*/shallow")
def _(box: Box) -> Told:
    (box.repository() / "x.txt").write_text("x")
    commit_all(box.repository())
    shallow = box.folder / "shallow"
    git(box.folder, "clone", "--quiet", "--depth=1", f"file://{box.repository()}", str(shallow))
    repository = open_repository(shallow)  # one commit is whole without its parents
    with pytest.raises(BootstrapError, match="no revision"):
        open_repository(shallow, "f" * 40)
    list(past_files(repository))
    return ()


@row(5, "a commit that is not signed, or by somebody who is not pinned", "E_REPO_UNSIGNED", ".*/platform")
def _(box: Box) -> Told:
    """ssh-keygen's keys, git's own signatures: by the pinned signer good, by another one or by nobody refused."""
    for name in ("pinned", "other"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(box.folder / name))
    signers = box.folder / "signers"
    signers.write_text("holder@example " + (box.folder / "pinned.pub").read_text())
    words = ("check", "--repo", box.repository(), "--trusted-signers", signers)
    unsigned = box.program(*words)
    for name, good in (("pinned", True), ("other", False)):
        key = f"user.signingkey={box.folder / name}"
        sign = ("-c", "gpg.format=ssh", "-c", key, "commit", "--quiet", "--allow-empty", "-S", "-m", name)
        git(box.repository(), *sign)
        done = box.program(*words)
        assert (done.returncode in (0, 2) and "signed by holder@example" in done.stderr) is good, done.stderr
        assert ("[E_REPO_SIGNER]" in done.stderr) is not good
        assert good or done.returncode == 6
    assert (unsigned.returncode, "hint:" in unsigned.stderr) == (6, True), unsigned.stderr
    return _said(unsigned.stderr)


@row(6, "replace refs and hooks", "E_PATH_CASE", "readme.md", listed="E_REPO_TRICK", why="without effect")
def _(box: Box) -> Told:
    """The commit that is asked for is read, whatever the tricks say; its own fault is found, not theirs."""
    box.checked({"README.md": b"a", "readme.md": b"b"})
    asked = git(box.repository(), "rev-parse", "HEAD")
    git(box.repository(), "rm", "--quiet", "-f", "readme.md")
    other = commit_all(box.repository())
    git(box.repository(), "replace", asked, other)
    hook = box.repository() / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {box.folder}/hooked\n")
    hook.chmod(0o755)
    told = box.program("check", "--repo", box.repository(), "--rev", asked).stdout
    assert not (box.folder / "hooked").exists()
    return _told(told)


@row(7, "a symbolic link; a path that leads out", "E_PATH_ESCAPE", ".*:link")
def _(box: Box) -> Told:
    with pytest.raises(BootstrapError, match="leads out"):
        box.tree(f"100644 blob {'0' * 40}\t..")
    (box.repository() / "link").symlink_to("/etc/passwd")
    box.committed({})
    return ()


@row(8, "control characters in a path", "E_PATH_CHARS", r".*:a\\x1b\[2Jb")
def _(box: Box) -> Told:
    with pytest.raises(BootstrapError, match="cannot be shown"):
        box.tree(f"100644 blob {'0' * 40}\ta\nb")
    box.tree(f"100644 blob {'0' * 40}\ta\x1b[2Jb")
    return ()


@row(9, "two files that differ in case", "E_PATH_CASE", "secrets/Orders.yaml|secrets/orders.yaml")
def _(box: Box) -> Told:
    return box.checked({"secrets/Orders.yaml": b""})


@row(10, "a huge file; a key that is a pipe", "E_SIZE", "manifests/huge.bin")
def _(box: Box) -> Told:
    os.mkfifo(box.folder / "fifo", 0o600)
    with pytest.raises(BootstrapError, match="not a regular file"):
        from bootstrap.adapters.root import open_root

        open_root(f"file:{box.folder}/fifo", lambda _: None)
    begun = time.monotonic()
    huge = box.repository() / "manifests/huge.bin"
    with huge.open("wb") as file:
        file.truncate((64 << 20) + 1)
    repository = box.committed({})
    asked = time.monotonic()
    with pytest.raises(BootstrapError) as caught:
        repository.read("manifests/huge.bin")
    assert time.monotonic() - asked < max(2.0, (asked - begun) / 2)
    return [caught.value]


# ------------------------------------------------------------------------------------------ 11-32 ciphertexts, keys


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
    for cut in (header, header + 5, header + 60, len(whole) - 5):
        with pytest.raises(BootstrapError) as caught:
            box.unwrapped(lambda _, cut=cut: whole[:cut])
        assert caught.value.code == "E_CT_DAMAGED"
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
    begun = time.monotonic()
    with pytest.raises(BootstrapError) as caught:
        box.root(costly, b"right")
    assert time.monotonic() - begun < 2
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


def _error(act: Callable[[], object]) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        act()
    return caught.value


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
    choose_passphrase(f"fd:{reading}", ask=False)
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
    assert ("E_SOPS_PLAIN", f"{path}:1") in _pairs(box.checked({path: spoilt.encode()}))
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
    from bootstrap.ledger.record import Git, Phase

    what = Git(commit=handed_over.commit, path=X, blob=handed_over.blob("encrypted/orders.sops.yaml"))
    facts = tuple(
        ledger_facts.fact(phase, "orders-session-key", git=what) for phase in (Phase.INTENT, Phase.COMMIT)
    )
    data = ledger_facts.bundle_of(tuple(e.envelope for e in ledger_facts.entries(facts, key)), key)
    (box.folder / "bundle").write_bytes(data)
    replayed = box.committed({"encrypted/orders.sops.yaml": old})
    return changed_since_commit(replayed, load_intent(replayed), box.folder / "bundle")


# ------------------------------------------------------------------------------------------ 33-48 YAML, types, values


@row(33, "a key written twice", "E_YAML_DUP", f"{WEB}:13:1")
def _(box: Box) -> Told:
    found = [f for f in box.spoilt({WEB: SECRET + "metadata: {name: x}\n"}) if isinstance(f, Finding)]
    assert any("first on line 3, again on line 13" in f.message for f in found)
    return found


@row(34, "an alias bomb", "E_YAML_ALIAS", f"{WEB}:1:5|{OPERATOR}")
def _(box: Box) -> Told:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(BootstrapError, match="aliases stand for more"):
        parse_manifests(OPERATOR, "\n".join(lines).encode())
    return box.spoilt({WEB: "\n".join(lines)})


@row(35, "5,000 levels of YAML, 200,000 of JSON", "E_DEPTH", f"{WEB}:1:\\d+")
def _(box: Box) -> Told:
    for act in (
        lambda: parse_manifests(OPERATOR, b"a: " + b"[" * 200_000),
        lambda: parse_json(b"[" * 200_000, "x.json"),
    ):
        with pytest.raises(BootstrapError) as caught:
            act()
        assert caught.value.code == "E_DEPTH"
    return box.spoilt({WEB: "[" * 5000 + "]" * 5000})


@row(36, "a tag", "E_YAML_TAG", f"{WEB}:1:4")
def _(box: Box) -> Told:
    return box.spoilt({WEB: "a: !!python/object/apply:os.system [id]\n"})


@row(37, "an anchor that holds itself", "E_YAML_CYCLE", OPERATOR)
def _(box: Box) -> Told:
    assert _error(lambda: load_documents(WEB, b"a: &a [*a]")).code == "E_YAML_ALIAS"  # none is read there
    parse_manifests(OPERATOR, b"a: &a [*a]")
    return ()


@row(38, "two documents where one belongs", "E_YAML_DOCS", "bootstrap.yaml:12")
def _(box: Box) -> Told:
    return box.spoilt({"bootstrap.yaml": PLATFORM + "---\n" + PLATFORM})


@row(39, "tabs, BOM, UTF-16, CR, NUL", "E_TEXT", f"{WEB}:1:2")
def _(box: Box) -> Told:
    for text in (
        b"\xef\xbb\xbfa: b",
        "a: b".encode("utf-16"),
        b"a: b\r\n",
        b"a:\n\tb: c\n",
        b'a: "\\uD800"',
        b"\xff",
    ):
        assert _error(lambda text=text: load_documents(WEB, text)).code in ("E_TEXT", "E_YAML")
    return box.spoilt({WEB: "a\x00b: c\n"})


@row(40, "a boolean, a number or a date as a secret", "E_TYPE", X)
def _(box: Box) -> Told:
    for kind in ("int", "float", "bool", "time"):
        with pytest.raises(BootstrapError) as caught:
            box.sops(
                {"a": Sensitive(b"1")}, lambda text, kind=kind: text.replace("type:str]", f"type:{kind}]", 1)
            )
        assert caught.value.code == "E_TYPE", kind
    (found,) = load_documents(WEB, b"[yes, 010, 1:30, 1_000, 2026-01-01]")
    assert found.value == ["yes", "010", "1:30", "1_000", "2026-01-01"]
    box.sops({"a": Sensitive(b"True")}, lambda text: text.replace("type:str]", "type:bool]", 1))
    return ()


@row(41, "an integer beyond 2^53, NaN, infinity", "E_TYPE", "x.json|" + X)
def _(box: Box) -> Told:
    for text in (b'{"a": 9007199254740993}', b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}'):
        assert _error(lambda text=text: parse_json(text, "x.json")).code == "E_TYPE", text
    box.sops({"a": Sensitive(b"9007199254740993")}, lambda text: text.replace("type:str]", "type:int]", 1))
    return ()


@row(42, "an empty value", "E_EMPTY", f"{WEB}:1")
def _(box: Box) -> Told:
    value(b"")
    return ()


@row(43, "a newline at the end", "W_NEWLINE", r"secrets/gitops.yaml:\d+")
def _(box: Box) -> Told:
    key = (box.repository() / "keys/root.txt").read_text().split()[-1]
    deploy = {"username": Sensitive(b"u"), "password": Sensitive(f"{CANARY}\n".encode())}
    box.committed({"encrypted/gitops.sops.yaml": encrypt_yaml({"deploy": deploy}, (key,))})
    root = f"file:{box.valid}/root.key"
    return told(box.program("check", "--repo", box.repository(), "--root", root).stdout)


@row(44, "bytes that are no text", "E_BINARY", f"{WEB}:1")
def _(box: Box) -> Told:
    assert value(b"\xff\x00", encoding=Encoding.BASE64)
    value(b"\xff" + CANARY.encode())
    return ()


@row(45, "base64 that is none", "E_B64", f"{WEB}:1")
def _(box: Box) -> Told:
    from bootstrap.intent.values import secret_values

    for text in ("YQ", "Y Q==", "YQ==\n", f"{CANARY}!"):
        manifest = {"kind": Sensitive(b"Secret"), "data": {"a": Sensitive(text.encode())}}
        assert _error(lambda m=manifest: secret_values(secret(), m)).code == "E_B64", text
    secret_values(secret(), {"kind": Sensitive(b"Secret"), "data": {"a": Sensitive(b"*")}})
    return ()


@row(46, "a value larger than Vault takes", "E_SIZE", f"{WEB}:1")
def _(box: Box) -> Told:
    value(b"x" * (512 * 1024 + 1))
    return ()


@row(47, "a field that is not known", "E_FIELD", f"{WEB}:7:3")
def _(box: Box) -> Told:
    found = [f for f in box.web("purpose:", "purpse:") if isinstance(f, Finding)]
    assert 'did you mean "purpose"?' in [f.hint for f in found]
    return found


@row(48, "a newer schema", "E_SCHEMA_NEW", f"{WEB}:1:1")
def _(box: Box) -> Told:
    return box.web("bootstrap/v1", "bootstrap/v2")


# ------------------------------------------------------------------------------------------ 49-66 catalog and access


@row(49, "two entries with one path", "E_DUP_DEST", f"{WEB}:14")
def _(box: Box) -> Told:
    return box.spoilt({WEB: SECRET + "---\n" + SECRET})


@row(50, "one path below another", "W_DEST_NEST", f"{WEB}:14")
def _(box: Box) -> Told:
    inner = SECRET.replace("web-session", "inner").replace("web/session", "web/session/inner")
    return box.spoilt({WEB: SECRET + "---\n" + inner})


@row(51, "a path with '..', '//' or worse", "E_DEST_PATH", f"{WEB}:1")
def _(box: Box) -> Told:
    for bad in ("/a", "a//b", "a/../b", "a/%2e/b", "a/\uff0e\uff0e/b"):
        assert ("E_DEST_PATH", f"{WEB}:1") in _pairs(box.web("applications/web/session", bad)), bad
    return box.web("applications/web/session", "../sys/seal")


def _pairs(told: Told) -> set[tuple[str, str]]:
    return {(t.id, t.where) for t in told if isinstance(t, Finding)}


@row(52, "a path below sys/, auth/, identity/", "E_DEST_RESERVED", f"{WEB}:1")
def _(box: Box) -> Told:
    return box.web("applications/web", "sys/policies")


@row(53, "an entry without its file; a file without an entry", "E_CATALOG_SET", f"{WEB}:1")
def _(box: Box) -> Told:
    assert ("W_UNUSED_FILE", "encrypted/more.sops.yaml") in _pairs(
        box.spoilt({"encrypted/more.sops.yaml": SOPS})
    )
    return box.spoilt({"encrypted/web.sops.yaml": None})


@row(
    54,
    "steps that need each other",
    "E_NEEDS_ORDER",
    r"a.yaml:\d+",
    listed="E_CYCLE",
    why="a need names what stands before",
)
def _(box: Box) -> Told:
    step = "  - {{id: {}, kind: preflight, title: t, needs: [{}]}}\n"
    phase = (
        "phase: {id: a, title: A, authority: Vault}\nsteps:\n"
        + step.format("one", "two")
        + step.format("two", "one")
    )
    load_phases({"a.yaml": phase.encode()}, KINDS)
    return ()


@row(55, "an application's secret as class bootstrap", "E_CLASS", f"{PULL}:1")
def _(box: Box) -> Told:
    return box.spoilt({PULL: SCAFFOLD.replace("namespace: vault, secret", "namespace: web, secret")})


@row(56, "a scaffold that is never deleted", "E_RETIRE_POLICY", f"{PULL}:1")
def _(box: Box) -> Told:
    text = SCAFFOLD.replace("{renew: reissue}", "{renew: reissue, retire: ignored}")
    excused = text.replace("retire: ignored", "retire: ignored, reason: r, until: 2027-01-01")
    assert not {i for i, _ in _pairs(box.spoilt({PULL: excused}))} & {"E_RETIRE_POLICY", "E_VALUE"}
    assert ("E_VALUE", f"{PULL}:10:30") in _pairs(box.spoilt({PULL: text.replace("ignored", "never")}))
    return box.spoilt({PULL: text})


@row(57, "a policy with an unknown capability", "E_POLICY", "vault/p.hcl:2")
def _(box: Box) -> Told:
    return box.spoilt({"vault/p.hcl": 'path "secret/data/a" {\n  capabilities = ["raed"]\n}\n'})


@row(58, "a policy that grants everything", "E_POLICY_WIDE", "vault/p.hcl:1")
def _(box: Box) -> Told:
    roles = {"vault/r.yaml": "token_policies: [root]\n"}
    assert ("E_POLICY_WIDE", "vault/r.yaml:1") in _pairs(box.spoilt(roles))
    return box.spoilt({"vault/p.hcl": 'path "*" {\n  capabilities = ["sudo"]\n}\n'})


@row(
    59,
    "a template in a value",
    "E_NAME",
    f"{WEB}:12:24",
    listed="E_TEMPLATE",
    why="nothing is a template: text stays text",
)
def _(box: Box) -> Told:
    from tests.unit.intent_fake import changed

    purpose = SECRET.replace("purpose: Signs", "purpose: \"{{ lookup('pipe', 'id') }}\" #")
    assert load_intent(changed({WEB: purpose})).secret("web-session").purpose == "{{ lookup('pipe', 'id') }}"
    return box.web("secret: web-session", "secret: \"{{ lookup('pipe', 'id') }}\"")


@row(60, "shell characters in a name", "E_NAME", f"{WEB}:3:12")
def _(box: Box) -> Told:
    return box.web("name: web-session", 'name: "a;$(id)"')


ROWS.append(Row(number=61, what="a seal key of 31 bytes", waits="the static seal is not there yet"))
ROWS.append(Row(number=62, what="a seal key's id used again", waits="the static seal is not there yet"))


@row(
    63,
    "shares and threshold that do not fit",
    "E_FIELD",
    r"bootstrap.yaml:8:\d+",
    listed="E_SHARES",
    why="one share of one, until custodians are there",
)
def _(box: Box) -> Told:
    return box.spoilt({"bootstrap.yaml": PLATFORM.replace("custody: cluster", "custody: cluster, shares: 0")})


@row(64, "one holder named twice", "E_CUSTODY", "keys/root.txt:2")
def _(box: Box) -> Told:
    return box.spoilt({"keys/root.txt": "age1a\nage1a\n"})


@row(65, "a kubeconfig without TLS", "E_KUBE_TRUST", ".*/kubeconfig")
def _(box: Box) -> Told:
    from tests.unit.test_kubeconfig import ANSWER, cluster, plugin, write

    blind = write(box.folder, **cluster(**{"insecure-skip-tls-verify": True}))
    assert _error(lambda: load_kubeconfig(blind)).code == "E_KUBE_TRUST"
    body = f"test -z \"$HOME\" && echo '{ANSWER % ('t', '')}'"
    answers = load_kubeconfig(plugin(box.folder, body, env=[{"name": "A", "value": "1"}]))
    token = answers.configuration.get_api_key_with_prefix("BearerToken")
    assert token == "Bearer t"  # a plugin runs, with what is declared for it
    load_kubeconfig(write(box.folder, **cluster(server="http://127.0.0.1:6443")))
    return ()


@row(
    66,
    "another cluster than the records say",
    "E_OTHER_CLUSTER",
    "records/00000000-0000-4000-8000-000000000000/head.json",
    listed="E_CLUSTER_ID",
    why="a decision, exit 5",
)
def _(box: Box) -> Told:
    def other(platform: object) -> None:
        folder = box.folder / "sim/platform/records/00000000-0000-4000-8000-000000000000"
        folder.mkdir(parents=True)
        (folder / "head.json").write_text('{"payload": "", "payloadType": "x", "signatures": []}')
        commit_all(box.folder / "sim/platform")

    return box.up(other)


# ------------------------------------------------------------------------------------------ 67-78 cluster and Vault


@row(67, "a Vault that is not ours", "E_FOREIGN_STORE", "StatefulSet vault/vault")
def _(box: Box) -> Told:
    spec = {"replicas": 0, "template": {"spec": {"containers": [{"image": "vault:1"}]}}}
    return box.up(lambda p: box.put(p, named("vault", "vault", "StatefulSet", "apps/v1", spec=spec)))


@row(68, "permissions that are missing", "E_RBAC", "context simulator")
def _(box: Box) -> Told:
    gone = [Permission("create", "", "namespaces"), Permission("create", "apps", "statefulsets", "vault")]

    def deny(platform: object) -> None:
        platform.cluster.missing = lambda wanted: tuple(gone)  # type: ignore[attr-defined]

    (error,) = box.up(deny)
    assert all(str(each) in str(error) for each in gone)
    return [error]


@row(69, "no default StorageClass", "E_STORAGE", r"bootstrap.yaml:\d+")
def _(box: Box) -> Told:
    def without(platform: object) -> None:
        ref = Ref("storage.k8s.io/v1", "StorageClass", "standard")
        uid = platform.cluster.get(ref)["metadata"]["uid"]  # type: ignore[attr-defined]
        platform.cluster.delete(ref, uid=uid)  # type: ignore[attr-defined]

    return box.up(without)


@row(70, "Kubernetes that is too old", "E_VERSION", "context simulator")
def _(box: Box) -> Told:
    return box.up(lambda p: setattr(p.cluster, "_version", "v1.29.3"))


@row(
    71,
    "secrets in the API server's audit log, etcd in the clear",
    "W_CLUSTER_LEAK",
    "Pod kube-system/kube-apiserver-x",
)
def _(box: Box) -> Told:
    from bootstrap.steps.at_rest import leaks

    def server(*flags: str) -> list[str]:
        spec = {"containers": [{"command": ["kube-apiserver", *flags]}]}
        pod = named("kube-apiserver-x", "kube-system", "Pod", spec=spec)
        pod["metadata"]["labels"] = {"component": "kube-apiserver"}
        platform = SimulatedPlatform(box.folder, box.repository())
        assert isinstance(platform.cluster.create(pod), dict)
        return list(leaks(platform.cluster))

    assert "cannot be seen" in next(leaks(SimulatedPlatform(box.folder, box.repository()).cluster))
    assert server("--encryption-provider-config=/etc/x.yaml") == []
    open_etcd, bodies = server("--audit-policy-file=/etc/policy.yaml")
    assert "etcd holds Secrets in the clear" in open_etcd
    assert "level Metadata" in bodies
    return [_note(line) for line in (open_etcd, bodies)]


def _note(line: str) -> Finding:
    """A line of ``doctor``: id, place, message."""
    found = re.fullmatch(r"(W_\w+) (.*?): (.*)", line)
    assert found is not None
    return Finding(id=found[1], where=found[2], message=found[3], level=Level.WARNING)


@row(
    72,
    "an admission webhook that changes our Secrets",
    "E_SOURCE_DRIFT",
    "Secret gitops/deploy-credential-bootstrap",
    listed="E_MUTATED",
    why="what stands there is not what was handed over",
)
def _(box: Box) -> Told:
    def mutate(cluster, event, obj) -> None:  # type: ignore[no-untyped-def]
        if (
            event == "created"
            and obj["kind"] == "Secret"
            and obj["metadata"]["name"] == "deploy-credential-bootstrap"
        ):
            ref = Ref("v1", "Secret", obj["metadata"]["name"], obj["metadata"]["namespace"])
            live = cluster.get(ref)
            cluster.replace({**live, "data": {k: Sensitive(b"changed") for k in live["data"]}})

    return box.up(lambda p: p.cluster.controllers.append(mutate), untouched=False)


@row(
    73,
    "a Secret of that name is somebody else's",
    "E_NAME_TAKEN",
    "Secret gitops/deploy-credential-bootstrap",
)
def _(box: Box) -> Told:
    def take(platform: object) -> None:
        platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gitops"}})  # type: ignore[attr-defined]
        platform.cluster.create(named("deploy-credential-bootstrap", "gitops", data={"a": Sensitive(b"x")}))  # type: ignore[attr-defined]

    return box.up(take, untouched=False)


@row(74, "a scaffold that a finalizer holds", "E_RETIRE_BLOCKED", "retired")
def _(box: Box) -> Told:
    def hold(cluster, event, obj) -> None:  # type: ignore[no-untyped-def]
        if event == "created" and obj["metadata"]["name"] == "deploy-credential-bootstrap":
            ref = Ref("v1", "Secret", obj["metadata"]["name"], obj["metadata"]["namespace"])
            live = cluster.get(ref)
            live["metadata"]["finalizers"] = ["example.com/held"]
            cluster.replace(live)

    told = list(box.up(lambda p: p.cluster.controllers.append(hold), untouched=False))
    assert any("example.com/held" in str(each) for each in told), [str(t) for t in told]
    return told


@row(
    75,
    "Vault's certificate is for another name, or of another CA",
    "E_VAULT_TLS",
    "vault-0",
    listed="E_TLS",
    why="it names the system",
)
def _(box: Box) -> Told:
    from tests.unit.test_vault_mapping import vault, write
    from tests.unit.tls_server import authority

    with vault(box.folder, (200, {}), ca=authority()) as (port, _):
        assert _error(lambda: write(port)).code == "E_VAULT_TLS"
    with vault(box.folder, (200, {}), names=("vault-1.vault-internal",)) as (port, server):
        error = _error(lambda: write(port))
        assert not server.seen
    return [error]


@row(
    76,
    "an answer that is not Vault's",
    "E_VAULT_AWAY",
    "GET secret/data/a on vault-0",
    listed="E_PROTO",
    why="a proxy speaks: reads wait, writes are unknown",
)
def _(box: Box) -> Told:
    from tests.unit.test_vault_mapping import read, vault, write

    told = []
    for body in (b"<html>" + CANARY.encode(), b"[1]", b"x" * (10 << 20) + b"xx"):
        with vault(box.folder, (200, body), (200, body)) as (port, _):
            told.append(_error(lambda port=port: read(port)))
            assert _error(lambda port=port: write(port)).code == "E_UNKNOWN_OUTCOME"
    assert {error.code for error in told} == {"E_VAULT_AWAY"}
    return told


@row(
    77,
    "a Vault with data, and no record of its key",
    "E_FOREIGN_STORE",
    "PersistentVolumeClaim vault/data-vault-0.*",
)
def _(box: Box) -> Told:
    (error,) = box.up(lambda p: box.put(p, named("data-vault-0", "vault", "PersistentVolumeClaim", spec={})))
    assert isinstance(error, BootstrapError)
    assert not re.search("delete|wipe|remove", error.hint)
    return [error]


@row(78, "another kind of seal", "E_SEAL_TYPE", "bootstrap.yaml:8")
def _(box: Box) -> Told:
    return box.spoilt({"bootstrap.yaml": PLATFORM.replace("type: shamir", "type: transit")})


# ------------------------------------------------------------------------------------------ 79-86 ledger, machine


def _verified(change: Callable[[list[bytes]], list[bytes]], key: ledger_facts.Key | None = None) -> Told:
    envelopes = [each.envelope for each in ledger_facts.entries(key=key)]
    verify_bundle(ledger_facts.bundle_of(tuple(change(envelopes))), {"ledger.pub": ledger_facts.Key().pem})
    return ()


@row(79, "records deleted, moved, edited", "E_CHAIN", r"record \d+")
def _(box: Box) -> Told:
    for change in (lambda e: [e[1], e[0], *e[2:]], lambda e: e[1:]):
        assert _error(lambda change=change: list(_verified(change))).code == "E_CHAIN"
    return _verified(lambda e: [*e[:3], *e[4:]])


@row(
    80,
    "an older head; two heads",
    "E_HEAD",
    "head",
    listed="E_FORK / E_ROLLBACK_*",
    why="tests/unit/test_ledger_store.py has the forks",
)
def _(box: Box) -> Told:
    whole = Bundle.parse(ledger_facts.bundle())
    older = Bundle.parse(ledger_facts.bundle_of(whole.envelopes[:5]))
    verify_bundle(export(whole.envelopes, older.head, whole.escrow), {"ledger.pub": ledger_facts.Key().pem})
    return ()


@row(81, "signed by a key that is not known", "E_SIG", r"record 0.*")
def _(box: Box) -> Told:
    return _verified(lambda e: e, ledger_facts.Key(2))


@row(82, "a clock that is ten minutes off", "E_CLOCK", "context simulator")
def _(box: Box) -> Told:
    def late(platform: object) -> None:
        real = platform.cluster.server_time  # type: ignore[attr-defined]
        platform.cluster.server_time = lambda: real() - timedelta(minutes=10)  # type: ignore[attr-defined]

    return box.up(late)


@row(
    83,
    "an environment that points elsewhere",
    "W_NOT_OPENED",
    "encrypted",
    listed="ignored",
    why="nothing of it is read",
)
def _(box: Box) -> Told:
    repository = box.repository()
    plain = box.program("plan", "--repo", repository, "-o", "json").stdout
    other = box.program(
        "plan", "--repo", repository, "-o", "json", VAULT_ADDR="x", HTTPS_PROXY="http://x:1"
    ).stdout
    assert plain == other != ""
    return told(box.program("check", "--repo", repository, VAULT_TOKEN=CANARY, GIT_DIR="/x").stdout)


@row(
    84,
    "a disk that is full, a folder that cannot be written",
    "E_RECORDS",
    "/proc/.*",
    listed="E_LOCAL_*",
    why="it names what is not written",
)
def _(box: Box) -> Told:
    done = box.program("keygen", "--out", "/proc/none", "--no-passphrase", "--non-interactive")
    assert (done.returncode, "[E_LOCAL]" in done.stderr, "hint:" in done.stderr) == (4, True, True), (
        done.stderr
    )
    assert done.stdout == ""
    FolderRecords(Path("/proc/records")).write("uid", "head.json", b"x")
    return ()


@row(85, "10,000 entries; one of 10,000 fields", "E_FIELD", f"{WEB}:7:3")
def _(box: Box) -> Told:
    many = {
        f"secrets/{n}.yaml": SECRET.replace("web-session", f"s{n}").replace("web/session", f"web/s{n}")
        for n in range(1000)
    }
    assert box.spoilt(many) == ()
    from bootstrap.intent.values import secret_values

    assert len(secret_values(secret(), {f"f{n}": Sensitive(b"x") for n in range(10_000)})) == 10_000
    return box.spoilt({**many, WEB: SECRET.replace("purpose:", "purpse:")})


@row(86, "SIGINT, SIGTERM, SIGHUP", "E_INTERRUPTED")
def _(box: Box) -> Told:
    """The API server takes the connection and says nothing: the program is inside a wait."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kubeconfig = box.folder / "kubeconfig"
        address = f"https://127.0.0.1:{server.getsockname()[1]}"
        kubeconfig.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
            f"clusters: [{{name: c, cluster: {{server: '{address}'}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n"
        )
        command = ["up", "--repo", box.repository(), "--kubeconfig", kubeconfig, "--non-interactive"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with started(*command, home=box.folder) as process:
                server.settimeout(60)
                connection, _ = server.accept()
                process.send_signal(number)
                _, said = process.communicate(timeout=60)
                connection.close()
            assert process.returncode == 128 + number, said
            assert "Traceback" not in said
            assert "hint:" in said
    return [BootstrapError("seen", code="E_INTERRUPTED")]


# ------------------------------------------------------------------------------------------ the test


def told(stdout: str) -> Iterator[Finding]:
    """The lines of ``check -o text`` as findings."""
    found = re.findall(r"^(?:error|warning): (?:(\S+): )?([EW]_[A-Z0-9_]+) (.*)$", stdout, re.MULTILINE)
    assert found, stdout
    return iter([Finding(id=code, where=where, message=message) for where, code, message in found])


def _said(stderr: str) -> list[BootstrapError]:
    """The one error of a command that stopped."""
    found = re.search(r"^error: (.*) \[(E_[A-Z_]+)\]$\n(?:^  where: (.*)$)?", stderr, re.MULTILINE)
    assert found is not None, stderr
    return [BootstrapError(found[1], code=found[2], where=found[3] or "")]


_told = told
# 61 and 62 of the static seal, which is designed and not built.
WAITING = {61, 62}
MET = [row for row in ROWS if row.meet is not None]


@pytest.mark.parametrize("row", MET, ids=[f"{r.number:02}-{r.code}" for r in MET])
def test_bad_input(row: Row, tmp_path: Path, valid: Path) -> None:
    found = met(row, Box(tmp_path, valid))
    assert any(re.fullmatch(row.code, code) and re.fullmatch(row.place, where) for code, where in found), (
        found
    )


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The catalogue as a table: number, input, id, place; where ours is another id than the one listed, why."""
    for row in sorted(rows, key=lambda r: r.number):
        code = row.code + (f" (listed as {row.listed}: {row.why})" if row.listed else "")
        yield f"{row.number:>2}  {row.what:<60}  " + (
            f"waits: {row.waits}" if row.waits else f"{code}  {row.place}"
        )


def test_every_row_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """No row is left out in silence. The count and what waits are printed; with -s the whole table."""
    assert [row.number for row in ROWS] == list(range(1, 87))
    waiting = [row for row in ROWS if row.meet is None]
    assert {row.number for row in waiting} <= WAITING
    assert all(row.waits for row in waiting)
    assert all(row.why for row in ROWS if row.listed)
    assert all(row.place != ".*" for row in MET if row.number != 86)  # a signal has no place
    print("\n".join(["", *lines(ROWS)]))
    with capsys.disabled():
        print(f"\nbad input: {len(MET)} of 86 rows met, {len(waiting)} wait")
        for row in waiting:
            print(f"  {row.number} {row.what}: {row.waits}")
