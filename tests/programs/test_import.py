"""``import``: from what people have to entries that `check` takes once somebody has said whose they are."""

import base64
import errno
import json
import os
import subprocess
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from bootstrap.adapters.age import root as age
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_key import encrypt_to, open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.commands import import_
from bootstrap.cli.commands.check import run_check
from bootstrap.cli.commands.import_ import import_command
from bootstrap.intent.findings import errors
from bootstrap.intent.values import secret_values
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.simulator.platform import scaffolded
from tests.support.program import commit_all

CANARY = "canary-91d2f0"
app = typer.Typer()
app.command()(import_command)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return scaffolded(tmp_path)


def run(repository: Path, source: object, *more: object, given: bytes = b"") -> str:
    """What is said; a failure of ours is raised."""
    arguments = [str(source), "--repo", str(repository), "--non-interactive", *map(str, more)]
    done = CliRunner().invoke(app, arguments, input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def values(repository: Path) -> dict[str, dict[str, Sensitive]]:
    """Name to fields of every imported entry, once its owner is said and it is committed."""
    for path in (repository / "secrets").glob("imported*.yaml"):
        path.write_text(
            path.read_text()
            .replace("owner: FILL-IN", "owner: team")
            .replace("purpose: FILL-IN", "purpose: p")
        )
    commit_all(repository)
    repo = open_repository(repository)
    files = CommitFiles(repo, open_root(str(repository.parent / "root.key"), lambda _: None))
    intent, findings = run_check(repo, files)
    assert intent is not None
    assert errors(findings) == ()
    found = [s for s in intent.secrets if s.where.startswith("secrets/imported") and s.source]
    return {s.name: secret_values(s, files.open(s.source.file)) for s in found if s.source}


def text(value: str) -> Sensitive:
    return Sensitive(value.encode())


MANIFESTS = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "db.login",
                "namespace": "shop",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY},
            },
            "type": "Opaque",
            "data": {"password": base64.b64encode(CANARY.encode()).decode()},
            "stringData": {"user": "shop"},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keystore", "namespace": "shop"},
            "data": {"k.p12": base64.b64encode(b"\xff\x00" + CANARY.encode()).decode()},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "sa", "namespace": "shop"},
            "type": "kubernetes.io/service-account-token",
            "data": {"token": "eA=="},
        },
    ],
}


def test_b1_secrets_from_kubectl_are_encrypted_on_the_way(repository: Path) -> None:
    before = {p for p in repository.rglob("*") if ".git/" not in str(p)}
    said = run(repository, "-", given=json.dumps(MANIFESTS).encode())
    made = sorted(
        str(p.relative_to(repository)) for p in set(repository.rglob("*")) - before if ".git/" not in str(p)
    )
    assert made == [
        "encrypted/shop-db-login.secret.sops.yaml",
        "encrypted/shop-keystore.secret.sops.yaml",
        "secrets/imported.yaml",
    ]
    assert "not taken: Secret shop/sa: the API server makes it" in said
    assert "owner, purpose of shop-db-login, shop-keystore" in said
    for path in made:
        content = (repository / path).read_text()
        assert CANARY not in content
        assert base64.b64encode(CANARY.encode()).decode() not in content
    commit_all(repository)
    findings = run_check(open_repository(repository), None)[1]
    assert [f.id for f in errors(findings)] == ["E_PLACEHOLDER"] * 4
    assert values(repository) == {
        "shop-db-login": {"password": text(CANARY), "user": text("shop")},
        "shop-keystore": {"k.p12": Sensitive(b"\xff\x00" + CANARY.encode())},
    }


