"""A Flux tree of the real `sops` on a real cluster: `import`, `check`, `up`, and its Secrets are there again (INV1).

The cluster is empty: it was lost, and the tree is what the team has.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform, make_platform
from tests.support.flux import Flux, adopted, flux_tree
from tests.support.program import commit_all, run_bootstrap, said
from tests.support.real_sops import gpg_home

pytestmark = [pytest.mark.lab, pytest.mark.whole]
CANARY = "canary-2be7d5"


@dataclass(frozen=True)
class Imported:
    platform: Platform
    flux: Flux
    before: dict[str, bytes]


@pytest.fixture(scope="module")
def imported(lab: Lab, empty_cluster: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    """The whole way, by the real commands."""
    folder = tmp_path_factory.mktemp("flux")
    platform = make_platform(folder, lab)
    recipient = (platform.folder / "keys/root.txt").read_text().split()[-1]
    with gpg_home() as gpg:
        flux = flux_tree(folder / "fleet", recipient, gpg, CANARY)
    before = flux.content()
    root = f"file:{platform.root_key}"
    done = run_bootstrap(
        "import", flux.folder, "--repo", platform.folder, "--root", root, "--non-interactive"
    )
    assert done.returncode == 0, said(done)
    adopted(platform.folder, flux)
    commit_all(platform.folder)
    done = run_bootstrap("check", "--repo", platform.folder, "--root", root, "--non-interactive")
    assert done.returncode == 0, said(done)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert CANARY not in done.stdout + done.stderr
    yield Imported(platform, flux, before)


def test_inv1_every_secret_of_the_tree_is_there_with_its_type_and_bytes(
    imported: Imported, empty_cluster: Kube
) -> None:
    for (namespace, name), (kind, values) in imported.flux.expected.items():
        live = empty_cluster.need("secret", name, namespace)
        assert live["type"] == kind, (namespace, name)
        assert {key: base64.b64decode(text) for key, text in live["data"].items()} == values, (
            namespace,
            name,
        )
        owner = live["metadata"]["ownerReferences"][0]
        assert owner["kind"] == "ExternalSecret"


def test_the_tree_is_as_it_was_and_its_files_are_those_of_the_repository(imported: Imported) -> None:
    assert imported.flux.content() == imported.before
    encrypted = imported.platform.folder / "encrypted"
    copies = {path.read_bytes() for path in encrypted.rglob("*") if path.is_file()}
    sealed = {data for data in imported.before.values() if b"\nsops:" in data}
    assert len(sealed) == 4
    assert sealed <= copies


def test_inv1_a_second_up_changes_nothing_and_every_proof_is_good(imported: Imported) -> None:
    done = run_bootstrap("up", *imported.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert "nothing to do" in done.stdout
    done = run_bootstrap("verify", *imported.platform.to_cluster())
    assert done.returncode == 0, said(done)


def test_inv5_a_deleted_secret_comes_back_from_vault(imported: Imported, empty_cluster: Kube) -> None:
    before = empty_cluster.need("secret", "registry", "shop")
    empty_cluster.run("delete", "secret", "registry", "-n", "shop")
    empty_cluster.run("wait", "--for=create", "secret/registry", "-n", "shop", "--timeout=60s")
    after = empty_cluster.need("secret", "registry", "shop")
    assert (after["type"], after["data"]) == (before["type"], before["data"])
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def test_b1_no_value_of_the_tree_is_on_the_disk_of_the_repository(imported: Imported) -> None:
    for path in Path(imported.platform.folder).rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
