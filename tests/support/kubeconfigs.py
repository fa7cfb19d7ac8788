"""Kubeconfigs for tests, with and without an exec plugin, and a refusal that shows no value of them."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.model.errors import PreconditionError

CANARY = "canary-5f1e77"
BASE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "users": [{"name": "u", "user": {"token": CANARY}}],
    "contexts": [
        {"name": "one", "context": {"cluster": "c", "user": "u"}},
        {"name": "two", "context": {"cluster": "c", "user": "u"}},
    ],
    "current-context": "one",
}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({**copy.deepcopy(BASE), **changes}))
    return path


def refused(code: str, path: Path | None, context: str = "") -> PreconditionError:
    with pytest.raises(PreconditionError) as caught:
        load_kubeconfig(path, context)
    assert caught.value.code == code, caught.value.message
    assert CANARY not in caught.value.message + caught.value.hint + caught.value.where
    assert caught.value.exit_code == 4
    return caught.value


def user(**entry: Any) -> dict[str, Any]:
    return {"users": [{"name": "u", "user": entry}]}


def cluster(**entry: Any) -> dict[str, Any]:
    return {"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443", **entry}}]}


def plugin(folder: Path, script: str, **more: Any) -> Path:
    (folder / "plugin.sh").write_text("#!/bin/sh\n" + script)
    (folder / "plugin.sh").chmod(0o700)
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin.sh", **more}
    return write(folder, **user(exec=entry))


ANSWER = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"%s}}'
