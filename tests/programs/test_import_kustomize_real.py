"""`import` and the real kustomize of `kubectl`: the same names, namespaces, types, labels and values (INV1)."""

import base64
from pathlib import Path
from typing import Any

import yaml

from bootstrap.adapters.age import root as age
from bootstrap.adapters.sops.reader import read_sops
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import Found
from tests.support.real_kustomize import secrets_of
from tests.support.team_tree import KUSTOMIZE, Tree

ROOT = age.generate()
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
A = {"kind": "Secret", "name": "a"}


def values(obj: dict[str, Any]) -> dict[str, bytes]:
    found = {name: base64.b64decode(text) for name, text in (obj.get("data") or {}).items()}
    return found | {name: text.encode() for name, text in (obj.get("stringData") or {}).items()}


def of_entry(entry: Found) -> dict[str, bytes]:
    assert entry.copied is not None
    tree = read_sops(entry.copied, ROOT, entry.file).tree["stringData"]
    assert isinstance(tree, dict)
    return {name: text.reveal() for name, text in tree.items() if isinstance(text, Sensitive)}


def test_what_is_taken_is_what_kustomize_makes(tmp_path: Path) -> None:
    """Every way of changing a name, a namespace or a mark at once, and beside it patched values."""
    tree = Tree(tmp_path / "tree", ROOT)
    tree.flux("clusters/one.yaml", "one", "./apps/one")
    patches = [
        {
            "target": A,
            "patch": '[{"op": "add", "path": "/metadata/annotations", "value": {"example.org/x": "y"}}]',
        },
        {
            "target": {"kind": "Secret", "labelSelector": "part in (front)"},
            "patch": marked(labels={"part": "back"}),
        },
        {"target": {"kind": "Secret", "name": "base-(b|c)"}, "patch": marked(labels={"named": "now"})},
        {
            "target": {"kind": "Secret", "name": "d"},
            "patch": "- {op: add, path: /stringData/more, value: x}\n",
        },
        {"patch": f"$patch: delete\n{marked('base-e')}"},
    ]
    top = {"namespace": "shop", "namePrefix": "top-", "resources": ["../base"], "patches": patches}
    top |= {"components": ["../../components/c"], "labels": [{"pairs": {"team": "shop"}}]}
    tree.write("apps/one/kustomization.yaml", KUSTOMIZE + yaml.safe_dump(top))
    names = ["a", "b", "c", "d", "e"]
    base = {"namePrefix": "base-", "nameSuffix": "-x", "commonAnnotations": {"by": "base"}}
    base["resources"] = [f"{name}.yaml" for name in names]
    tree.write("apps/base/kustomization.yaml", KUSTOMIZE + yaml.safe_dump(base))
    for name in names:
        labels = {"labels": {"part": "front"}} if name == "c" else {}
        kind = {"type": "kubernetes.io/basic-auth"} if name == "b" else {}
        tree.seal(f"apps/base/{name}.yaml", name, {"password": f"value of {name}"}, metadata=labels, **kind)
    part = {"resources": ["f.yaml"], "nameSuffix": "-c", "commonLabels": {"by": "component"}}
    tree.write("components/c/kustomization.yaml", COMPONENT + yaml.safe_dump(part))
    tree.seal("components/c/f.yaml", "f")
    made = secrets_of(tree.folder, ROOT, tmp_path / "clear", "apps/one")
    found = tree.findings()
    taken = {entry.consumers[0].secret: entry for entry in found.found}
    patched = {each.where.rsplit(" ", 1)[1] for each in found.left if "patch" in each.why}
    assert patched == {"d", "e"}
    assert set(taken) == set(made) - {"top-base-d-x-c"}
    for name, entry in taken.items():
        (consumer,) = entry.consumers
        meta = made[name]["metadata"]
        assert (consumer.namespace, consumer.type) == (meta["namespace"], made[name].get("type", "Opaque"))
        assert consumer.labels == meta.get("labels", {}), name
        assert consumer.annotations == meta.get("annotations", {}), name
        assert of_entry(entry) == values(made[name]), name


def marked(name: str = "any", **metadata: Any) -> str:
    meta = {"name": name, **metadata}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
