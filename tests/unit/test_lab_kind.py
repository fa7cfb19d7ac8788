"""Labs of kind as far as no Docker is needed: pins, configuration, who makes which lab, and what is said before."""

import json
from pathlib import Path

import pytest

from bootstrap.lab import build, forecast, images, servers
from bootstrap.lab.build import key_of, quiet
from bootstrap.lab.kind import config, engine, registry
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.kind.requirements import require_all, require_number, require_workers
from bootstrap.lab.providers import chosen, describe, labs, preferred
from bootstrap.lab.resources import folder
from bootstrap.lab.state import Lab, allocate, require_durable
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError

DIGEST = "sha256:" + "7" * 64


class NoPlaybooks:
    def run(self, name: str, variables: object, on_event: object) -> None:
        raise AssertionError("no host work here")


def pins(folder: Path, node: object) -> Path:
    path = folder / "images.json"
    path.write_text(json.dumps({"node": node, "platform": []}))
    return path


def test_the_projects_own_images_are_pinned_by_digest_and_are_those_that_manifests_ask_for() -> None:
    own = registry.read()
    assert own.node.source.startswith("docker.io/kindest/node@sha256:")
    made = {image.name for image in images.of_the_platform()}
    assert {pin.name for pin in own.platform} <= made


def test_an_image_may_lie_in_another_repository(tmp_path: Path) -> None:
    entry = f"docker.io/kindest/node:v1.34.0@{DIGEST} from 127.0.0.1:5000/node"
    assert registry.read(pins(tmp_path, entry)).node == registry.Pin(
        "docker.io/kindest/node:v1.34.0", f"127.0.0.1:5000/node@{DIGEST}"
    )


@pytest.mark.parametrize(
    "node", ["kindest/node:v1.34.0", f"kindest/node@{DIGEST}", "", f"kindest/node:v1@{DIGEST[:-1]}", 7, None]
)
def test_an_image_without_tag_and_digest_is_refused(tmp_path: Path, node: object) -> None:
    with pytest.raises(BootstrapError) as caught:
        registry.read(pins(tmp_path, node))
    assert caught.value.code == "E_LAB_PINS"
    assert caught.value.where.endswith("images.json")


def test_no_file_of_pins_is_an_error_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="FileNotFoundError"):
        registry.read(tmp_path / "nowhere.json")


def test_every_node_has_folders_of_its_own(tmp_path: Path) -> None:
    lab = Lab("one", 0, tmp_path)
    written = json.loads(config.cluster(lab, "node:1", 2, pulled=False))
    assert [node["role"] for node in written["nodes"]] == ["control-plane", "worker", "worker"]
    mounts = [mount["hostPath"] for node in written["nodes"] for mount in node["extraMounts"]]
    assert len(set(mounts)) == len(mounts)
    assert all(path.startswith(f"{tmp_path}/one/") for path in mounts)


def test_a_pulled_node_keeps_the_images_that_lie_in_it(tmp_path: Path) -> None:
    lab = Lab("one", 0, tmp_path)
    made, pulled = (config.cluster(lab, "node:1", 0, pulled=pulled) for pulled in (False, True))
    assert "/var/lib/containerd" in made
    assert "imageTag" in made
    assert "/var/lib/containerd" not in pulled
    assert "imageTag" not in pulled
    assert "encryption-provider-config" in pulled


def test_a_lab_keeps_its_provider(tmp_path: Path) -> None:
    allocate("boxed", tmp_path)
    allocate("kindly", tmp_path).remember(provider="kind")
    assert chosen("boxed", None, tmp_path) == "local"
    assert chosen("kindly", None, tmp_path) == "kind"
    assert chosen("fresh", None, tmp_path) == "local"
    assert chosen("fresh", "kind", tmp_path) == "kind"
    with pytest.raises(PreconditionError, match="made by the provider kind"):
        chosen("kindly", "local", tmp_path)
    with pytest.raises(DefinitionError, match="no lab provider 'vm'"):
        chosen("fresh", "vm", tmp_path)


def test_a_local_lab_has_one_node() -> None:
    with pytest.raises(DefinitionError, match="one node") as caught:
        labs("no-such-lab", "local", NoPlaybooks(), quiet, workers=3)
    assert caught.value.code == "E_LAB_OPTION"