def test_nothing_is_overwritten_and_nothing_half_written(repository: Path) -> None:
    run(repository, "-", given=json.dumps(MANIFESTS).encode())
    (repository / "secrets/imported.yaml").unlink()  # an entry is gone, its file is not
    (repository / "encrypted/shop-db-login.secret.sops.yaml").unlink()
    before = {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()}
    with pytest.raises(DefinitionError) as caught:
        run(repository, "-", given=json.dumps(MANIFESTS).encode())
    assert caught.value.code == "E_EXISTS"
    assert caught.value.where.startswith("encrypted/")
    assert f"move {caught.value.where} away" in caught.value.hint
    assert {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("name", ["../imported", "/tmp/imported", "a/../../b", "", ".hidden", "a//b", "a\nb"])
def test_the_entries_go_below_secrets_and_nowhere_else(repository: Path, name: str) -> None:
    before = {p for p in repository.parent.rglob("*") if p.is_file()}
    with pytest.raises(DefinitionError) as caught:
        run(repository, "-", "--name", name, given=json.dumps(MANIFESTS).encode())
    assert (caught.value.code, caught.value.where) == ("E_NAME", "--name")
    assert {p for p in repository.parent.rglob("*") if p.is_file()} == before
    run(repository, "-", "--name", "team/shop", given=json.dumps(MANIFESTS).encode())
    assert (repository / "secrets/team/shop.yaml").is_file()


def test_a_disk_that_is_full_leaves_the_catalog_as_it_was(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries of people stand in that file: it is whole, and nothing lies beside it."""
    (repository / "secrets/imported.yaml").write_text("# ours\n")
    before = {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()}
    real = os.fsync

    def fsync(handle: int) -> None:
        if "imported" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left") as caught:
        run(repository, "-", given=json.dumps(MANIFESTS).encode())
    assert caught.value.filename == str(repository / "secrets/imported.yaml")
    assert {p: p.read_bytes() for p in repository.rglob("*") if p.is_file()} == before


def flux(folder: Path, recipients: tuple[str, ...]) -> Path:
    """A Flux tree: a Secret whose ``data`` is sealed, one in the clear, a dotenv file, a raw age file."""
    tree = folder / "flux/apps/shop"
    tree.mkdir(parents=True)
    sealed: dict[str, Opened] = {
        "apiVersion": text("v1"),
        "kind": text("Secret"),
        "metadata": {"name": text("api"), "namespace": text("shop")},
        "stringData": {"token": text(CANARY)},
    }
    (tree / "api.yaml").write_bytes(encrypt_yaml(sealed, recipients, encrypted_regex="^(data|stringData)$"))
    (tree / "tree.sops.yaml").write_bytes(encrypt_yaml({"a": text(CANARY), "b": text("x")}, recipients))
    (tree / "raw.age").write_bytes(encrypt_to(recipients, Sensitive(b"\xff" + CANARY.encode())))
    plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain", "namespace": "shop"}}
    (tree / "plain.yaml").write_text(yaml.safe_dump({**plain, "stringData": {"p": CANARY}}))
    (tree / "deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: Secret}\n")
    return folder / "flux"


EXPECTED = {
    "shop-api": {"token": text(CANARY)},
    "shop-plain": {"p": text(CANARY)},
    "tree": {"a": text(CANARY), "b": text("x")},
    "raw": {"value": Sensitive(b"\xff" + CANARY.encode())},
}


def test_inv1_a_flux_tree_for_the_same_root_stays_as_it_is(repository: Path, tmp_path: Path) -> None:
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    tree = flux(tmp_path, (recipient,))
    run(repository, tree, "--root", f"file:{tmp_path}/root.key")
    kept = (repository / "encrypted/shop-api.secret.sops.yaml").read_bytes()
    assert kept == (tree / "apps/shop/api.yaml").read_bytes()
    assert values(repository) == EXPECTED


def test_a_flux_tree_of_another_key_is_sealed_anew(repository: Path, tmp_path: Path) -> None:
    other = age.generate()
    tree = flux(tmp_path, other.recipients)
    with pytest.raises(PreconditionError) as caught:
        run(repository, tree)
    assert caught.value.code == "E_ROOT_NEEDED"
    reading, writing = os.pipe()
    os.write(writing, other.export().reveal())
    os.close(writing)
    run(repository, tree, "--root", f"fd:{reading}")
    os.close(reading)
    assert values(repository) == EXPECTED


STARTUP = f"""
startupSecrets:
  - type: kv
    path: secret/data/accounts/aws
    data:
      data: {{AWS_ACCESS_KEY_ID: secretId, AWS_SECRET_ACCESS_KEY: {CANARY}}}
  - type: kv
    path: secret/data/dockerrepo
    secretKeyRef: [{{name: docker}}]
  - type: pki
    path: pki/issue
"""


@pytest.mark.parametrize("whole", [False, True])
def test_bank_vaults_startup_secrets(repository: Path, tmp_path: Path, whole: bool) -> None:
    document = yaml.safe_load(STARTUP)
    if whole:
        document = {"kind": "Vault", "spec": {"externalConfig": document}}
    (tmp_path / "vault.yaml").write_text(yaml.safe_dump(document))
    said = run(repository, tmp_path / "vault.yaml")
    assert said.count("not taken") == 2
    entry = yaml.safe_load((repository / "secrets/imported.yaml").read_text())
    assert entry["spec"]["runtime"] == {"path": "accounts/aws"}
    assert values(repository) == {
        "accounts-aws": {"AWS_ACCESS_KEY_ID": text("secretId"), "AWS_SECRET_ACCESS_KEY": text(CANARY)}
    }


def test_a_list_of_paths_makes_entries_without_a_source(repository: Path) -> None:
    run(
        repository,
        "-",
        given=b"# from the wiki\napplications/web/session: key\napplications/web/db: user, password\n",
    )
    entries = list(yaml.safe_load_all((repository / "secrets/imported.yaml").read_text()))
    assert [e["spec"]["runtime"]["path"] for e in entries] == [
        "applications/web/session",
        "applications/web/db",
    ]
    assert all("source" not in e["spec"] for e in entries)
    assert values(repository) == {}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (b"", "E_IMPORT"),
        (b"what is this\n", "E_IMPORT"),
        (b"a: [\n", "E_IMPORT"),
        (b"kind: Secret\n", "E_MANIFEST"),
        (b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {a: b}\n", "E_IMPORT"),
        (b"kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {a: 010}\n", "E_TYPE"),
        (b"kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {a: yes}\n", "E_TYPE"),
        (b"[" * 100_000, "E_IMPORT"),
    ],
)
def test_what_cannot_be_imported_is_an_error_without_its_content(
    repository: Path, given: bytes, code: str
) -> None:
    with pytest.raises(BootstrapError) as caught:
        run(repository, "-", given=given)
    assert caught.value.code == code
    assert not (repository / "secrets/imported.yaml").exists()


@pytest.mark.parametrize("source", ["-", "paths.txt"])
def test_what_is_too_large_is_refused_and_never_cut(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    text = b"applications/web/session: key\napplications/web/db: user\n"
    monkeypatch.setattr(import_, "_MOST_BYTES", len(text) - 1)
    monkeypatch.chdir(tmp_path)
    Path("paths.txt").write_bytes(text)
    with pytest.raises(DefinitionError) as caught:
        run(repository, source, given=text)
    assert (caught.value.code, caught.value.where) == ("E_SIZE", source)
    assert not (repository / "secrets/imported.yaml").exists()


def test_the_program_reads_stdin(repository: Path) -> None:
    """As `kubectl get secret -o yaml | bootstrap import -`."""
    import sys

    command = [sys.executable, "-m", "bootstrap", "import", "-", "--repo", str(repository)]
    done = subprocess.run(command, input=yaml.safe_dump(MANIFESTS).encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode().splitlines()[-1]) == (0, "secrets/imported.yaml"), (
        done.stderr
    )
    assert CANARY.encode() not in done.stdout + done.stderr


def test_the_type_of_a_secret_is_kept(repository: Path) -> None:
    """The kubelet takes a pull secret by its type; an ingress takes its certificate so."""
    kinds = {
        "pull": ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": "{}"}),
        "edge": ("kubernetes.io/tls", {"tls.crt": "c", "tls.key": "k"}),
        "plain": ("Opaque", {"a": "b"}),
    }
    head = {"apiVersion": "v1", "kind": "Secret"}
    items = [
        {**head, "metadata": {"name": name, "namespace": "shop"}, "type": kind, "stringData": data}
        for name, (kind, data) in kinds.items()
    ]
    run(repository, "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode())
    entries = list(yaml.safe_load_all((repository / "secrets/imported.yaml").read_text()))
    consumers = [entry["spec"]["consumers"][0] for entry in entries]
    assert {c["secret"]: c.get("type", "Opaque") for c in consumers} == {n: k for n, (k, _) in kinds.items()}
    assert len(values(repository)) == 3


def test_files_of_one_name_in_two_folders_are_two_files(repository: Path, tmp_path: Path) -> None:
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    for number in (1, 2, 3):
        folder = tmp_path / f"tree/{number}"
        folder.mkdir(parents=True)
        sealed = encrypt_yaml({"password": text(f"{CANARY}-{number}")}, (recipient,))
        (folder / "secrets.yaml").write_bytes(sealed)
    run(repository, tmp_path / "tree", "--root", f"file:{tmp_path}/root.key")
    assert values(repository) == {
        name: {"password": text(f"{CANARY}-{number}")}
        for number, name in ((1, "secrets"), (2, "secrets-2"), (3, "secrets-3"))
    }
