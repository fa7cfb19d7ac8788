"""``rekey-repo``: another root or holder; the values stay what they were, and nothing of them touches the disk."""

import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.reader import open_sops
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.commands.check import run_check
from bootstrap.cli.commands.rekey_repo import rekey_repo
from bootstrap.intent.encryption_forms import Form
from bootstrap.intent.findings import errors
from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.rekey.file import rekeyed
from bootstrap.operations.rekey.repository import encrypted_paths
from bootstrap.ports import Opened, RootKey
from tests.simulator.platform import scaffolded
from tests.support.program import assert_refused, commit_all, git, run_bootstrap
from tests.support.real_sops import real_tools, run

app = typer.Typer()
app.command()(rekey_repo)
OLD = age.generate()
VALUE = Sensitive(b"canary-40aa17 \xc3\xb6", "value")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return scaffolded(tmp_path)


def rekey(repository: Path, *more: object) -> str:
    words = ["--repo", repository, "--root", f"file:{repository.parent}/root.key", "--non-interactive", *more]
    done = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(done.exception, BootstrapError):
        raise done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def opened(repository: Path, root: RootKey) -> dict[str, Opened]:
    repo = open_repository(repository)
    files = CommitFiles(repo, root)
    return {path: files.open(path) for path in encrypted_paths(repo)}


def own(repository: Path) -> RootKey:
    return open_root(str(repository.parent / "root.key"), lambda _: None)


def test_a_second_holder_opens_everything_and_the_first_still_does(repository: Path) -> None:
    before, second = opened(repository, own(repository)), age.generate()
    first = (repository / "keys/root.txt").read_text().split()[-1]
    assert rekey(repository, "--to", first, "--to", second.recipients[0]).count("encrypted/") == len(before)
    rules = (repository / ".sops.yaml").read_text()
    assert rules.count(f"age: {first},{second.recipients[0]}\n") == 2  # for what people encrypt from now on
    commit_all(repository)
    assert opened(repository, own(repository)) == before
    assert opened(repository, second) == before
    repo = open_repository(repository)
    findings = run_check(repo, CommitFiles(repo, second))[1]
    assert errors(findings) == ()
    assert not [f for f in findings if f.id == "W_RECIPIENTS"]
    assert "0 files written" in rekey(repository)  # they are as they should be


def test_s1_a_new_root_and_what_history_still_opens(repository: Path) -> None:
    before, new = opened(repository, own(repository)), age.generate()
    old = (repository / "keys/root.txt").read_text().split()[-1]
    said = rekey(repository, "--to", new.recipients[0])
    assert f"still able to read history: {old}" in said
    commit_all(repository)
    assert opened(repository, new) == before
    with pytest.raises(BootstrapError) as caught:
        opened(repository, own(repository))
    assert caught.value.code == "E_NO_IDENTITY"


