"""GitOps lets go of what Vault owns: by an applier that behaves like the controllers, no Secret is ever deleted."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli.app import app
from bootstrap.operations.importing.takeover import KEEP, REMOVE, with_patches, without
from tests.simulator.platform import scaffolded
from tests.support.appliers import Applier
from tests.support.fleets import CANARY, PLACES, fleet
from tests.support.program import commit_all
from tests.support.team_tree import wrapped


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=True).stdout.decode()


def call(*words: str) -> str:
    done = CliRunner().invoke(app, ["import", *words])
    assert done.exit_code == 0, (done.output, done.exception)
    assert CANARY not in done.output
    return done.output


@pytest.mark.parametrize("controller", ["flux", "argocd"])
def test_h3_no_consumer_is_ever_without_its_secret(tmp_path: Path, controller: str) -> None:
    repository = scaffolded(tmp_path)
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    folder = fleet(tmp_path / "fleet", controller, (recipient,))
    key = ("--repo", str(repository), "--root", f"file:{tmp_path}/root.key")
    call(str(folder), *key, "--owner", "team")
    entries = list(yaml.safe_load_all((repository / "secrets/imported.yaml").read_text()))
    made = {(c["namespace"], c["secret"]) for e in entries for c in e["spec"]["consumers"]}
    assert made == PLACES
    head = git(folder, "rev-parse", "HEAD")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and ".git/" not in str(p)}
    said = call(str(folder), *key, "--takeover", controller)
    assert "by hand" not in said
    assert f"merge {KEEP}, let the controller apply it, then merge {REMOVE}" in said
    assert {p: p.read_bytes() for p in before} == before
    assert (git(folder, "rev-parse", "HEAD"), git(folder, "status", "--porcelain")) == (head, "")

    applier = Applier(folder, ("apps/shop", "apps/billing"))
    assert applier.apply("HEAD") == PLACES
    assert applier.apply(KEEP) == PLACES
    assert applier.apply(REMOVE) == set()
    assert (applier.deleted, set(applier.live)) == ([], PLACES)

    # Without the first commit each of them would be gone: what the two steps are for.
    hasty = Applier(folder, ("apps/shop", "apps/billing"))
    hasty.apply("HEAD")
    hasty.apply(REMOVE)
    assert set(hasty.deleted) == PLACES

    # A second call leaves the branches that people review alone.
    again = CliRunner().invoke(app, ["import", str(folder), *key, "--takeover", controller])
    assert "there is a branch" in str(again.exception)


def test_comments_and_order_stay(tmp_path: Path) -> None:
    repository = scaffolded(tmp_path)
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    folder = fleet(tmp_path / "fleet", "flux", (recipient,))
    key = ("--repo", str(repository), "--root", f"file:{tmp_path}/root.key")
    call(str(folder), *key, "--owner", "team")
    found = json.loads(call(str(folder), *key, "--takeover", "flux", "-o", "json"))
    assert found == {"secrets": 5, "branches": [KEEP, REMOVE], "byHand": []}
    text = git(folder, "show", f"{REMOVE}:apps/shop/kustomization.yaml")
    assert "namespace: shop # of the team\n" in text
    assert "  # the two\n" in text
    assert yaml.safe_load(text)["resources"] == ["../../common/registry"]


def test_a_file_with_a_secret_that_stays_is_left_to_a_person(tmp_path: Path) -> None:
    repository = scaffolded(tmp_path)
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    folder = fleet(tmp_path / "fleet", "flux", (recipient,))
    key = ("--repo", str(repository), "--root", f"file:{tmp_path}/root.key")
    call(str(folder), *key, "--owner", "team")
    catalog = repository / "secrets/imported.yaml"
    entries = catalog.read_text().replace("- {namespace: billing, secret: pull}", "")
    catalog.write_text(entries)
    said = call(str(folder), *key, "--takeover", "flux")
    assert (
        "common/registry/pull.sops.yaml: it also makes billing/pull, which the catalog does not have" in said
    )
    applier = Applier(folder, ("apps/shop", "apps/billing"))
    for rev in ("HEAD", KEEP):
        assert applier.apply(rev) == PLACES
    assert applier.apply(REMOVE) == {("shop", "pull"), ("billing", "pull")}
    assert applier.deleted == []


def test_a_secret_with_a_hash_in_its_name_is_let_go_and_not_kept(tmp_path: Path) -> None:
    """What ESO makes is called otherwise: a mark would only leave the old one behind for ever."""
    repository = scaffolded(tmp_path)
    recipient = (repository / "keys/root.txt").read_text().split()[-1]
    folder = fleet(tmp_path / "fleet", "flux", (recipient,))
    mark = {"annotations": {"kustomize.config.k8s.io/needs-hash": "true"}}
    tree = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", **mark},
        "stringData": {"a": CANARY},
    }
    sealed = encrypt_yaml(wrapped(tree), (recipient,), encrypted_regex="^stringData$")
    (folder / "apps/shop/db.sops.yaml").write_bytes(sealed)
    commit_all(folder)
    key = ("--repo", str(repository), "--root", f"file:{tmp_path}/root.key")
    assert "its name with a hash" in call(str(folder), *key, "--owner", "team")
    call(str(folder), *key, "--takeover", "flux")
    kept = git(folder, "show", f"{KEEP}:apps/shop/kustomization.yaml")
    assert "name: 'mail'" in kept
    assert "name: 'db'" not in kept
    removed = yaml.safe_load(git(folder, "show", f"{REMOVE}:apps/shop/kustomization.yaml"))
    assert removed["resources"] == ["../../common/registry"]


@pytest.mark.parametrize(
    "text",
    ["resources:\n- a.yaml\n- b.yaml\n", "resources: [a.yaml, b.yaml]\n", "resources: ['./a.yaml',b.yaml]\n",
     'resources:\n    - "a.yaml" # one\n    - b.yaml\n', "resources: [b.yaml, a.yaml]\nnamespace: x\n",
     "resources: [\n  a.yaml,\n  b.yaml,\n]\n"],
)  # fmt: skip
def test_an_entry_is_taken_out_of_any_list(text: str) -> None:
    made = without(text.encode(), "", "a.yaml")
    assert made is not None
    assert [Path(each).name for each in yaml.safe_load(made)["resources"]] == ["b.yaml"]
    last = without(made, "", "b.yaml")
    assert last is not None
    assert not yaml.safe_load(last)["resources"]
    assert without(text.encode(), "", "c.yaml") is None


def test_patches_are_added_to_those_that_are_there() -> None:
    for text in (
        "resources: []\n",
        "resources: []\npatches:\n- path: x.yaml\n",
        "patches:\n  - path: x.yaml\n",
    ):
        made = with_patches(text.encode(), ["a", "b"], "k", "v")
        assert made is not None
        patches = yaml.safe_load(made)["patches"]
        assert len([each for each in patches if "target" in each]) == 2
        assert with_patches(made, ["a", "b"], "k", "v") == made
    assert with_patches(b"patches: [{path: x}]\n", ["a"], "k", "v") is None