def test_an_etcd_waits_for_the_disk_where_that_is_asked_for(tmp_path: Path) -> None:
    lab = allocate("fast", tmp_path)
    waits = {
        durable: json.loads(config.cluster(lab, "node:1", 0, pulled=False, durable=durable))
        for durable in (False, True)
    }
    for durable, written in waits.items():
        patch = json.loads(written["kubeadmConfigPatches"][0])
        assert patch["etcd"]["local"]["extraArgs"]["unsafe-no-fsync"] == str(not durable).lower()
    require_durable(lab, wanted=True)  # not finished: it is started over
    (lab.state / "initialised").touch()
    require_durable(lab, wanted=False)
    with pytest.raises(PreconditionError, match="does not wait for the disk") as caught:
        require_durable(lab, wanted=True)
    assert caught.value.code == "E_LAB_OPTION"
    lab.remember(durable=True)
    require_durable(lab, wanted=True)


def test_a_number_of_nodes_is_held_against_the_lab(tmp_path: Path) -> None:
    for number in (-1, 9):
        with pytest.raises(DefinitionError):
            require_number(number)
    lab = allocate("three", tmp_path)
    lab.remember(workers=3)
    require_workers(lab, 5)  # not finished: it is started over
    (lab.state / "initialised").touch()
    require_workers(lab, None)
    require_workers(lab, 3)
    with pytest.raises(PreconditionError, match="has 3 workers"):
        require_workers(lab, 0)
    require_all(lab, 4)
    with pytest.raises(PreconditionError, match="Docker knows 3 of them"):
        require_all(lab, 3)


def test_what_is_said_before_names_what_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "chosen", engine.private)
    monkeypatch.setattr(build, "_toolchain", lambda: "a Go")
    cold = forecast.forecast("fresh", "kind", tmp_path, tmp_path)
    assert "private Docker" in cold
    assert "kubernetes, vault, external-secrets" in cold
    for server in (*servers.LAB, servers.KIND):
        (tmp_path / "servers" / f"{server.name}-{key_of(server)}").mkdir(parents=True)
    assert "all is at hand" in forecast.forecast("fresh", "kind", tmp_path, tmp_path)
    lab = allocate("made", tmp_path)
    (lab.state / "initialised").touch()
    assert "made before" in forecast.forecast("made", "local", tmp_path, tmp_path)


def test_a_local_lab_has_nothing_of_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine is looked for, kind is not built, and no package of Docker is among those of a node."""
    monkeypatch.setattr(Docker, "answers", lambda _self: pytest.fail("a local lab asks for Docker"))
    monkeypatch.setattr(build, "_toolchain", lambda: "a Go")
    assert chosen("fresh", None, tmp_path) == "local"
    assert forecast.forecast("fresh", "local", tmp_path, tmp_path).startswith("a node in a box: builds")
    assert {servers.KIND, servers.REGISTRY}.isdisjoint(servers.LAB)
    for server in servers.LAB:
        (tmp_path / "servers" / f"{server.name}-{key_of(server)}").mkdir(parents=True)
    assert "all is at hand" in forecast.forecast("fresh", "local", tmp_path, tmp_path)
    assert "docker" not in (folder("playbooks") / "lab-host.yaml").read_text()


def test_a_lab_of_the_version_before_is_local(tmp_path: Path) -> None:
    """Its file names no provider."""
    (tmp_path / "old").mkdir()
    known = {"index": 3, "name": "old", "kubernetes": "v1.34.1", "images": {"a:1": "a-0.tar"}}
    (tmp_path / "old" / "lab.json").write_text(json.dumps(known))
    (tmp_path / "old" / "initialised").touch()
    assert chosen("old", None, tmp_path) == preferred("old", tmp_path) == "local"
    assert "made before" in forecast.forecast("old", "local", tmp_path, tmp_path)
    shown = describe("old", home=tmp_path)
    assert (shown["provider"], shown["address"], shown["images"]) == ("local", "198.19.255.14", ["a:1"])


def test_a_process_is_the_engines_by_what_it_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PLACE", Path("/run/bootstrap-lab-docker"))
    pidfile = tmp_path / "docker.pid"
    assert engine._alive(pidfile) is None
    for content in ("", "none", "1", "4194305"):  # 1 runs, and is somebody else's
        pidfile.write_text(content)
        assert engine._alive(pidfile) is None
