"""Every parser of what comes from outside: whatever the bytes, only errors of ours come out, and no value (B1).

A few seconds each; with ``--whole`` a minute each.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bootstrap.adapters.age import root as age
from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.adapters.root.root_key import parse_root
from bootstrap.adapters.sops.reader import open_sops
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.adapters.vault.response import answer_of
from bootstrap.intent.ciphertext_structure import fault
from bootstrap.intent.contents import in_clear
from bootstrap.intent.encryption_forms import Form
from bootstrap.intent.hcl import read_policy
from bootstrap.intent.load import examine
from bootstrap.intent.manifests import parse_manifests
from bootstrap.ledger.bundle import show_bundle
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import Findings, Options, from_text
from bootstrap.operations.importing.takeover import with_patches, without
from bootstrap.operations.rekey.recipients import readers_of
from tests.support.intent_fake import MATERIAL, PLATFORM, SECRET, changed
from tests.support.kubeconfigs import BASE
from tests.support.ledger_facts import bundle

ROOT = age.generate()
SECONDS = {False: 2.0, True: 60.0}
POLICY = b'path "secret/data/a/*" { # c\n  capabilities = ["read", "list"]\n}\n'
ANSWER = b'{"request_id":"r","data":{"data":{"a":"b"},"metadata":{}},"auth":{"client_token":"t"},"errors":[]}'
MANIFEST = b"kind: Secret\napiVersion: v1\nmetadata: {name: a}\ndata: {a: YQ==}\n"
ENCODED = b"kind: Secret\ndata: {a: LS0tLS1CRUdJTiBQUklWQVRF}\n"
SOPS = encrypt_yaml({"a": Sensitive(b"v"), "b": {"c": Sensitive(b"w")}}, ROOT.recipients)
SEALED = SOPS.replace(b"\nsops:", b"\nsession: in the clear\nsops:")
AGE = age.encrypt(ROOT.recipients, Sensitive(b"value"))
HOSTILE = (
    b"[" * 3000,
    b"- " * 3000,
    b"{a: " * 500,
    b"&a [*a]",
    b"\xff\xfe",
    b"\x00",
    b"!!python/object/apply:os.system [id]",
    b"2026-99-99",
    b"1e999",
    b"NaN",
    b'"\\ud800"',
    b"\xef\xbb\xbf",
    b"<<: x",
    b"? a",
    b"9" * 5000,
)


def spoilt(whole: bytes) -> st.SearchStrategy[bytes]:
    """A good file with parts cut out, put in, doubled; or anything at all."""
    at = st.integers(0, len(whole))
    part = st.one_of(st.binary(max_size=12), st.sampled_from(HOSTILE), st.sampled_from(whole.split(b"\n")))

    def change(start: int, length: int, new: bytes) -> bytes:
        return whole[:start] + new + whole[start + length :]

    once = st.builds(change, at, st.integers(0, 30), part)
    return st.one_of(once, st.binary(max_size=200), st.sampled_from(HOSTILE))


def kubeconfig(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        load_kubeconfig(Path(file.name))


def _edited(data: bytes) -> None:
    """A kustomization of any content: edited, or left alone."""
    with_patches(data, ["a"], "k", "v")
    without(data, "", "a.yaml")


PARSERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "catalog": (SECRET.encode(), lambda data: examine(changed({"secrets/web.yaml": data}))),
    "entries": (MATERIAL.encode(), lambda data: examine(changed({"secrets/material.yaml": data}))),
    "platform": (PLATFORM.encode(), lambda data: examine(changed({"bootstrap.yaml": data}))),
    "policy": (POLICY, lambda data: read_policy("vault/p.hcl", data)),
    "manifest": (MANIFEST, lambda data: parse_manifests("m.yaml", data)),
    "contents": (ENCODED, lambda data: list(in_clear("m.yaml", data))),
    "age": (AGE, lambda data: ROOT.unwrap(data, "x.age")),
    "root": (ROOT.export().reveal(), lambda data: parse_root(Sensitive(data), lambda _: None)),
    "sops": (SOPS, lambda data: open_sops(data, ROOT, "x.sops.yaml")),
    "sops-json": (b'{"a": "b", "sops": {"age": []}}', lambda data: open_sops(data, ROOT, "x.sops.json", Form.JSON)),
    "sealed": (SEALED, lambda data: examine(changed({"encrypted/web.sops.yaml": data}))),
    "import": (MANIFEST, lambda data: from_text("m.yaml", data, Findings(), Options())),
    "structure": (AGE, lambda data: [fault(f"x.{end}", data) for end in ("age", "gpg", "yaml")]),
    "patches": (b"resources: [a.yaml]\n", lambda data: _edited(data)),
    "readers": (SOPS, lambda data: readers_of("x.sops.yaml", data)),
    "ledger": (bundle(), show_bundle),
    "kubeconfig": (json.dumps(BASE).encode(), kubeconfig),
    "vault": (ANSWER, lambda data: answer_of("secret/data/a", 200, data, None)),
}  # fmt: skip


def attempted(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except BootstrapError as error:
        assert error.code.startswith("E_")


@pytest.mark.parametrize("name", PARSERS)
def test_only_our_errors_come_out(name: str, whole: bool) -> None:
    good, parse = PARSERS[name]
    attempted(parse, good)  # what is imported late is imported now
    until, tried = time.monotonic() + SECONDS[whole], 0

    @seed(20260101)
    @settings(
        max_examples=1_000_000 if whole else 300,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(spoilt(good))
    def attempt(data: bytes) -> None:
        nonlocal tried
        if tried >= 10 and time.monotonic() > until:
            return
        tried += 1
        attempted(parse, data)

    attempt()
    print(f"{name}: {tried} inputs")
    assert tried >= 10
