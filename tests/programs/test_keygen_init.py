"""``keygen`` and ``init``: what lands on the disk, what never does, and a repository that works at once."""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from bootstrap.adapters.git.create import create_repository
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.sops.commit_files import CommitFiles, declared_recipients
from bootstrap.cli.commands.init import init
from bootstrap.cli.commands.keygen import keygen
from bootstrap.intent.findings import errors
from bootstrap.intent.load import examine
from bootstrap.intent.manifests import parse_manifests
from bootstrap.intent.values import secret_values
from bootstrap.lab import digests
from bootstrap.model.catalog import SecretClass
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.intent_fake import CRDS
from tests.support.program import BOOTSTRAP, run_bootstrap
from tests.support.real_sops import gpg_home, real_tools
from tests.support.real_sops import run as real

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(keygen)
app.command()(init)
PRIVATE = re.compile(rb"AGE-SECRET-KEY|PRIVATE KEY")


def run(*words: object) -> str:
    """Standard error, where the narration goes."""
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stderr


def refused(*words: object) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert caught.value.hint
    return caught.value


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def leaves(opened: Opened) -> list[bytes]:
    if isinstance(opened, Sensitive):
        return [opened.reveal()]
    return [leaf for value in opened.values() for leaf in leaves(value)]


@pytest.fixture(scope="module", params=["age", "gpg"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``root.key``, ``platform/`` and the operator's CRDs beside it."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "m" / "external-secrets").mkdir(parents=True)
    (folder / "m" / "external-secrets" / "crds.yaml").write_bytes(CRDS)
    flags = ["--gpg"] if request.param == "gpg" else []
    run("init", folder / "platform", "--manifests", folder / "m", "--no-passphrase", *flags)
    return folder


def test_a_whole_set_of_keys(tmp_path: Path) -> None:
    assert refused("keygen", "--out", tmp_path, "--non-interactive").code == "E_KEY_PASS"
    assert refused("keygen", "--out", tmp_path).code == "E_KEY_PASS"  # no terminal
    assert files(tmp_path) == set()
    said = run("keygen", "--out", tmp_path, "--no-passphrase")
    assert "without a passphrase" in said
    material = {f"encrypted/root-material/{n}.age" for n in ("ledger", "commitment", "vault-ca", "unseal")}
    public = {"keys/root.txt", "keys/ledger.pub", "keys/vault-ca.crt", "keys/unseal.asc"}
    assert files(tmp_path) == {"root.key"} | material | public
    assert (tmp_path / "root.key").stat().st_mode & 0o777 == 0o600
    assert [p for p in files(tmp_path) if PRIVATE.search((tmp_path / p).read_bytes())] == ["root.key"]


def test_a_root_is_made_once(tmp_path: Path) -> None:
    run("keygen", "--out", tmp_path, "--no-passphrase")
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    assert refused("keygen", "--out", tmp_path, "--no-passphrase").code == "E_EXISTS"
    (tmp_path / "root.key").rename(tmp_path / "away")  # taken offline, as it should be
    assert refused("keygen", "--out", tmp_path, "--no-passphrase").code == "E_EXISTS"
    assert {name: (tmp_path / name).read_bytes() for name in before if name != "root.key"} == {
        name: content for name, content in before.items() if name != "root.key"
    }


@pytest.mark.parametrize("flags", [[], ["--gpg"]])
def test_a_passphrase_from_a_pipe(tmp_path: Path, flags: list[str]) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"correct horse\n")
    os.close(writing)
    said = run("keygen", "--out", tmp_path, "--passphrase", f"fd:{reading}", *flags)
    os.close(reading)
    assert "warning" not in said
    assert not PRIVATE.search((tmp_path / "root.key").read_bytes())
    root = open_root(str(tmp_path / "root.key"), lambda _: Sensitive(b"correct horse"))
    material = next((tmp_path / "encrypted" / "root-material").glob("ledger.*"))
    assert root.unwrap(material.read_bytes(), "ledger").reveal().startswith(b"-----BEGIN PRIVATE KEY")


def test_on_a_terminal_the_passphrase_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    program = "import sys, typer; from bootstrap.cli.commands.keygen import keygen; typer.run(keygen)"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", program, "--out", str(tmp_path)])
    seen = b""
    for prompt in (b"Passphrase for root.key: ", b"The same again: "):
        while prompt not in seen:
            seen += os.read(terminal, 1024)
        os.write(terminal, b"canary-77 horse\n")
    while True:
        try:
            more = os.read(terminal, 1024)
        except OSError:  # the other side is closed
            break
        if not more:
            break
        seen += more
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert b"canary" not in seen
    root = open_root(str(tmp_path / "root.key"), lambda _: Sensitive(b"canary-77 horse"))
    assert root.recipients[0] in (tmp_path / "keys" / "root.txt").read_text()


def test_a_second_holder_opens_everything(tmp_path: Path) -> None:
    run("keygen", "--out", tmp_path / "second", "--no-passphrase")
    second = open_root(str(tmp_path / "second" / "root.key"), lambda _: None)
    run("init", tmp_path / "platform", "--no-passphrase", "--recipient", second.recipients[0])
    repository = open_repository(tmp_path / "platform")
    assert len(declared_recipients(repository)) == 2
    opened = CommitFiles(repository, second)
    encrypted = [path for path in repository.paths() if path.startswith("encrypted/")]
    assert len(encrypted) == 9
    for path in encrypted:
        assert leaves(opened.open(path))
    assert not [finding for finding in examine(repository)[1] if finding.id == "W_RECIPIENTS"]


def test_a_second_holder_that_is_none(tmp_path: Path) -> None:
    for wrong in ("age1nonsense", "/nonexistent"):
        assert (
            refused("keygen", "--out", tmp_path, "--no-passphrase", "--recipient", wrong).code
            == "E_RECIPIENT"
        )
    assert files(tmp_path) == set()


def test_a_recipient_that_is_none_names_the_option_and_no_private_key(tmp_path: Path) -> None:
    keygen = ("keygen", "--out", tmp_path)
    assert refused(*keygen, "--no-passphrase", "--recipient", "age1nonsense").where == "--recipient"
    assert refused(*keygen, "--to", "age1nonsense").where == "--to"
    private = refused(*keygen, "--to", "AGE-SECRET-KEY-1CANARY")
    assert (private.code, private.where) == ("E_RECIPIENT", "--to")
    assert "CANARY" not in private.message


# ---------------------------------------------------------------- the scaffolded repository


def test_the_repository_is_valid_as_it_is(made: Path) -> None:
    _, findings = examine(open_repository(made / "platform"))
    assert errors(findings) == ()
    assert {finding.id for finding in findings} <= {"W_RECIPIENTS", "W_IMAGE_TAG"}


def test_it_is_what_a_platform_needs(made: Path) -> None:
    intent, _ = examine(open_repository(made / "platform"))
    assert intent is not None
    handed_over = intent.handovers
    assert len(handed_over) >= 6
    assert len({c.namespace for s in handed_over for c in s.consumers}) >= 3
    assert any(s.handover.renew == "generate" for s in handed_over)
    assert any(s.source and s.source.encoding == "base64" for s in handed_over)
    assert [s.scaffold.namespace for s in intent.scaffolds if s.scaffold] == ["gitops"]
    assert [i.kind for i in intent.internals] == ["InternalSecret"]
    assert len([s for s in intent.secrets if s.secret_class is SecretClass.ROOT_MATERIAL]) == 4


def test_every_source_opens_and_holds_its_fields(made: Path) -> None:
    repository = open_repository(made / "platform")
    root = open_root(f"file:{made / 'root.key'}", lambda _: None, declared_recipients(repository))
    opened = CommitFiles(repository, root)
    intent, _ = examine(repository)
    assert intent is not None
    fields = {s.name: secret_values(s, opened.open(s.source.file)) for s in intent.secrets if s.source}
    assert sorted(fields["postgres-superuser"]) == ["host", "password", "port", "username"]
    assert sorted(fields["alert-webhook"]) == ["token", "url"]
    assert fields["orders-webhook-signing"]["private.pem"].reveal().startswith(b"-----BEGIN PRIVATE KEY")
    assert len(fields["identity-hmac-key"]["hmac.bin"].reveal()) == 64
    assert len(fields["commitment-key"]["value"].reveal()) == 64


def test_no_value_and_no_private_key_is_on_the_disk(made: Path) -> None:
    repository = open_repository(made / "platform")
    opened = CommitFiles(repository, open_root(str(made / "root.key"), lambda _: None))
    encrypted = [path for path in repository.paths() if path.startswith("encrypted/")]
    secret = {leaf for path in encrypted for leaf in leaves(opened.open(path)) if len(leaf) >= 32}
    assert len(secret) >= 10
    for path in (made / "platform").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not PRIVATE.search(content), path
            assert not [1 for leaf in secret if leaf in content], path


def test_manifests_parse_and_nothing_is_an_administrator(made: Path) -> None:
    repository = open_repository(made / "platform")
    objects = [
        obj
        for path in repository.paths()
        if path.startswith("manifests/")
        for obj in parse_manifests(path, repository.read(path))
    ]
    kinds = {(obj["kind"], obj["metadata"]["name"]) for obj in objects}
    assert {
        ("Deployment", "external-secrets"),
        ("Deployment", "orders-web"),
        ("Password", "orders-db-app"),
    } <= kinds
    rules = [rule for obj in objects if obj["kind"] in ("ClusterRole", "Role") for rule in obj["rules"]]
    assert rules
    assert not [rule for rule in rules if "*" in rule["verbs"] + rule["resources"] + rule["apiGroups"]]
    assert not [obj for obj in objects if obj.get("roleRef", {}).get("name") == "cluster-admin"]
    for obj in objects:
        if obj["kind"] == "Deployment":
            pod = obj["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert all(c["securityContext"]["readOnlyRootFilesystem"] for c in pod["containers"])


def test_sops_configuration_fits_the_files(made: Path) -> None:
    rules = yaml.safe_load((made / "platform" / ".sops.yaml").read_text())["creation_rules"]
    names = [path for path in files(made / "platform") if path.endswith(".sops.yaml") and "/" in path]
    assert len(names) == 4
    for name in names:
        rule = next(rule for rule in rules if re.search(rule["path_regex"], name))
        assert ("encrypted_regex" in rule) == name.endswith(".secret.sops.yaml")
        assert rule.get("age") or rule.get("pgp")


def test_sops_encrypts_every_form_for_the_holders_by_its_own_rules(made: Path, tmp_path: Path) -> None:
    """`sops encrypt --in-place` with the `.sops.yaml` of the repository; the root opens what it writes."""
    folder = tmp_path / "platform"
    shutil.copytree(made / "platform", folder, ignore=shutil.ignore_patterns(".git"))
    plain = {
        "x.sops.yaml": "a: b\n",
        "x.json": '{"a": "b"}\n',
        "x.env": "a=b\n",
        "x.ini": "[s]\na = b\n",
        "x.p12": "\x01 bytes",
        "x.secret.sops.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n",
        "x.secret.sops.json": '{"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="}}\n',
    }
    root = open_root(str(made / "root.key"), lambda _: None)
    with gpg_home() as gpg:
        if (folder / "keys/root.asc").exists():
            gpg("--import", given=(folder / "keys/root.asc").read_bytes())
        for name, text in plain.items():
            (folder / "encrypted" / name).write_text(text)
            words = (
                "--config",
                str(folder / ".sops.yaml"),
                "encrypt",
                "--in-place",
                f"{folder}/encrypted/{name}",
            )
            real(real_tools()["sops"], *words, GNUPGHOME=str(gpg.home))
    create_repository(folder, "all forms")
    opened = CommitFiles(open_repository(folder), root)
    for name in plain:
        assert opened.open(f"encrypted/{name}"), name
        clear = "kind" in (folder / "encrypted" / name).read_text()
        assert clear == (".secret." in name)


def test_git_finds_it_clean_and_the_root_outside(made: Path) -> None:
    done = subprocess.run(
        ["git", "-C", made / "platform", "status", "--porcelain", "--ignored"],
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )
    assert done.stdout == b""
    assert open_repository(made / "platform").unused_changes() == ()
    assert "root.key" not in {Path(name).name for name in files(made / "platform")}
    assert files(made / "platform" / "manifests" / "external-secrets") >= {"crds.yaml", "deployment.yaml"}


def test_init_takes_keys_that_are_there(tmp_path: Path) -> None:
    run("keygen", "--out", tmp_path / "k", "--no-passphrase")
    assert "using the keys" in run("init", tmp_path / "a" / "platform", "--keys", tmp_path / "k")
    assert files(tmp_path / "a") == {f"platform/{name}" for name in files(tmp_path / "a" / "platform")}
    said = run("init", tmp_path / "k" / "platform")
    assert "using the keys" in said
    assert "CRDs are missing" in said
    assert "Missing: the operator's CRDs" in (tmp_path / "k" / "platform" / "README.md").read_text()
    two = [open_repository(tmp_path / parent / "platform").read("keys/root.txt") for parent in "ak"]
    assert two[0] == two[1]


def test_init_names_images_by_the_digests_that_a_lab_gives(tmp_path: Path) -> None:
    given = tmp_path / "manifests"
    given.mkdir()
    (given / "crds.yaml").write_text("# none\n")
    names = ("docker.io/hashicorp/vault:1.21.1", "ghcr.io/external-secrets/external-secrets:v0.19.2")
    digests.write(given, dict.fromkeys(names, f"sha256:{'5' * 64}"))
    run("init", tmp_path / "platform", "--manifests", given, "--no-passphrase")
    intent, findings = examine(open_repository(tmp_path / "platform"))
    assert intent is not None
    assert intent.platform.vault.image == f"{names[0]}@sha256:{'5' * 64}"
    assert "W_IMAGE_TAG" not in {finding.id for finding in findings}


@pytest.mark.parametrize("content", ["", "[]", '{"a:1": "sha256:0"}', '{"a:1": 7}'])
def test_init_refuses_a_list_of_digests_that_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "crds.yaml").write_text("# none\n")
    (tmp_path / "images.json").write_text(content)
    told = refused("init", tmp_path / "platform", "--manifests", tmp_path)
    assert (told.code, told.where) == ("E_IMAGES", str(tmp_path / "images.json"))
    assert not (tmp_path / "root.key").exists()


def test_init_refuses_what_it_would_spoil(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "file").write_text("mine")
    assert refused("init", used).code == "E_EXISTS"
    assert refused("init", used / "file").code == "E_EXISTS"
    assert refused("init", tmp_path / "p", "--keys", tmp_path / "none").code == "E_KEYS"
    assert refused("init", tmp_path / "p", "--manifests", tmp_path / "none").code == "E_FILE_MISSING"
    assert refused("init", tmp_path / "p", "--name", "---").code == "E_NAME"
    (tmp_path / "root.key").write_text("somebody's")
    assert refused("init", tmp_path / "p").code == "E_KEYS"
    assert (tmp_path / "root.key").read_text() == "somebody's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root.key", "used"]


