"""Rows 33 to 48: YAML, types, values."""

from collections.abc import Callable
from functools import partial

import pytest

from bootstrap.adapters.sops.nodes import parse_json
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.intent.findings import Finding
from bootstrap.intent.manifests import parse_manifests
from bootstrap.intent.yaml_source import load_documents
from bootstrap.model.catalog import Encoding
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.bad_input.box import (
    CANARY,
    WEB,
    Box,
    Told,
    secret,
    value,
)
from tests.bad_input.table import refused, row, told
from tests.support.intent_fake import PLATFORM, SECRET

OPERATOR, PULL = "manifests/external-secrets/operator.yaml", "secrets/scaffold.yaml"
X = "encrypted/x.sops.yaml"


@row(33, "a key written twice", "E_YAML_DUP", f"{WEB}:13:1")
def _(box: Box) -> Told:
    found = [f for f in box.spoilt({WEB: SECRET + "metadata: {name: x}\n"}) if isinstance(f, Finding)]
    assert any("first on line 3, again on line 13" in f.message for f in found)
    return found


@row(34, "an alias bomb", "E_YAML_ALIAS", f"{WEB}:1:5|{OPERATOR}")
def _(box: Box) -> Told:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(BootstrapError, match="aliases stand for more"):
        parse_manifests(OPERATOR, "\n".join(lines).encode())
    return box.spoilt({WEB: "\n".join(lines)})


@row(35, "5,000 levels of YAML, 200,000 of JSON", "E_DEPTH", f"{WEB}:1:\\d+")
def _(box: Box) -> Told:
    for act in (
        lambda: parse_manifests(OPERATOR, b"a: " + b"[" * 200_000),
        lambda: parse_json(b"[" * 200_000, "x.json"),
    ):
        with pytest.raises(BootstrapError) as caught:
            act()
        assert caught.value.code == "E_DEPTH"
    return box.spoilt({WEB: "[" * 5000 + "]" * 5000})


@row(36, "a tag", "E_YAML_TAG", f"{WEB}:1:4")
def _(box: Box) -> Told:
    return box.spoilt({WEB: "a: !!python/object/apply:os.system [id]\n"})


@row(37, "an anchor that holds itself", "E_YAML_CYCLE", OPERATOR)
def _(box: Box) -> Told:
    assert refused(lambda: load_documents(WEB, b"a: &a [*a]")).code == "E_YAML_ALIAS"  # none is read there
    parse_manifests(OPERATOR, b"a: &a [*a]")
    return ()


@row(38, "two documents where one belongs", "E_YAML_DOCS", "bootstrap.yaml:12")
def _(box: Box) -> Told:
    return box.spoilt({"bootstrap.yaml": PLATFORM + "---\n" + PLATFORM})


@row(39, "tabs, BOM, UTF-16, CR, NUL", "E_TEXT", f"{WEB}:1:2")
def _(box: Box) -> Told:
    for text in (
        b"\xef\xbb\xbfa: b",
        "a: b".encode("utf-16"),
        b"a: b\r\n",
        b"a:\n\tb: c\n",
        b'a: "\\uD800"',
        b"\xff",
    ):
        assert refused(partial(load_documents, WEB, text)).code in ("E_TEXT", "E_YAML")
    return box.spoilt({WEB: "a\x00b: c\n"})


def typed(kind: str) -> Callable[[str], str]:
    """A change of the text: its first value says that it is a ``kind``."""
    return lambda text: text.replace("type:str]", f"type:{kind}]", 1)


@row(40, "a boolean, a number or a date as a secret", "E_TYPE", X)
def _(box: Box) -> Told:
    for kind in ("int", "float", "bool", "time"):
        with pytest.raises(BootstrapError) as caught:
            box.sops({"a": Sensitive(b"1")}, typed(kind))
        assert caught.value.code == "E_TYPE", kind
    (found,) = load_documents(WEB, b"[yes, 010, 1:30, 1_000, 2026-01-01]")
    assert found.value == ["yes", "010", "1:30", "1_000", "2026-01-01"]
    box.sops({"a": Sensitive(b"True")}, typed("bool"))
    return ()


@row(41, "an integer beyond 2^53, NaN, infinity", "E_TYPE", "x.json|" + X)
def _(box: Box) -> Told:
    for text in (b'{"a": 9007199254740993}', b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}'):
        assert refused(partial(parse_json, text, "x.json")).code == "E_TYPE", text
    box.sops({"a": Sensitive(b"9007199254740993")}, typed("int"))
    return ()


@row(42, "an empty value", "E_EMPTY", f"{WEB}:1")
def _(box: Box) -> Told:
    value(b"")
    return ()


@row(43, "a newline at the end", "W_NEWLINE", r"secrets/gitops.yaml:\d+")
def _(box: Box) -> Told:
    key = (box.repository() / "keys/root.txt").read_text().split()[-1]
    deploy: Opened = {"username": Sensitive(b"u"), "password": Sensitive(f"{CANARY}\n".encode())}
    box.committed({"encrypted/gitops.sops.yaml": encrypt_yaml({"deploy": deploy}, (key,))})
    root = f"file:{box.valid}/root.key"
    return told(box.program("check", "--repo", box.repository(), "--root", root).stdout)


@row(44, "bytes that are no text", "E_BINARY", f"{WEB}:1")
def _(box: Box) -> Told:
    assert value(b"\xff\x00", encoding=Encoding.BASE64)
    value(b"\xff" + CANARY.encode())
    return ()


@row(45, "base64 that is none", "E_B64", f"{WEB}:1")
def _(box: Box) -> Told:
    from bootstrap.intent.values import secret_values

    for text in ("YQ", "Y Q==", f"{CANARY}!"):
        manifest: Opened = {"kind": Sensitive(b"Secret"), "data": {"a": Sensitive(text.encode())}}
        assert refused(partial(secret_values, secret(), manifest)).code == "E_B64", text
    secret_values(secret(), {"kind": Sensitive(b"Secret"), "data": {"a": Sensitive(b"*")}})
    return ()


@row(46, "a value larger than Vault takes", "E_SIZE", f"{WEB}:1")
def _(box: Box) -> Told:
    value(b"x" * (512 * 1024 + 1))
    return ()


@row(47, "a field that is not known", "E_FIELD", f"{WEB}:7:3")
def _(box: Box) -> Told:
    found = [f for f in box.web("purpose:", "purpse:") if isinstance(f, Finding)]
    assert 'did you mean "purpose"?' in [f.hint for f in found]
    return found


@row(48, "a newer schema", "E_SCHEMA_NEW", f"{WEB}:1:1")
def _(box: Box) -> Told:
    return box.web("bootstrap/v1", "bootstrap/v2")
