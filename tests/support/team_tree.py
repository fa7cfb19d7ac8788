"""A team's tree for tests of `import`, and the repository that it is imported into; one root opens both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.git.tree import files_of
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.app import app
from bootstrap.cli.commands.check import run_check
from bootstrap.intent.findings import errors
from bootstrap.intent.values import secret_values
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import Findings, Options
from bootstrap.operations.importing.opened import Keys
from bootstrap.operations.importing.report import lines
from bootstrap.operations.importing.tree import from_files
from bootstrap.operations.rekey.recipients import expected_of
from bootstrap.ports import RootKey
from tests.simulator.platform import scaffolded
from tests.support.program import commit_all

CANARY = "canary-91ab00"
KUSTOMIZE = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
REGEX = "^(data|stringData)$"


class Tree:
    """A tree whose files one root opens."""

    def __init__(self, folder: Path, root: RootKey) -> None:
        self.folder = folder
        self.root = root

    def write(self, path: str, text: str | bytes) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(text if isinstance(text, bytes) else text.encode())

    def seal(self, path: str, name: str, values: Mapping[str, str] | None = None, **more: Any) -> None:
        recipients = more.pop("recipients", self.root.recipients)
        tree = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **more.pop("metadata", {})}}
        tree |= {**more, "stringData": values or {"token": f"{CANARY}-{name}"}}
        self.write(path, encrypt_yaml(wrapped(tree), recipients, encrypted_regex=REGEX))

    def flux(self, path: str, name: str, folder: str, **spec: Any) -> None:
        head = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
        document = {
            **head,
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"path": folder, **spec},
        }
        self.write(path, yaml.safe_dump(document))

    def findings(self) -> Findings:
        """What `import` makes of it, before anything is written."""
        found = Findings()
        keys = Keys(expected_of(self.root.recipients), lambda: [self.root])
        from_files(files_of(self.folder), keys, found, Options(owner="team"))
        assert CANARY not in "".join(lines(found))
        return found


class Team(Tree):
    """The same, and a repository to import into, with this root."""

    def __init__(self, folder: Path) -> None:
        self.repository = scaffolded(folder)
        super().__init__(folder / "fleet", open_root(f"{folder}/root.key", lambda _: None))
        self.key = ("--root", f"file:{folder}/root.key")

    def call(self, *words: str, under: str = "") -> str:
        arguments = ["import", str(self.folder / under), "--repo", str(self.repository), *self.key, *words]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, (done.output, done.exception)
        assert CANARY not in done.output
        return done.output

    def entries(self) -> dict[str, dict[str, Any]]:
        text = (self.repository / "secrets/imported.yaml").read_text()
        return {each["metadata"]["name"]: each["spec"] for each in yaml.safe_load_all(text)}

    def consumers(self) -> set[tuple[str, str]]:
        return {(c["namespace"], c["secret"]) for e in self.entries().values() for c in e["consumers"]}

    def values(self) -> dict[str, dict[str, str]]:
        """Of each entry, after a green check."""
        commit_all(self.repository)
        repo = open_repository(self.repository)
        files = CommitFiles(repo, self.root)
        intent, found = run_check(repo, files)
        assert [str(f) for f in errors(found)] == []
        assert intent is not None
        taken = [s for s in intent.secrets if s.where.startswith("secrets/imported")]
        return {
            s.name: {k: v.reveal().decode() for k, v in secret_values(s, files.open(s.source.file)).items()}
            for s in taken
            if s.source
        }


def wrapped(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: wrapped(each) for key, each in node.items()}
    return Sensitive(str(node).encode())
