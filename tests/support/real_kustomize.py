"""What the real kustomize, as `kubectl` has it, makes of a folder whose sealed files we have opened."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.adapters.sops.reader import read_sops
from bootstrap.lab.build import CACHE, binaries, key_of
from bootstrap.lab.servers import KUBERNETES
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened, RootKey
from tests.support.real_sops import run


def kubectl() -> Path:
    """That of the lab. It takes half an hour to build, so it is not built for this alone."""
    there = (CACHE / "servers" / f"kubernetes-{key_of(KUBERNETES)}").is_dir()
    if not there and os.environ.get("CI") != "true":
        pytest.skip("kubectl is built with the servers of a lab, which are not here")
    return binaries("kubectl")["kubectl"]


def secrets_of(folder: Path, root: RootKey, opened: Path, inner: str) -> dict[str, dict[str, Any]]:
    """By name, each Secret that kustomize makes of ``inner``; ``opened`` is a new folder for the tree in the clear."""
    program = kubectl()
    for path in (each for each in folder.rglob("*") if each.is_file()):
        target = opened / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        if b"ENC[AES256_GCM" in content:
            documents = read_sops(content, root, path.name).documents
            content = yaml.safe_dump_all([_text(each) for each in documents]).encode()
        target.write_bytes(content)
    made = run(program, "kustomize", str(opened / inner), "--load-restrictor", "LoadRestrictionsNone")
    found = [each for each in yaml.safe_load_all(made) if each and each["kind"] == "Secret"]
    return {each["metadata"]["name"]: each for each in found}


def _text(node: Opened) -> Any:
    if isinstance(node, Sensitive):
        return node.reveal().decode()
    return {name: _text(each) for name, each in node.items()}
