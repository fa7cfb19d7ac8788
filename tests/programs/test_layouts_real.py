"""The layouts that teams have in Git, made by the real `sops`: Flux, KSOPS, kustomize's env files (INV1)."""

import base64
from pathlib import Path

import pytest

from bootstrap.adapters.age import root as age
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.intent.values import secret_values
from bootstrap.model.catalog import Encoding
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from tests.support.commit_tree import Tree, secret
from tests.support.real_sops import real_tools, run

ROOT = age.generate()
MANIFEST = """apiVersion: v1
kind: Secret
metadata:
  name: app
  namespace: team
  annotations: {count: "2"}
type: Opaque
immutable: true
data:
  binary: %s
stringData:
  password: "p@ss: 'x'"
  port: "5432"
  tls.crt: |
    -----BEGIN CERTIFICATE-----
    YWJj
    -----END CERTIFICATE-----
"""
BYTES = bytes(range(256))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CommitFiles:
    """What `sops --encrypt --in-place` makes in a repository with a `.sops.yaml`."""
    folder = tmp_path_factory.mktemp("flux")
    (folder / ".sops.yaml").write_text(
        "creation_rules:\n"
        f"  - {{path_regex: 'app\\.yaml$', encrypted_regex: '^(data|stringData)$', age: {ROOT.recipients[0]}}}\n"
        f"  - {{path_regex: 'ksops/', encrypted_regex: '^(data|stringData)$', mac_only_encrypted: true,"
        f" age: {ROOT.recipients[0]}}}\n"
        f"  - {{age: {ROOT.recipients[0]}}}\n"
    )
    written = {
        "clusters/a/app.yaml": MANIFEST % base64.b64encode(BYTES).decode(),
        "ksops/secret.enc.yaml": MANIFEST % base64.b64encode(BYTES).decode(),
        "whole/app.enc.yaml": MANIFEST % base64.b64encode(BYTES).decode(),
        "overlays/db.env": "USER=app\nPASSWORD=a=b # c\n",
        "overlays/db.ini": "[db]\npassword = x\n",
    }
    sops = real_tools()["sops"]
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        run(sops, "--config", str(folder / ".sops.yaml"), "encrypt", "--in-place", str(path))
    (folder / "blob.bin").write_bytes(BYTES)
    run(sops, "--config", str(folder / ".sops.yaml"), "encrypt", "--in-place", str(folder / "blob.bin"))
    (folder / "ksops" / "generator.yaml").write_text(
        "apiVersion: viaduct.ai/v1\nkind: ksops\nfiles: [secret.enc.yaml]\n"
    )
    found = [path for path in folder.rglob("*") if path.is_file()]
    return CommitFiles(Tree({str(p.relative_to(folder)): p.read_bytes() for p in found}), ROOT)


@pytest.mark.parametrize("file", ["clusters/a/app.yaml", "ksops/secret.enc.yaml", "whole/app.enc.yaml"])
def test_a_secret_manifest_gives_its_data_and_string_data(files: CommitFiles, file: str) -> None:
    found = secret_values(secret(file, encoding=Encoding.BASE64), files.open(file))
    assert found == {
        "binary": Sensitive(BYTES),
        "password": Sensitive(b"p@ss: 'x'"),
        "port": Sensitive(b"5432"),
        "tls.crt": Sensitive(b"-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"),
    }
    one = secret_values(secret(file, "stringData.tls.crt"), files.open(file))
    assert list(one) == ["value"]


def test_env_ini_and_binary_files(files: CommitFiles) -> None:
    assert files.open("overlays/db.env") == {"USER": Sensitive(b"app"), "PASSWORD": Sensitive(b"a=b # c")}
    assert secret_values(secret("overlays/db.ini", "db.password"), files.open("overlays/db.ini")) == {
        "value": Sensitive(b"x")
    }
    assert files.open("blob.bin") == Sensitive(BYTES)


def test_a_generator_is_told_from_what_it_generates(files: CommitFiles) -> None:
    with pytest.raises(BootstrapError) as caught:
        files.open("ksops/generator.yaml")
    assert caught.value.code == "E_FORM"
    assert "source.file" in caught.value.hint


def test_a_data_key_is_opened_once(
    files: CommitFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """However many files share it: `sops` keeps the data key when a file is copied and edited."""
    content = files._repository.read("clusters/a/app.yaml")
    asked: list[str] = []
    unwrap = ROOT.unwrap

    def counted(data: bytes, what: str) -> Sensitive:
        asked.append(what)
        return unwrap(data, what)

    monkeypatch.setattr(ROOT, "unwrap", counted)
    copies = CommitFiles(Tree({f"{n}.yaml": content for n in range(20)}), ROOT)
    assert len({id(copies.open(f"{n}.yaml")) for n in range(20)}) == 20
    assert len(asked) == 1
