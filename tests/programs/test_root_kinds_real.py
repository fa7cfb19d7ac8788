"""A key that somebody has already, of every kind: `keygen --to`, `init`, `check` and `up` with it (S1).

The keys are made by the programs that people make them with; `up` runs on the simulated cluster and Vault.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bootstrap.adapters.age import root as age
from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.local.programs import AskPassphrase, ask_never
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.root.root_material import CommitMaterial
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.cli import compose
from bootstrap.cli.app import app
from bootstrap.cli.commands.check import run_check
from bootstrap.engine.plan import make_plan
from bootstrap.intent.findings import errors
from bootstrap.intent.load import load_intent
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.transfers import named
from tests.simulator import platform as simulator
from tests.support.identities import PLUGIN_FILE, RECIPIENT, identity_file, plugin_program, says
from tests.support.real_sops import Gpg, gpg_home, real_tools, run

WORD = "correct horse"


@dataclass(frozen=True)
class Own:
    """What somebody brings: how the root is named, what is given away, and what is asked for."""

    spec: str
    public: str
    ask: AskPassphrase = ask_never


@dataclass(frozen=True)
class Makers:
    folder: Path
    tools: dict[str, Path]
    gpg: Gpg

    def age(self, *words: str) -> Own:
        key = identity_file(self.folder, run(self.tools["age-keygen"], *words))
        return Own(f"file:{key}", run(self.tools["age-keygen"], "-y", str(key)).decode().strip())

    def age_protected(self) -> Own:
        own = self.age()
        path = Path(own.spec.removeprefix("file:"))
        path.write_bytes(age.protect(Sensitive(path.read_bytes()), Sensitive(WORD.encode())))
        return Own(own.spec, own.public, says(WORD))

    def ssh(self, *words: str, passphrase: str = "") -> Own:
        key = self.folder / "id"
        run("ssh-keygen", "-q", "-t", *words, "-N", passphrase, "-f", str(key))
        return Own(f"file:{key}", f"{key}.pub", says(passphrase) if passphrase else ask_never)

    def plugin(self) -> Own:
        return Own(f"file:{identity_file(self.folder, PLUGIN_FILE)}", RECIPIENT, says("4711"))

    def openpgp(
        self, primary: str, subkey: str, *, passphrase: str = "", export: str = "--export-secret-keys"
    ) -> Own:
        fingerprint = self.gpg.new_key("holder", primary, "cert,sign", "never", passphrase=passphrase)
        self.gpg("--quick-add-key", fingerprint, subkey, "encr", "never", passphrase=passphrase)
        secret = self.gpg("--armor", export, fingerprint, passphrase=passphrase)
        spec = f"file:{identity_file(self.folder, secret)}"
        return Own(spec, self.certificate(fingerprint), says(passphrase) if passphrase else ask_never)

    def agent(self) -> Own:
        fingerprint = self.gpg.new_key("mine", "future-default", "default", "never")
        return Own(f"gpg-agent:{fingerprint}", self.certificate(fingerprint))

    def certificate(self, fingerprint: str) -> str:
        path = self.folder / "holder.asc"
        path.write_bytes(self.gpg("--armor", "--export", fingerprint))
        return str(path)


KINDS: dict[str, Callable[[Makers], Own]] = {
    "age": lambda m: m.age(),
    "age, behind a passphrase": lambda m: m.age_protected(),
    "age, post-quantum": lambda m: m.age("-pq"),
    "age, of a plugin": lambda m: m.plugin(),
    "ssh-ed25519": lambda m: m.ssh("ed25519"),
    "ssh-ed25519, behind a passphrase": lambda m: m.ssh("ed25519", passphrase=WORD),
    "ssh-rsa": lambda m: m.ssh("rsa", "-b", "2048"),
    "ssh-rsa, behind a passphrase, PEM": lambda m: m.ssh("rsa", "-b", "2048", "-m", "PEM", passphrase=WORD),
    "OpenPGP, RSA": lambda m: m.openpgp("rsa2048", "rsa2048"),
    "OpenPGP, Curve25519": lambda m: m.openpgp("ed25519", "cv25519"),
    "OpenPGP, behind a passphrase": lambda m: m.openpgp("ed25519", "cv25519", passphrase=WORD),
    "OpenPGP, subkeys alone": lambda m: m.openpgp("ed25519", "cv25519", export="--export-secret-subkeys"),
    "OpenPGP, in the user's agent": lambda m: m.agent(),
}


@pytest.fixture
def makers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Makers]:
    tools = real_tools()
    plugin = plugin_program(tmp_path)
    monkeypatch.setenv("PATH", f"{plugin.parent}:{tools['age'].parent}:{os.environ['PATH']}")
    with gpg_home() as gpg:
        monkeypatch.setenv("GNUPGHOME", str(gpg.home))
        yield Makers(tmp_path, tools, gpg)


def command(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(done.exception, BootstrapError):
        raise done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.mark.parametrize("kind", KINDS)
def test_s1_the_whole_road_with_a_key_of_ones_own(
    kind: str, makers: Makers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = KINDS[kind](makers)
    (tmp_path / "crds.yaml").write_bytes(simulator.CRD)
    said = command("keygen", "--out", tmp_path / "set", "--to", own.public)
    assert not (tmp_path / "set/root.key").exists()
    assert "root.key" not in said
    command("init", tmp_path / "platform", "--keys", tmp_path / "set", "--manifests", tmp_path)
    repository = open_repository(tmp_path / "platform")
    root = open_root(own.spec, own.ask, interactive=True)
    files = CommitFiles(repository, root)
    assert errors(run_check(repository, files)[1]) == ()

    intent = load_intent(repository)
    plan = make_plan(compose.phases(), intent, "0.1.0")
    commit = simulator.Commit(intent, plan, files, CommitMaterial(repository, files))
    monkeypatch.setattr(simulator, "opened", lambda _: commit)
    (tmp_path / "sim").mkdir()
    platform = simulator.SimulatedPlatform(tmp_path / "sim", tmp_path / "platform")
    platform.up()
    retired = named(platform.world().ledger.read(), RecordType.RETIRED)
    assert set(retired) == {s.name for s in intent.handovers}


def test_several_holders_with_keys_of_their_own(makers: Makers, tmp_path: Path) -> None:
    first, second = makers.age(), makers.ssh("ed25519")
    command("keygen", "--out", tmp_path / "set", "--to", first.public, "--to", second.public)
    command("init", tmp_path / "platform", "--keys", tmp_path / "set", "--no-commit")
    assert (tmp_path / "platform/keys/root.txt").read_text().count("\n") == 3
    assert "ssh-ed25519" in (tmp_path / "platform/.sops.yaml").read_text()


def test_what_cannot_be_a_holder(makers: Makers, tmp_path: Path) -> None:
    private, ssh = makers.age(), makers.ssh("ed25519")
    cases = {
        "a private key": [private.spec.removeprefix("file:")],
        "holds a private": [ssh.spec.removeprefix("file:")],
        "no such": [str(tmp_path / "none")],
        "not an age": [str(tmp_path / "text")],
        "OpenPGP": [private.public, makers.agent().public],
    }
    (tmp_path / "text").write_text("hello\n")
    for given in cases.values():
        with pytest.raises(DefinitionError) as caught:
            command("keygen", "--out", tmp_path / "set", *(w for g in given for w in ("--to", g)))
        assert caught.value.code == "E_RECIPIENT"
        assert caught.value.hint
        assert "AGE-SECRET" not in caught.value.message
    for flag in (["--gpg"], ["--no-passphrase"], ["--passphrase", "fd:0"]):
        with pytest.raises(DefinitionError) as caught:
            command("keygen", "--out", tmp_path / "set", "--to", private.public, *flag)
        assert caught.value.code == "E_USAGE"
    assert not (tmp_path / "set").exists()
