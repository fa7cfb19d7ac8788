"""A Flux tree of the real `sops` through `import`, `check` and `up`, unchanged (INV1, B1)."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_key import open_root
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.cli.app import app
from bootstrap.cli.commands.check import run_check
from bootstrap.intent.findings import errors
from bootstrap.ledger.record import RecordType
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Ref
from bootstrap.steps.context.transfers import named
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.support.flux import Flux, adopted, flux_tree
from tests.support.program import commit_all
from tests.support.real_sops import Gpg, gpg_home

CANARY = "canary-6c40e1"


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    with gpg_home() as home:
        yield home


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return scaffolded(tmp_path)


@pytest.fixture
def flux(repository: Path, gpg: Gpg, tmp_path: Path) -> Flux:
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    for fingerprint in gpg.fingerprints():
        gpg("--yes", "--delete-secret-and-public-key", fingerprint)
    return flux_tree(tmp_path / "fleet", recipient, gpg, CANARY)


def imported(repository: Path, flux: Flux, *more: str) -> str:
    done = CliRunner().invoke(app, ["import", str(flux.folder), "--repo", str(repository), *more])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_inv1_the_tree_goes_from_git_to_the_cluster_unchanged(
    repository: Path, flux: Flux, tmp_path: Path
) -> None:
    before = flux.content()
    said = imported(repository, flux, "--root", f"file:{tmp_path}/root.key")
    assert flux.content() == before
    assert "apps/billing/secrets.yaml: a document of it is not a Secret (ConfigMap)" in said
    copies = {p.read_bytes() for p in (repository / "encrypted").rglob("*") if p.is_file()}
    assert {data for name, data in before.items() if b"\nsops:" in data} <= copies  # byte for byte
    assert CANARY not in "".join(p.read_text(errors="replace") for p in repository.rglob("*") if p.is_file())

    adopted(repository, flux)
    commit_all(repository)
    root = open_root(f"{tmp_path}/root.key", lambda _: None)
    repo = open_repository(repository)
    assert [str(f) for f in errors(run_check(repo, CommitFiles(repo, root))[1])] == []
    done = CliRunner().invoke(app, ["check", "--repo", str(repository)])
    assert done.exit_code == 0, done.output

    (tmp_path / "sim").mkdir()
    platform = SimulatedPlatform(tmp_path / "sim", repository)
    platform.up()
    world = platform.world()
    assert {s.name for s in world.intent.handovers} == set(named(world.ledger.read(), RecordType.RETIRED))
    for (namespace, name), (kind, values) in flux.expected.items():
        live = platform.cluster.get(Ref("v1", "Secret", name, namespace))
        assert live is not None, (namespace, name)
        assert live["type"] == kind
        assert {key: value.reveal() for key, value in live["data"].items()} == values
    assert not [p for p in prove(world, deep=True) if p.ok is not True]
    platform.cluster.mutations.clear()
    assert platform.up().epoch == 0
    assert platform.cluster.mutations == []


def test_without_a_key_all_but_the_bytes_is_known_and_check_names_those(
    repository: Path, flux: Flux, tmp_path: Path
) -> None:
    imported(repository, flux)
    entries = list(yaml.safe_load_all((repository / "secrets/imported.yaml").read_text()))
    consumers = {
        (c["namespace"], c["secret"]): c.get("type", "Opaque")
        for e in entries
        for c in e["spec"]["consumers"]
    }
    assert consumers == {key: kind for key, (kind, _) in flux.expected.items()}
    adopted(repository, flux)
    commit_all(repository)
    repo = open_repository(repository)
    files = CommitFiles(repo, open_root(f"{tmp_path}/root.key", lambda _: None))
    (wrong,) = errors(run_check(repo, files)[1])
    assert (wrong.id, wrong.hint) == ("E_BINARY", "write source.encoding: base64")
    assert "shop-shop-db" in wrong.message


def test_a_tree_of_another_key_is_sealed_anew_secret_by_secret(
    repository: Path, gpg: Gpg, tmp_path: Path
) -> None:
    """Opened with Flux's OpenPGP key; each Secret gets a file of its own, for the root of this repository."""
    from bootstrap.adapters.age import root as age

    for fingerprint in gpg.fingerprints():
        gpg("--yes", "--delete-secret-and-public-key", fingerprint)
    flux = flux_tree(tmp_path / "fleet", age.generate().recipients[0], gpg, CANARY)
    key = tmp_path / "flux.asc"
    key.write_bytes(gpg.secret(flux.fingerprint))
    key.chmod(0o600)
    imported(repository, flux, "--root", f"file:{key}")
    adopted(repository, flux)
    commit_all(repository)
    repo = open_repository(repository)
    files = CommitFiles(repo, open_root(f"{tmp_path}/root.key", lambda _: None))
    assert [str(f) for f in errors(run_check(repo, files)[1])] == []
    encoded = base64.b64encode(CANARY.encode()).decode()[:12]
    for path in repository.rglob("*"):
        if path.is_file():
            text = path.read_text(errors="replace")
            assert CANARY not in text
            assert encoded not in text
    assert len(list((repository / "encrypted").glob("*.secret.sops.yaml"))) == len(flux.expected) + 1
