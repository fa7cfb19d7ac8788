"""A controller that applies a commit as Flux and Argo CD do: kustomize's lists and patches, an inventory, pruning.

It stands in for the real controllers, and knows of kustomize what the tests use: resources, generators of KSOPS,
`namespace`, and patches with a target. What it deletes it deletes by the annotation of the live object.
"""

import posixpath
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

KEEPS = {
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "argocd.argoproj.io/sync-options": "Prune=false",
}
Place = tuple[str, str]


@dataclass
class Applier:
    """``live`` are Secrets by namespace and name; ``deleted`` every one that was ever deleted."""

    repository: Path
    folders: tuple[str, ...]
    live: dict[Place, dict[str, Any]] = field(default_factory=dict)
    deleted: list[Place] = field(default_factory=list)
    _inventory: set[Place] = field(default_factory=set)

    def apply(self, rev: str) -> set[Place]:
        made = {_place(obj): obj for folder in self.folders for obj in self._build(rev, folder)}
        for place, obj in made.items():
            known = self.live.setdefault(place, obj)
            known["metadata"].setdefault("annotations", {}).update(obj["metadata"].get("annotations", {}))
        for place in self._inventory - made.keys():
            marks = self.live[place]["metadata"].get("annotations", {})
            if not any(marks.get(name) == value for name, value in KEEPS.items()):
                del self.live[place]
                self.deleted.append(place)
        self._inventory = set(made)
        return set(made)

    def _read(self, rev: str, path: str) -> list[dict[str, Any]]:
        words = ["git", "-C", str(self.repository), "show", f"{rev}:{path}"]
        text = subprocess.run(words, capture_output=True, check=True).stdout
        return [each for each in yaml.safe_load_all(text) if each]

    def _build(self, rev: str, folder: str) -> list[dict[str, Any]]:
        (content,) = self._read(rev, f"{folder}/kustomization.yaml")
        assert any(content.get(name) for name in ("resources", "generators", "patches")), "empty"
        found: list[dict[str, Any]] = []
        names = [*content.get("resources", ())]
        for generator in content.get("generators", ()):
            names += self._read(rev, f"{folder}/{generator}")[0]["files"]
        for name in names:
            path = posixpath.normpath(f"{folder}/{name}")
            if name.endswith(".yaml"):
                found += [obj for obj in self._read(rev, path) if obj["kind"] == "Secret"]
            else:
                found += self._build(rev, path)
        for patch in content.get("patches", ()):
            for obj in found:
                if re.fullmatch(patch["target"]["name"], obj["metadata"]["name"]):
                    inner = yaml.safe_load(patch["patch"])["metadata"]["annotations"]
                    obj["metadata"].setdefault("annotations", {}).update(inner)
        if content.get("namespace"):
            for obj in found:
                obj["metadata"]["namespace"] = content["namespace"]
        return found


def _place(obj: dict[str, Any]) -> Place:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
