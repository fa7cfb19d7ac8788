"""From opened files to fields, and what `check` says with the root key."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.cli.commands.check import exit_code, run_check
from bootstrap.cli.commands.check_options import Report
from bootstrap.cli.commands.check_render import render
from bootstrap.intent.values import MAX_BYTES, secret_values, vault_string
from bootstrap.model.catalog import Encoding, Secret, SecretClass, Source
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.intent_fake import SECRET, FakeRepository, changed

CANARY = "hunter2-canary"


def s(value: str | bytes) -> Sensitive:
    return Sensitive(value.encode() if isinstance(value, str) else value)


def secret(key: str | None = None, field: str = "value", encoding: Encoding = Encoding.UTF8) -> Secret:
    source = Source(file="encrypted/x.sops.yaml", key=key, field=field, encoding=encoding)
    return Secret(
        name="x",
        secret_class=SecretClass.RUNTIME,
        owner="o",
        purpose="p",
        where="secrets/x.yaml:1",
        source=source,
        path="a",
    )


TREE: Opened = {
    "db": {"user": s("u"), "password": s("p")},
    "token": s("t"),
    "tls": {"tls.key": s("k"), "tls": {"key": s("n")}},
}
MANIFEST: Opened = {
    "apiVersion": s("v1"),
    "kind": s("Secret"),
    "metadata": {"name": s("m")},
    "data": {"bin": s(base64.b64encode(b"\xff\0")), "both": s("AAAA")},
    "stringData": {"text": s("plain"), "both": s("wins")},
}


@pytest.mark.parametrize(
    ("declared", "opened", "fields"),
    [
        (secret("db"), TREE, {"user": "u", "password": "p"}),
        (secret("token"), TREE, {"value": "t"}),
        (secret("db.password", "pw"), TREE, {"pw": "p"}),
        (secret("tls.tls.key"), TREE, {"value": "k"}),
        (secret(), s("raw\n"), {"value": "raw\n"}),
        (secret(field="tls.key"), s("pem"), {"tls.key": "pem"}),
        (secret(), {"a": s("1"), "b": s("2")}, {"a": "1", "b": "2"}),
        (secret(encoding=Encoding.BASE64), MANIFEST, {"bin": b"\xff\0", "both": "wins", "text": "plain"}),
        (secret("stringData.text"), MANIFEST, {"value": "plain"}),
        (secret("data.both"), MANIFEST, {"value": "AAAA"}),
        (secret(), {"kind": s("Other"), "a": s("1")}, {"kind": "Other", "a": "1"}),
    ],
)
def test_fields(declared: Secret, opened: Opened, fields: dict[str, str | bytes]) -> None:
    found = secret_values(declared, opened)
    assert list(found) == sorted(fields)
    assert found == {name: s(value) for name, value in fields.items()}


@pytest.mark.parametrize(
    ("declared", "opened", "code"),
    [
        (secret("dbx"), TREE, "E_KEY"),
        (secret("token.x"), TREE, "E_KEY"),
        (secret("a"), s(CANARY), "E_KEY"),
        (secret(), TREE, "E_TYPE"),
        (secret(), {"a b": s(CANARY)}, "E_NAME"),
        (secret(), s(""), "E_EMPTY"),
        (secret("x"), {"x": {}}, "E_EMPTY"),
        (secret(), s(b"\xff" + CANARY.encode()), "E_BINARY"),
        (secret(), {"kind": s("Secret"), "data": {"a": s(CANARY)}}, "E_B64"),
        (secret(), {"kind": s("Secret"), "data": {"a": s("QQ= =")}}, "E_B64"),
        (secret(), {"kind": s("Secret"), "data": s("x")}, "E_TYPE"),
        (secret(), {"kind": s("Secret"), "stringData": {"a": {"b": s("c")}}}, "E_TYPE"),
        (secret(), s(b"a" * (MAX_BYTES + 1)), "E_SIZE"),
        (secret(), {"a": s(b"a" * (MAX_BYTES // 2)), "b": s(b"a" * (MAX_BYTES // 2 + 1))}, "E_SIZE"),
        (secret(encoding=Encoding.BASE64), s(b"a" * (MAX_BYTES * 3 // 4 + 3)), "E_SIZE"),
    ],
)
def test_refused_without_a_value(declared: Secret, opened: Opened, code: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        secret_values(declared, opened)
    assert (caught.value.code, caught.value.where) == (code, "secrets/x.yaml:1")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert CANARY not in repr(caught.value) + caught.value.hint


def test_a_missing_key_names_those_that_exist() -> None:
    with pytest.raises(DefinitionError) as caught:
        secret_values(secret("dbx"), TREE)
    assert caught.value.hint == "it holds db, tls, token"


def test_the_largest_value_is_taken() -> None:
    assert secret_values(secret(), s(b"a" * MAX_BYTES))


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_come_back_from_the_string_in_vault(data: bytes) -> None:
    declared = secret(encoding=Encoding.BASE64)
    value = secret_values(declared, Sensitive(data))["value"]
    string = vault_string(declared, "value", value)
    assert base64.b64decode(string.reveal(), validate=True) == data
    assert string.from_base64() == value


class Files:
    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def open(self, path: str) -> Opened:
        if path.endswith("unseal.age"):
            raise PreconditionError(
                "for age1other", code="E_NO_IDENTITY", where=path, hint="another root key"
            )
        return s("material") if "root-material" in path else self.opened


def ids(files: Files | None, text: str = SECRET) -> dict[str, str]:
    _, findings = run_check(changed({"secrets/web.yaml": text}), files)
    return {f.id: f.where for f in findings}


def test_check_without_the_root_says_what_it_did_not_see() -> None:
    _, findings = run_check(FakeRepository(), None)
    assert [f.id for f in findings] == ["W_NOT_OPENED"]
    assert "5 encrypted files" in findings[0].message
    assert exit_code(findings) == 0


def test_check_with_the_root_opens_every_file() -> None:
    unseal = {"E_NO_IDENTITY": "encrypted/root-material/unseal.age"}
    assert ids(Files({"session": s("v")})) == unseal
    assert ids(Files({"other": s("v")})) == unseal | {"E_KEY": "secrets/web.yaml:1"}
    assert ids(Files({"session": s("v\n")})) == unseal | {"W_NEWLINE": "secrets/web.yaml:1"}


@pytest.mark.parametrize(
    ("old", "new"),
    [("{renew: generate}", "{renew: generate, fields: [no]}"), ("workload: Deployment/web", "keys: {K: no}")],
)
def test_check_looks_for_each_declared_field(old: str, new: str) -> None:
    _, findings = run_check(
        changed({"secrets/web.yaml": SECRET.replace(old, new)}), Files({"session": s("v")})
    )
    assert [(f.id, f.hint) for f in findings if f.id == "E_KEY"] == [("E_KEY", "fields: value")]
    assert exit_code(findings) == 2


def test_rendering() -> None:
    _, findings = run_check(changed({"secrets/web.yaml": SECRET.replace("owner", "ownr")}), None)
    lines = render(findings, Report.TEXT, "platform").splitlines()
    assert (
        'error: secrets/web.yaml:6:3: E_FIELD unknown field spec.ownr (hint: did you mean "owner"?)' in lines
    )
    assert lines[-1] == "2 errors, 1 warning"
    parsed = json.loads(render(findings, Report.JSON, "platform"))
    assert (parsed["errors"], parsed["warnings"], len(parsed["findings"])) == (2, 1, 3)
    assert parsed["findings"][0]["level"] == "error"
