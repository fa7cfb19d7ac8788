"""Our reading and writing of SOPS and age held to the real programs, both ways (INV1, G5)."""

import json
import os
import pty
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import passphrase

from bootstrap.adapters.age import root as age
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_key import encrypt_to, open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.reader import open_sops
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.commands.init import init
from bootstrap.intent.encryption_forms import Form
from bootstrap.lab.build import binaries
from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.real_sops import gpg_home
from tests.support.real_sops import run as real_run

ROOT = age.generate()
RULES = [
    [],
    ["--encrypted-regex", "^(password|list)$"],
    ["--unencrypted-regex", "^(name|o+)$"],
    ["--encrypted-suffix", "word"],
    ["--unencrypted-suffix", "_plain"],
]


@pytest.fixture(scope="session")
def tools() -> dict[str, Path]:
    """Built from their pinned modules, once for each machine; no cluster is needed."""
    go = shutil.which("go") or Path("/usr/local/go/bin/go").is_file()
    if not go and os.environ.get("CI") != "true":
        pytest.skip("sops and age are built with Go, which is not here")
    return binaries("sops", "age", "age-keygen")


def run(program: Path, *words: str, given: bytes = b"", key: str = "") -> bytes:
    environment = {"PATH": "/usr/bin:/bin", "SOPS_DISABLE_VERSION_CHECK": "1"}
    if key:
        environment["SOPS_AGE_KEY"] = key
    done = subprocess.run([program, *words], input=given, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def secret_text() -> str:
    return ROOT.export().reveal().decode()


def real_encrypt(tools: dict[str, Path], text: bytes, *words: str, kind: str = "yaml") -> bytes:
    form = ("--input-type", kind, "--output-type", kind)
    return run(tools["sops"], "encrypt", "--age", ROOT.recipients[0], *form, *words, "/dev/stdin", given=text)


def real_decrypt(tools: dict[str, Path], sealed: bytes, kind: str = "yaml") -> bytes:
    form = ("--input-type", kind, "--output-type", "json")
    return run(tools["sops"], "decrypt", *form, "/dev/stdin", given=sealed, key=secret_text())


def tree(plain: dict[str, object]) -> dict[str, Opened]:
    return {k: tree(v) if isinstance(v, dict) else Sensitive(str(v).encode()) for k, v in plain.items()}


def plain(opened: Opened) -> object:
    if isinstance(opened, Sensitive):
        return opened.reveal().decode()
    return {name: plain(value) for name, value in opened.items()}


def as_maps(value: object) -> object:
    """JSON as our tree has it: lists by position."""
    if isinstance(value, list):
        return {str(index): as_maps(item) for index, item in enumerate(value)}
    return {k: as_maps(v) for k, v in value.items()} if isinstance(value, dict) else value


keys = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=10).filter(
    lambda k: k != "sops" and not k.endswith("_unencrypted")
)
values = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cn")), max_size=30)
trees = st.recursive(
    st.dictionaries(keys, values, min_size=1, max_size=4),
    lambda inner: st.dictionaries(keys, values | inner, min_size=1, max_size=3),
    max_leaves=10,
)


@settings(max_examples=40, deadline=None)
@given(content=trees)
def test_sops_opens_what_we_write(tools: dict[str, Path], content: dict[str, object]) -> None:
    sealed = encrypt_yaml(tree(content), ROOT.recipients)
    assert json.loads(real_decrypt(tools, sealed)) == content


@settings(max_examples=40, deadline=None)
@given(content=trees, kind=st.sampled_from(["yaml", "json"]))
def test_we_open_what_sops_writes(tools: dict[str, Path], content: dict[str, object], kind: str) -> None:
    form = ("--input-type", "json", "--output-type", kind, "--age", ROOT.recipients[0])
    sealed = run(tools["sops"], "encrypt", *form, "/dev/stdin", given=json.dumps(content).encode())
    assert plain(open_sops(sealed, ROOT, "x", Form(kind))) == content


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule[0] if rule else "default")
@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_every_rule_of_what_is_encrypted(tools: dict[str, Path], rule: list[str], kind: str) -> None:
    content = {
        "name": "a", "password": "b", "foo": {"password": "c", "x_plain": "d"}, "keyword": "e",
        "list": ["f", {"password": "g", "name": "h"}, ["i"]], "empty": "",
    }  # fmt: skip
    sealed = real_encrypt(tools, json.dumps(content).encode(), *rule, kind=kind)
    assert plain(open_sops(sealed, ROOT, "x", Form(kind))) == as_maps(content)


