"""What the rows of the catalogue are made from: repositories, roots, ciphertexts, and a simulated platform."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.git.repository import GitRepository, open_repository
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.sops.reader import open_sops
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.commands.check import run_check
from bootstrap.intent.findings import Finding
from bootstrap.intent.load import examine
from bootstrap.intent.values import secret_values
from bootstrap.model.catalog import Secret, SecretClass, Source
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Opened
from tests.simulator.platform import SimulatedPlatform
from tests.support.intent_fake import SECRET, changed
from tests.support.program import commit_all, git, run_bootstrap

CANARY = "canary-58c1e9"
ROOT = age.generate()
Told = Iterable[Finding | BootstrapError]
WEB = "secrets/web.yaml"


@dataclass(frozen=True)
class Box:
    """A folder for one row, and the valid repository of the session to copy."""

    folder: Path
    valid: Path

    # ------------------------------------------------------------ the catalog, without Git

    def spoilt(self, changes: Mapping[str, str | bytes | None]) -> Told:
        return examine(changed(changes))[1]

    def web(self, old: str, new: str) -> Told:
        assert old in SECRET
        return self.spoilt({WEB: SECRET.replace(old, new)})

    # ------------------------------------------------------------ real Git

    def repository(self) -> Path:
        target = self.folder / "platform"
        if not target.exists():
            shutil.copytree(self.valid / "platform", target)
        return target

    def committed(self, changes: Mapping[str, bytes]) -> GitRepository:
        for path, content in changes.items():
            (self.repository() / path).parent.mkdir(parents=True, exist_ok=True)
            (self.repository() / path).write_bytes(content)
        commit_all(self.repository())
        return open_repository(self.repository())

    def checked(self, changes: Mapping[str, bytes]) -> Told:
        return run_check(self.committed(changes), None)[1]

    def tree(self, line: str) -> GitRepository:
        """A commit of one entry, as ``git mktree`` takes it: names and modes that no file system would hold."""
        repository = self.repository()
        made = subprocess.run(
            ["git", "-C", str(repository), "mktree", "-z", "--missing"],
            input=line.encode() + b"\0",
            capture_output=True,
            check=True,
        )
        commit = git(repository, "commit-tree", made.stdout.decode().strip(), "-m", "x")
        return open_repository(repository, commit)

    # ------------------------------------------------------------ roots and ciphertexts

    def root(self, content: bytes, passphrase: bytes | None = None, mode: int = 0o600) -> AgeRoot | Any:
        path = self.folder / "given.key"
        path.write_bytes(content)
        path.chmod(mode)
        return open_root(f"file:{path}", lambda _: None if passphrase is None else Sensitive(passphrase))

    def sops(self, tree: dict[str, Opened], change: Callable[[str], str] = str) -> dict[str, Opened]:
        text = encrypt_yaml(tree, ROOT.recipients).decode()
        return open_sops(change(text).encode(), ROOT, "encrypted/x.sops.yaml")

    def unwrapped(self, change: Callable[[bytes], bytes]) -> Sensitive:
        return ROOT.unwrap(change(binary()), "encrypted/x.age")

    # ------------------------------------------------------------ the platform and the program

    def platform(self, then: Callable[[SimulatedPlatform], object]) -> SimulatedPlatform:
        """Spoils a simulated cluster, then runs ``up`` on it. Nothing may be written before it stops."""
        platform = SimulatedPlatform(self.folder / "sim")
        then(platform)
        platform.cluster.mutations.clear()
        return platform

    def put(self, platform: SimulatedPlatform, obj: Object) -> None:
        """An object that is somebody else's, and its namespace."""
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": obj["metadata"]["namespace"]}}
        for each in (space, obj):
            assert isinstance(platform.cluster.create(each), dict)

    def up(self, then: Callable[[SimulatedPlatform], object], *, untouched: bool = True) -> Told:
        (self.folder / "sim").mkdir()
        platform = self.platform(then)
        try:
            result = platform.up()
        except BootstrapError as error:
            if untouched:
                assert platform.cluster.mutations == []
            return [error]
        return [
            BootstrapError(item, code="E_RETIRE_BLOCKED", where=o.step.id)
            for o in result.outcomes
            for item in o.pending
        ]

    def program(self, *arguments: object, **environment: Any) -> "subprocess.CompletedProcess[str]":
        return run_bootstrap(*arguments, home=self.folder, **environment)


def binary() -> bytes:
    """An age file, not armored."""
    from pyrage import encrypt, x25519

    return bytes(encrypt(CANARY.encode(), [x25519.Recipient.from_str(ROOT.recipients[0])]))


def secret(**source: Any) -> Secret:
    return Secret(
        name="web",
        secret_class=SecretClass.RUNTIME,
        owner="o",
        purpose="p",
        where=f"{WEB}:1",
        source=Source(file="encrypted/x.sops.yaml", **source),
        path="a/b",
    )


def value(content: bytes, **source: Any) -> dict[str, Sensitive]:
    return secret_values(secret(**source), Sensitive(content, "x"))


def named(name: str, namespace: str, kind: str = "Secret", api: str = "v1", **more: Any) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}


@cache
def passphrased(work: int | None = None) -> bytes:
    """An identity behind a passphrase; with ``work`` its header asks for that much."""
    from pyrage import passphrase

    made = bytes(passphrase.encrypt(ROOT.export().reveal(), "right"))
    return made if work is None else made.replace(made.split(b"\n")[1].split()[-1], str(work).encode(), 1)