def test_an_empty_folder_and_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "My_Platform").mkdir()
    run("init", tmp_path / "My_Platform", "--no-passphrase")
    named = open_repository(tmp_path / "My_Platform").read("bootstrap.yaml")
    assert b"name: my-platform\n" in named


def test_without_a_commit_everything_is_left_to_the_user(tmp_path: Path) -> None:
    run("init", tmp_path / "platform", "--no-passphrase", "--no-commit")
    with pytest.raises(BootstrapError) as caught:
        open_repository(tmp_path / "platform")
    assert caught.value.code == "E_REPO_REV"
    assert (tmp_path / "platform" / "bootstrap.yaml").is_file()


def test_nothing_of_the_users_git_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\nname = canary\n[commit]\ngpgsign = true\n[init]\ndefaultBranch = other\n"
    )
    monkeypatch.setenv("HOME", str(home))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_AUTHOR_NAME"):
        monkeypatch.setenv(name, "/nonexistent")
    run("init", tmp_path / "x" / "platform", "--no-passphrase")
    repository = open_repository(tmp_path / "x" / "platform", "main")
    git = tmp_path / "x" / "platform" / ".git"
    assert not [p for p in git.rglob("*") if p.is_file() and b"canary" in p.read_bytes()]
    assert repository.paths()


