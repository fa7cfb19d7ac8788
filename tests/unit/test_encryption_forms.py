"""One answer to whether a file is encrypted: checking it, naming it and opening it agree."""

import json
import re

import pytest
import yaml

from bootstrap.adapters.age import root as age
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.intent.contents import exposed
from bootstrap.intent.encryption_forms import SOPS, Form, form_of, is_age, is_pgp, is_raw, is_sops
from bootstrap.model.sensitive import Sensitive
from tests.support.intent_fake import FakeRepository

ROOT = age.generate()
VALUE = Sensitive(b"canary-1", "canary")
SEALED = encrypt_yaml({"k": VALUE}, ROOT.recipients).decode()
BODY, METADATA = SEALED.split("sops:\n", 1)
LEAF = "ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]"
TREE = yaml.safe_load(SEALED)


def flow(key: str) -> str:
    return f"{BODY}{key}: {json.dumps(TREE['sops'])}\n"


SOUND = {
    "as sops writes it": ("x.yaml", SEALED),
    "in braces": ("x.yaml", flow("sops")),
    "in quotes": ("x.yaml", SEALED.replace("sops:\n", '"sops":\n')),
    "in single quotes": ("x.yaml", SEALED.replace("sops:\n", "'sops' :\n")),
    "in quotes and braces": ("x.yaml", flow('"sops"')),
    "before a comment": ("x.yaml", SEALED.replace("sops:\n", "sops:  # kept by sops\n")),
    "in front": ("x.yml", f"sops:\n{METADATA}{BODY}"),
    "whole in braces": ("x.yaml", f"{{k: '{TREE['k']}', sops: {json.dumps(TREE['sops'])}}}"),
    "by another case": ("x.YAML", SEALED),
    "JSON": ("x.json", json.dumps(TREE)),
    "JSON over lines": ("x.json", json.dumps(TREE, indent="\t")),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_sops_file_is_never_called_plaintext(name: str) -> None:
    path, text = SOUND[name]
    files = {f"encrypted/{path}": text.encode()}
    repository = FakeRepository(files)
    assert is_sops(text.encode(), form_of(path))
    assert list(exposed(repository, tuple(files))) == []
    assert CommitFiles(repository, ROOT).open(f"encrypted/{path}") == {"k": VALUE}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("x.env", f"k={LEAF}\nsops_lastmodified=x\nsops_version=3.13.3\nsops_mac={LEAF}\n"),
        ("x.ini", f"[a]\nk = {LEAF}\n\n[sops]\nlastmodified = x\nmac = {LEAF}\n"),
        ("x.bin", f'{{"data": "{LEAF}", "sops": {{"mac": "{LEAF}", "lastmodified": "x"}}}}'),
    ],
)
def test_the_other_forms_of_sops(path: str, text: str) -> None:
    assert is_sops(text.encode(), form_of(path))
    assert list(exposed(FakeRepository({path: text.encode()}), (path,))) == []
    plain = re.sub(r"sops\w*|mac", "other", text)
    assert not is_sops(plain.encode(), form_of(path))
    assert [f.id for f in exposed(FakeRepository({path: plain.encode()}), (path,))] in (
        ["E_PLAINTEXT"],
        ["E_FORM"],
    )


def test_a_form_under_another_ones_name_is_named_by_it() -> None:
    for path, text, ending in (
        ("x.json", SEALED, ".yaml"),
        ("x.age", flow('"sops"'), ".yaml"),
        ("x.env", json.dumps(TREE), ".json"),
    ):
        (found,) = exposed(FakeRepository({path: text.encode()}), (path,))
        assert (found.id, found.message) == (
            "E_FORM",
            f"{path} is a SOPS file of the form {ending[1:]} under another name",
        )


def test_the_name_says_the_form_whatever_its_case() -> None:
    assert [form_of(f"a/x{end.upper()}") for end in SOPS] == list(SOPS.values())
    assert form_of("x.sops") is form_of("env") is Form.BINARY
    assert [is_raw(f"x{end}") for end in (".age", ".GPG", ".pgp", ".asc", ".yaml", "age", "")] == [
        True
    ] * 4 + [False] * 3


def test_age_and_openpgp_messages() -> None:
    sealed = encrypt_to(ROOT.recipients, VALUE)
    assert is_age(sealed)
    assert is_age(b"\n" + sealed)
    assert not is_pgp(sealed)
    assert is_pgp(b"\n-----BEGIN PGP MESSAGE-----\n")
    for first in (b"\xc1", b"\x84", b"\x85", b"\x86"):  # to a key
        assert is_pgp(first + b"\x01\x0c\x03")
    for first in (b"\xc3\x0d\x04", b"\x8c\x0d\x04", b"\xc3\x1e\x06"):  # to a passphrase
        assert is_pgp(first)
    # A text in UTF-8, a public key, nothing.
    for other in ("\u00c9t\u00e9".encode(), "\u00e0".encode(), b"\x99\x01\x0d\x04", b"\xc3", b"", b"age"):
        assert not is_pgp(other)
        assert not is_age(other)