@pytest.mark.parametrize(
    "scalar",
    ["yes", "on", "1e3", "0o17", "017", "0x1F", "1_000", "12:30:45", ".5", "-0.10", "1.", "089", "+7", "-0",
     "0b11", "-0b11", "1e-7", "1e21", "9007199254740993", "TRUE", "~", "0.1", "- x", "123456789.125"],
)  # fmt: skip
def test_plain_scalars_beside_encrypted_ones(tools: dict[str, Path], scalar: str) -> None:
    """The MAC covers them, so a wrong reading of one scalar refuses a good file."""
    text = f"password: p\nplain: {scalar if not scalar.startswith('- ') else chr(10) + '  ' + scalar}\n"
    sealed = real_encrypt(tools, text.encode(), "--encrypted-regex", "^password$")
    # sops writes a normalised scalar; the original spelling has the same MAC and must open too.
    assert b"ENC[" in sealed
    spelt = sealed.replace(
        sealed.split(b"plain:")[1].split(b"\nsops:")[0], text.encode().split(b"plain:")[1].rstrip()
    )
    for content in {sealed, spelt}:
        open_sops(content, ROOT, "x")


@pytest.mark.parametrize("scalar", ["5432", "true", "1.5"])
def test_a_number_that_sops_encrypted_is_refused(tools: dict[str, Path], scalar: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        open_sops(real_encrypt(tools, f"port: {scalar}\n".encode()), ROOT, "x")
    assert caught.value.code == "E_TYPE"


def test_a_mac_over_encrypted_values_only(tools: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / ".sops.yaml").write_text(
        "creation_rules:\n"
        f"  - {{age: {ROOT.recipients[0]}, mac_only_encrypted: true, encrypted_regex: ^password$}}\n"
    )
    (tmp_path / "x.yaml").write_text("password: p\nname: a\n")
    sealed = run(tools["sops"], "--config", f"{tmp_path}/.sops.yaml", "encrypt", f"{tmp_path}/x.yaml")
    assert plain(open_sops(sealed, ROOT, "x")) == {"password": "p", "name": "a"}
    assert plain(open_sops(sealed.replace(b"name: a", b"name: b"), ROOT, "x")) == {
        "password": "p",
        "name": "b",
    }


def test_comments_and_block_text(tools: dict[str, Path]) -> None:
    text = b"# head\na: |\n  one\n  two\nb: # side\n  # inner\n  - x # end\n  # last\n  - y\n"
    opened = plain(open_sops(real_encrypt(tools, text), ROOT, "x"))
    assert opened == {"a": "one\ntwo\n", "b": {"0": "x", "1": "y"}}


@pytest.mark.parametrize("words", [["-a"], []])
def test_age_files_both_ways(tools: dict[str, Path], words: list[str], tmp_path: Path) -> None:
    sealed = run(tools["age"], *words, "-r", ROOT.recipients[0], given=b"bytes\0\xff")
    assert ROOT.unwrap(sealed, "x") == Sensitive(b"bytes\0\xff")
    identity = tmp_path / "id"
    identity.write_text(secret_text())
    ours = encrypt_to([*age.generate().recipients, *ROOT.recipients], Sensitive(b"bytes\0\xff"))
    assert run(tools["age"], "-d", "-i", str(identity), given=ours) == b"bytes\0\xff"


def test_an_identity_file_of_age_keygen_is_a_root(tools: dict[str, Path], tmp_path: Path) -> None:
    run(tools["age-keygen"], "-o", str(tmp_path / "root.key"))
    public = run(tools["age-keygen"], "-y", str(tmp_path / "root.key")).decode().strip()
    assert open_root(str(tmp_path / "root.key"), lambda _: None).recipients == (public,)


def test_a_post_quantum_identity_is_told(tools: dict[str, Path], tmp_path: Path) -> None:
    run(tools["age-keygen"], "-pq", "-o", str(tmp_path / "root.key"))
    with pytest.raises(BootstrapError) as caught:
        open_root(str(tmp_path / "root.key"), lambda _: None)
    assert caught.value.code == "E_KEY_KIND"
    assert "post-quantum" in caught.value.message


def test_the_scaffold_is_edited_with_the_real_sops(tools: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        init(folder / "platform", no_passphrase=True)
        key = (folder / "root.key").read_text()
        for path in (folder / "platform" / "encrypted").glob("*.yaml"):
            run(tools["sops"], "decrypt", str(path), key=key)
        edited = folder / "platform" / "encrypted" / "orders.sops.yaml"
        run(tools["sops"], "set", str(edited), '["payment"]["token"]', '"changed"', key=key)
        subprocess.run(
            ["git", "-C", folder / "platform", "-c", "user.name=t", "-c", "user.email=t@localhost",
             "commit", "-qam", "edit"],
            check=True,
        )  # fmt: skip
        files = CommitFiles(
            open_repository(folder / "platform"), open_root(str(folder / "root.key"), lambda _: None)
        )
        opened = plain(files.open("encrypted/orders.sops.yaml"))
        assert isinstance(opened, dict)
        assert opened["payment"] == {"token": "changed"}


def test_the_scaffold_of_an_openpgp_root_is_edited_with_the_real_sops_and_gpg(tools: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as name, gpg_home() as gpg:
        folder = Path(name)
        init(folder / "platform", gpg=True, no_passphrase=True)
        gpg("--import", str(folder / "root.key"))
        files = CommitFiles(
            open_repository(folder / "platform"), open_root(str(folder / "root.key"), lambda _: None)
        )
        for path in (folder / "platform" / "encrypted").rglob("*"):
            if path.suffix == ".asc":
                inside = str(path.relative_to(folder / "platform"))
                assert Sensitive(gpg("--decrypt", str(path))) == files.open(inside)
            elif path.suffix == ".yaml":
                shown = real_run(tools["sops"], "decrypt", str(path), GNUPGHOME=str(gpg.home))
                assert b"ENC[" not in shown


def test_sops_opens_what_we_write_to_an_ssh_key(tools: dict[str, Path], tmp_path: Path) -> None:
    real_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "who: #1", "-f", str(tmp_path / "id"))
    public = (tmp_path / "id.pub").read_text().strip()
    sealed = encrypt_yaml(tree({"a": "b"}), (public, *ROOT.recipients))
    (tmp_path / "x.yaml").write_bytes(sealed)
    shown = real_run(tools["sops"], "decrypt", "--output-type", "json", str(tmp_path / "x.yaml"),
                     SOPS_AGE_SSH_PRIVATE_KEY_FILE=str(tmp_path / "id"))  # fmt: skip
    assert json.loads(shown) == {"a": "b"}


@pytest.mark.parametrize("armored", [True, False])
def test_the_hint_on_an_age_file_that_only_a_passphrase_opens_works(
    tools: dict[str, Path], tmp_path: Path, armored: bool
) -> None:
    root = age.generate()
    (tmp_path / "x.age").write_bytes(
        bytes(passphrase.encrypt(b"canary-51", "correct horse", armored=armored))
    )
    with pytest.raises(DefinitionError) as caught:
        root.unwrap((tmp_path / "x.age").read_bytes(), "x.age")
    assert caught.value.code == "E_AGE_FORM"
    command = f"{caught.value.hint.removesuffix(', and commit that')} > new.age"
    folder = tools["age"].parent
    pid, terminal = pty.fork()  # age asks on the terminal alone
    if pid == 0:
        os.chdir(tmp_path)
        os.execve("/bin/sh", ["sh", "-c", command], {"PATH": f"{folder}:/usr/bin:/bin"})
    seen = b""
    while b"passphrase" not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, b"correct horse\n")
    with suppress(OSError):  # the other side is closed
        while os.read(terminal, 1024):
            pass
    os.waitpid(pid, 0)
    assert root.unwrap((tmp_path / "new.age").read_bytes(), "new.age") == Sensitive(b"canary-51")