def test_b1_no_value_is_ever_on_the_disk(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write of the command is looked at; and so is what lies there afterwards."""
    values = {leaf for tree in opened(repository, own(repository)).values() for leaf in leaves(tree)}
    assert len(values) >= 10
    written: list[bytes] = []
    real = os.fsync

    def looked_at(fd: int) -> None:
        if (flushed := Path(f"/proc/self/fd/{fd}")).is_file():
            written.append(flushed.read_bytes())
        real(fd)

    monkeypatch.setattr(os, "fsync", looked_at)
    rekey(repository, "--to", age.generate().recipients[0])
    assert len(written) >= 10
    for path in repository.parent.rglob("*"):
        if path.is_file() and path.name != "root.key":
            written.append(path.read_bytes())
    assert not [1 for content in written for value in values if value in content]


def leaves(tree: Opened) -> list[bytes]:
    """Values that are long enough to be looked for."""
    if isinstance(tree, Sensitive):
        return [tree.reveal()] if len(tree.reveal()) >= 16 and b".svc" not in tree.reveal() else []
    return [leaf for value in tree.values() for leaf in leaves(value)]


def test_a_dirty_tree_is_refused_and_a_trial_writes_nothing(repository: Path) -> None:
    before = {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()}
    rekey(repository, "--to", age.generate().recipients[0], "--dry-run")
    assert {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()} == before
    (repository / "secrets/new.yaml").write_text("")
    with pytest.raises(DefinitionError) as caught:
        rekey(repository, "--to", age.generate().recipients[0])
    assert (caught.value.code, caught.value.where) == ("E_REPO_DIRTY", "secrets/new.yaml")


def test_one_damaged_file_leaves_all_of_them(repository: Path) -> None:
    path = repository / "encrypted/orders.sops.yaml"
    path.write_text(
        path.read_text().replace("session: ENC[AES256_GCM,data:", "session: ENC[AES256_GCM,data:AAAA")
    )
    commit_all(repository)
    before = {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()}
    with pytest.raises(DefinitionError) as caught:
        rekey(repository, "--to", age.generate().recipients[0])
    assert caught.value.code == "E_SOPS_MAC"
    assert {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()} == before


def sealed() -> bytes:
    tree: dict[str, Opened] = {"kind": Sensitive(b"Secret"), "stringData": {"a": VALUE}, "sops-like": VALUE}
    return encrypt_yaml(tree, OLD.recipients, encrypted_regex="^stringData$")


@pytest.mark.parametrize("kind", ["age", "pgp"])
def test_a_sops_file_keeps_its_ciphertext(kind: str) -> None:
    """Only the stanzas of the data key change: values, MAC and layout are the same bytes."""
    new: AgeRoot | PgpRoot = age.generate() if kind == "age" else PgpRoot(openpgp.generate("x"))
    recipient = new.recipients[0] if isinstance(new, AgeRoot) else new.armored_certificate.decode()
    content = sealed()
    made = rekeyed("x.sops.yaml", content, OLD, (recipient,))
    assert open_sops(made, new, "x") == open_sops(content, OLD, "x")
    assert made.split(b"\nsops:\n")[0] == content.split(b"\nsops:\n")[0]
    for kept in (b"mac: ", b"lastmodified: "):
        assert made.split(kept)[1].split(b"\n")[0] == content.split(kept)[1].split(b"\n")[0]
    with pytest.raises(BootstrapError):
        open_sops(made, OLD, "x")


def test_a_json_file_too() -> None:
    yaml_tree = json.loads(run_json())
    made = rekeyed("x.sops.json", json.dumps(yaml_tree).encode(), OLD, (NEW.recipients[0],))
    assert open_sops(made, NEW, "x", Form.JSON) == {"a": VALUE}


NEW = age.generate()


def run_json() -> bytes:
    """What `sops` makes of one value, as JSON."""
    tools = real_tools()
    form = ("--input-type", "json", "--output-type", "json")
    given = json.dumps({"a": VALUE.reveal().decode()}).encode()
    return run(tools["sops"], "encrypt", "--age", OLD.recipients[0], *form, "/dev/stdin", given=given)


def test_the_real_sops_opens_what_was_rekeyed(tmp_path: Path) -> None:
    tools = real_tools()
    made = rekeyed("x.sops.yaml", sealed(), OLD, (NEW.recipients[0],))
    key = NEW.export().reveal().decode()
    form = ("--input-type", "yaml", "--output-type", "json")
    said = run(tools["sops"], "decrypt", *form, "/dev/stdin", given=made, SOPS_AGE_KEY=key)
    assert json.loads(said)["stringData"]["a"] == VALUE.reveal().decode()


@pytest.mark.parametrize(
    ("path", "code"), [("x.sops.env", "E_DOTENV"), ("x.gpg", "E_FORM"), ("x.yaml", "E_SOPS_FORM")]
)
def test_what_cannot_be_rekeyed_is_refused(path: str, code: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        rekeyed(path, b"a: b\n", OLD, NEW.recipients)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "words",
    [["ca", "new"], ["ca", "drop"], ["import", "-"], ["rekey-repo", "--root", "file:/nowhere"]],
    ids=lambda words: words[0],
)
def test_what_writes_into_a_work_tree_wants_one(repository: Path, tmp_path: Path, words: list[str]) -> None:
    """A bare repository's folder is Git's own, and one that is not there is no place for keys."""
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(bare))
    before = sorted(path.name for path in bare.iterdir())
    assert_refused(run_bootstrap(*words, "--repo", bare), 2, "E_REPO_LOCAL", "a bare one")
    assert sorted(path.name for path in bare.iterdir()) == before
    assert_refused(run_bootstrap(*words, "--repo", tmp_path / "none"), 2, "E_REPO_MISSING", "no folder")
    assert_refused(run_bootstrap(*words, "--repo", tmp_path), 2, "E_REPO_KIND", "not a Git repository")
