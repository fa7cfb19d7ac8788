"""What lies in a lab's folder before its cluster begins, and what its nodes are handed after."""

import shutil
import tempfile
from pathlib import Path

from bootstrap.lab import digests, images, servers
from bootstrap.lab.build import kept
from bootstrap.lab.encryption import encryption_at_rest
from bootstrap.lab.kind import config, node_store
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.kind.nodes import Node
from bootstrap.lab.kind.source import Source
from bootstrap.lab.ports import OnEvent
from bootstrap.lab.resources import folder
from bootstrap.lab.state import Lab
from bootstrap.lab.store import copy

_CRDS = "crds.yaml"
_IMAGES = ("ctr", "--namespace", "k8s.io", "images")


def furnish(docker: Docker, lab: Lab, source: Source, workers: int, cache: Path, on_event: OnEvent) -> None:
    """Folders of all nodes, the audit policy, the key that encrypts etcd, kubectl, manifests."""
    for node in range(workers + 1):
        for path in config.parts(lab, node):
            path.mkdir(parents=True, exist_ok=True)
    (lab.state / "audit").chmod(0o700)
    policy = folder("playbooks") / "files" / "config" / "audit-policy.yaml"
    shutil.copyfile(policy, lab.state / "config" / policy.name)
    encryption_at_rest(lab.state / "config" / "encryption.yaml")
    crds = lab.manifests / "external-secrets" / _CRDS
    crds.parent.mkdir(parents=True, exist_ok=True)
    made = source.entries.get(servers.EXTERNAL_SECRETS.name)
    digests.write(lab.manifests, source.digests)
    crds.write_bytes((made / _CRDS).read_bytes() if made else kept(servers.EXTERNAL_SECRETS, _CRDS))
    if source.pulled is None:
        images.place(source.entries["kubernetes"] / "kubectl", lab.state / "bin" / "kubectl")
        ready = node_store.prepared(docker, source.node, source.archives.values(), cache, on_event)
        for node in range(workers + 1):
            copy(ready, config.store(lab, node))


def hand_over(docker: Docker, lab: Lab, source: Source, nodes: list[Node]) -> None:
    """For nodes whose image was pulled: the platform's images into them, and their kubectl out of them."""
    (lab.state / "bin").mkdir(exist_ok=True)
    docker.run("cp", f"{nodes[0].name}:/usr/bin/kubectl", str(lab.state / "bin" / "kubectl"))
    for path in source.archives.values():
        _import(docker, nodes, path)
    with tempfile.TemporaryDirectory(dir=lab.state) as temporary:
        for pin in source.pulled.platform if source.pulled else ():
            archive = Path(temporary) / "image.tar"
            docker.run("save", "--output", str(archive), pin.name)
            _import(docker, nodes, archive)
            for node in nodes:
                name = digests.reference(pin.name, pin.digest)
                docker.run("exec", node.name, *_IMAGES, "tag", "--force", pin.name, name)


def _import(docker: Docker, nodes: list[Node], archive: Path) -> None:
    for node in nodes:
        docker.run("exec", "--interactive", node.name, *_IMAGES, "import", "-", stdin=archive)
