"""Every parser of what comes from outside, each with a good file for it and with how its files are spoilt."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.age import root as age
from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.adapters.root.root_key import parse_root
from bootstrap.adapters.sops.reader import open_sops, parsed
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.adapters.vault.response import answer_of
from bootstrap.intent.ciphertext_structure import fault
from bootstrap.intent.contents import in_clear
from bootstrap.intent.encryption_forms import Form
from bootstrap.intent.hcl import read_policy
from bootstrap.intent.load import examine
from bootstrap.intent.manifests import parse_manifests
from bootstrap.ledger.bundle import show_bundle, verify_bundle
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import Findings, Options, from_text
from bootstrap.operations.importing.takeover import with_patches, without
from bootstrap.operations.rekey.recipients import readers_of
from tests.fuzz.git_bytes import PACK, open_spoilt, unpacked
from tests.support.intent_fake import MATERIAL, PLATFORM, SECRET, changed
from tests.support.kubeconfigs import BASE
from tests.support.ledger_facts import Key, bundle

ROOT = age.generate()
POLICY = b'path "secret/data/a/*" { # c\n  capabilities = ["read", "list"]\n}\n'
ANSWER = b'{"request_id":"r","data":{"data":{"a":"b"},"metadata":{}},"auth":{"client_token":"t"},"errors":[]}'
MANIFEST = b"kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {a: YQ==}\n"
ENCODED = b"kind: Secret\ndata: {a: LS0tLS1CRUdJTiBQUklWQVRF}\n"
SOPS = encrypt_yaml({"a": Sensitive(b"v"), "b": {"c": Sensitive(b"w")}}, ROOT.recipients)
SEALED = SOPS.replace(b"\nsops:", b"\nsession: in the clear\nsops:")
AGE = age.encrypt(ROOT.recipients, Sensitive(b"value"))
_VALUE = b"ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]"
DOTENV = (
    b"# c\nA=%b\nsops_age__list_0__map_recipient=age1x\nsops_age__list_0__map_enc=-----BEGIN\\nAGE\n"
    b"sops_shamir_threshold=1\nsops_mac=%b\nsops_lastmodified=2026-01-01T00:00:00Z\nsops_version=3.9.0\n"
    % (_VALUE, _VALUE)
)
INI = b"[a]\nb = %b\n[sops]\nage__list_0__map_enc = x\nage__list_0__map_recipient = y\nmac = %b\n" % (
    _VALUE,
    _VALUE,
)
KEYS = {"ledger.pub": Key().pem}
TREE, BYTES = "tree", "bytes"


@dataclass(frozen=True)
class Parser:
    """``of`` says whether the good file is a tree whose nodes may be exchanged; ``long`` ones get more time where all
    is tried, and ``inputs`` is how many are tried by default."""

    good: bytes
    parse: Callable[[bytes], object]
    of: str = BYTES
    long: bool = False
    inputs: int = 300

    def attempt(self, data: bytes) -> None:
        """A value, or an error of ours with a code."""
        try:
            self.parse(data)
        except BootstrapError as error:
            assert error.code.startswith("E_"), error


def _kubeconfig(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        load_kubeconfig(Path(file.name))


def _sops(data: bytes) -> None:
    for form, end in ((Form.YAML, "yaml"), (Form.JSON, "json")):
        try:
            open_sops(data, ROOT, f"x.sops.{end}", form)
        except BootstrapError:
            continue


def _flat(form: Form) -> Callable[[bytes], object]:
    def parse(data: bytes) -> None:
        parsed(data, "x.env", form)
        open_sops(data, ROOT, "x.env", form)

    return parse


def _bundle(data: bytes) -> None:
    for read in (show_bundle, lambda d: verify_bundle(d, KEYS)):
        try:
            read(data)
        except BootstrapError:
            continue


def _edited(data: bytes) -> None:
    """A kustomization of any content: edited, or left alone."""
    with_patches(data, ["a"], "k", "v")
    without(data, "", "a.yaml")


def _catalog(file: str) -> Callable[[bytes], object]:
    return lambda data: examine(changed({file: data}))


PARSERS: dict[str, Parser] = {
    "catalog": Parser(SECRET.encode(), _catalog("secrets/web.yaml"), TREE, long=True),
    "entries": Parser(MATERIAL.encode(), _catalog("secrets/material.yaml")),
    "platform": Parser(PLATFORM.encode(), _catalog("bootstrap.yaml"), TREE),
    "sops": Parser(SOPS, _sops, TREE, long=True),
    "sops-json": Parser(b'{"a": "b", "sops": {"age": []}}', _sops, TREE),
    "dotenv": Parser(DOTENV, _flat(Form.DOTENV), long=True),
    "ini": Parser(INI, _flat(Form.INI), long=True),
    "policy": Parser(POLICY, lambda data: read_policy("vault/p.hcl", data), long=True),
    "git": Parser(b"\0" * 64, open_spoilt, long=True, inputs=60),
    "pack": Parser(PACK, unpacked, long=True),
    "kubeconfig": Parser(json.dumps(BASE).encode(), _kubeconfig, TREE, long=True),
    "ledger": Parser(bundle(), _bundle, TREE, long=True),
    "manifest": Parser(MANIFEST, lambda data: parse_manifests("m.yaml", data), TREE),
    "contents": Parser(ENCODED, lambda data: list(in_clear("m.yaml", data))),
    "age": Parser(AGE, lambda data: ROOT.unwrap(data, "x.age")),
    "root": Parser(ROOT.export().reveal(), lambda data: parse_root(Sensitive(data), lambda _: None)),
    "sealed": Parser(SEALED, _catalog("encrypted/web.sops.yaml"), TREE),
    "import": Parser(MANIFEST, lambda data: from_text("m.yaml", data, Findings(), Options()), TREE),
    "structure": Parser(AGE, lambda data: [fault(f"x.{end}", data) for end in ("age", "gpg", "yaml")]),
    "patches": Parser(b"resources: [a.yaml]\n", _edited, TREE),
    "readers": Parser(SOPS, lambda data: readers_of("x.sops.yaml", data), TREE),
    "vault": Parser(ANSWER, lambda data: answer_of("secret/data/a", 200, data, None), TREE),
}
