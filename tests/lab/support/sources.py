"""What an intent repository holds, read without one line of the program: pyrage, AES-GCM and PyYAML alone."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LEAF = re.compile(r"ENC\[AES256_GCM,data:(.*),iv:(.+),tag:(.+),type:str\]", re.DOTALL)


@dataclass(frozen=True)
class Sources:
    """A repository's catalog as plain YAML, and its encrypted files opened with the root key."""

    folder: Path
    root_key: Path

    @property
    def identity(self) -> str:
        return next(line for line in self.root_key.read_text().splitlines() if line.startswith("AGE-SECRET"))

    def documents(self, kind: str) -> Iterator[dict[str, Any]]:
        for path in sorted((self.folder / "secrets").glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                if document and document["kind"] == kind:
                    yield document

    def secrets(self) -> dict[str, dict[str, Any]]:
        """Name to ``spec`` of each entry that is handed over."""
        found = {d["metadata"]["name"]: d["spec"] for d in self.documents("Secret")}
        return {n: s for n, s in found.items() if s["class"] in ("bootstrap", "runtime") and "source" in s}

    def internals(self) -> dict[str, dict[str, Any]]:
        return {d["metadata"]["name"]: d["spec"] for d in self.documents("InternalSecret")}

    def open_raw(self, path: str) -> bytes:
        ciphertext = (self.folder / path).read_bytes()
        opened: bytes = pyrage.decrypt(ciphertext, [pyrage.x25519.Identity.from_str(self.identity)])
        return opened

    def open_sops(self, path: str) -> dict[str, Any]:
        tree = yaml.safe_load((self.folder / path).read_text())
        wrapped = tree.pop("sops")["age"][0]["enc"].encode()
        key = pyrage.decrypt(wrapped, [pyrage.x25519.Identity.from_str(self.identity)])
        opened: dict[str, Any] = _opened(tree, AESGCM(key), "")
        return opened

    def values(self, spec: dict[str, Any]) -> dict[str, bytes]:
        """Field to bytes, as the catalog's reference says."""
        source = spec["source"]
        single = source.get("field", "value")
        if source["file"].endswith(".age"):
            return {single: self.open_raw(source["file"])}
        found: Any = self.open_sops(source["file"])
        if "key" not in source:
            plain = {name: value.encode() for name, value in found.get("stringData", {}).items()}
            return plain | {n: base64.b64decode(v) for n, v in found.get("data", {}).items()}
        for part in source["key"].split("."):
            found = found[part]
        return (
            {n: v.encode() for n, v in found.items()} if isinstance(found, dict) else {single: found.encode()}
        )

    def generated(self, spec: dict[str, Any]) -> set[str]:
        """Fields that are made anew at handover."""
        handover = spec.get("handover", {})
        if handover.get("renew") != "generate":
            return set()
        return set(handover.get("fields") or self.values(spec))

    def in_vault(self, spec: dict[str, Any]) -> dict[str, str]:
        """Field to the string that Vault must hold, of the fields that are not made anew."""
        encode = spec["source"].get("encoding") == "base64"
        kept = {n: v for n, v in self.values(spec).items() if n not in self.generated(spec)}
        return {n: base64.b64encode(v).decode() if encode else v.decode() for n, v in kept.items()}

    def namespaces(self) -> set[str]:
        """Every namespace that the catalog names."""
        found = set()
        for document in [*self.documents("Secret"), *self.documents("InternalSecret")]:
            spec = document["spec"]
            found |= {c["namespace"] for c in spec.get("consumers", [])}
            found |= {spec["scaffold"]["namespace"]} if "scaffold" in spec else set()
        return found


def _opened(tree: Any, cipher: AESGCM, path: str) -> Any:
    if isinstance(tree, dict):
        return {name: _opened(value, cipher, f"{path}{name}:") for name, value in tree.items()}
    match = LEAF.fullmatch(tree) if isinstance(tree, str) else None
    if match is None:
        return tree
    data, nonce, tag = (base64.b64decode(part) for part in match.groups())
    return cipher.decrypt(nonce, data + tag, path.encode()).decode()