def test_who_stands_in_the_empty_folder_stands_in_the_repository(tmp_path: Path) -> None:
    """``init .``: the folder is filled, and not another one put in its place."""
    (tmp_path / "own").mkdir()
    script = '"$0" init . --no-passphrase && git log --oneline && ls -A'
    done = subprocess.run(
        ["sh", "-c", script, str(BOOTSTRAP)],
        cwd=tmp_path / "own",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"Scaffold", "bootstrap.yaml", ".git", ".sops.yaml"} <= set(done.stdout.split())
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("words", [["keygen", "--out", "k"], ["init", "new/platform"]])
def test_a_disk_that_is_full_leaves_no_half_of_it_and_says_which_file(
    words: list[str], tmp_path: Path
) -> None:
    """A limit on the size of a file stands for the disk: the short ones fit, the long ones do not."""
    script = 'ulimit -f 1; "$0" "$@" --no-passphrase'
    done = subprocess.run(
        ["bash", "-c", script, str(BOOTSTRAP), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "error: File too large [E_LOCAL]\n  where: " in done.stderr
    where = re.search(r"where: (.*)", done.stderr)
    assert where and "keys/" in where[1]  # one of its files, and no line of the program
    assert "hint: " in done.stderr
    assert list(tmp_path.iterdir()) == []
    again = run_bootstrap(*words, "--no-passphrase", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
