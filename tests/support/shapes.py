"""Trees in the layout of public GitOps repositories, with values of their own, sealed by the real `sops`.

A shape (`shapes/*.json`) has each encrypted file's path, rule and documents, and the kustomizations around
them; no value of anybody is in it.
"""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bootstrap.intent.encryption_forms import form_of
from tests.support.real_sops import real_tools, run

FOLDER = Path(__file__).parent / "shapes"


SHAPES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    folder: Path
    values: Mapping[str, list[str]]  # by file: every value that was sealed
    documents: Mapping[str, list[dict[str, Any]]]  # by file: as they were before


def built(name: str, folder: Path, recipient: str, canary: str) -> Shape:
    """The tree below ``folder``: encrypted to ``recipient``, with ``canary`` in each sealed text."""
    shape = json.loads((FOLDER / f"{name}.json").read_text())
    values: dict[str, list[str]] = {}
    documents: dict[str, list[dict[str, Any]]] = {}
    jobs: list[tuple[str, str, Mapping[str, Any]]] = []
    for file in shape["encrypted"]:
        path, found = file["path"], values.setdefault(file["path"], [])
        if isinstance(file["documents"], str):
            text = f"TOKEN={canary}-env\n" if path.endswith(".env") else f"token = {canary}\n"
            jobs.append((path, text, {}))
            continue
        documents[path] = [_filled(d, canary, found, (str(n),)) for n, d in enumerate(file["documents"])]
        jobs.append((path, yaml.safe_dump_all(documents[path], sort_keys=False), file["rule"]))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: _seal(folder / job[0], job[1], job[2], recipient), jobs))
    for path, text in _glue(shape["glue"]).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return Shape(folder=folder, values=values, documents=documents)


def _filled(node: Any, canary: str, values: list[str], place: tuple[str, ...]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(each, canary, values, (*place, key)) for key, each in node.items()}
    if isinstance(node, list):
        return [_filled(each, canary, values, (*place, str(n))) for n, each in enumerate(node)]
    if isinstance(node, str) and node.startswith("sealed:"):
        if node == "sealed:int":
            return 4711
        if node == "sealed:bool":
            return True
        value = f"{canary}-{'-'.join(place)}"
        if place[1:2] == ("data",):
            import base64

            value = base64.b64encode(value.encode()).decode()
        if ".dockerconfigjson" in place and place[1:2] == ("stringData",):
            value = json.dumps({"auths": {"registry.example": {"auth": canary}}})
        values.append(value)
        return value
    return {"NoneType": None, "str": "text", "...": "text", "int": 5, "bool": True}.get(node, node)


def _seal(path: Path, text: str, rule: Mapping[str, Any], recipient: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    form = form_of(path.name)
    config = path.with_name(f"{path.name}.config")
    config.write_text(json.dumps({"creation_rules": [{"age": recipient, **rule}]}))
    words = ("--config", str(config), "encrypt", "--input-type", form, "--output-type", form, "/dev/stdin")
    path.write_bytes(run(real_tools()["sops"], *words, given=text.encode()))
    config.unlink()


def _glue(glue: list[dict[str, Any]]) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for each in glue:
        found.setdefault(each["path"], []).append(yaml.safe_dump(dict(_one(each)), sort_keys=False))
    return {path: "---\n".join(texts) for path, texts in found.items()}


def _one(glue: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if flux := glue.get("flux"):
        spec = {
            key: flux[key]
            for key in ("path", "targetNamespace", "prune", "components", "decryption")
            if key in flux
        }
        if flux.get("substituteFrom"):
            spec["postBuild"] = {
                "substituteFrom": [{"kind": "Secret", "name": n} for n in flux["substituteFrom"]]
            }
        yield "apiVersion", "kustomize.toolkit.fluxcd.io/v1"
        yield "kind", "Kustomization"
        yield "metadata", {"name": flux["name"], "namespace": "flux-system"}
        yield "spec", spec
        return
    yield "apiVersion", "kustomize.config.k8s.io/v1beta1"
    yield "kind", "Kustomization"
    yield from ((key, value) for key, value in glue.items() if key != "path")
