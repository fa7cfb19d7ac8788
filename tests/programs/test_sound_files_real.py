"""Files as people and their tools have written them: sound ones open equal to `sops -d`, by the real `sops`."""

import base64
import json
import re
from collections.abc import Callable, Mapping

import pytest
import yaml

from bootstrap.adapters.age import root as age
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.reader import read_sops
from bootstrap.cli.commands.check import run_check
from bootstrap.intent.encryption_forms import Form
from bootstrap.intent.findings import Finding, errors
from bootstrap.intent.values import secret_values
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.commit_tree import secret
from tests.support.intent_fake import SECRET, FakeRepository, changed, valid
from tests.support.real_sops import real_tools, run

ROOT = age.generate()
VALUE = "canary-2b11"
OF_SECRET = ("--encrypted-regex", "^(data|stringData)$")


def sops(plain: str, form: Form, *rule: str) -> bytes:
    words = ("--input-type", form, "--output-type", form, "/dev/stdin")
    return run(
        real_tools()["sops"], "encrypt", "--age", ROOT.recipients[0], *rule, *words, given=plain.encode()
    )


def again(sealed: bytes, form: Form) -> bytes:
    words = ("--input-type", form, "--output-type", form, "/dev/stdin")
    key = ROOT.export().reveal().decode()
    return run(real_tools()["sops"], "decrypt", *words, given=sealed, SOPS_AGE_KEY=key)


def opened_by_root(changes: Mapping[str, str | bytes | None]) -> FakeRepository:
    """The valid repository with these changes, whose root material is really encrypted to the root."""
    material = (path for path in valid() if path.startswith("encrypted/root-material/"))
    sealed = {path: age.encrypt(ROOT.recipients, Sensitive(path.encode())) for path in material}
    return changed({**sealed, **changes})


def judged(file: str, data: bytes, key: str | None = None) -> list[Finding]:
    """What `check` says of one entry that reads this file, first without the key and then with it."""
    source = f"file: {file}" + (f', key: "{key}"' if key else "")
    entry = SECRET.replace("file: encrypted/web.sops.yaml, key: session", source)
    files = opened_by_root({"secrets/web.yaml": entry, "encrypted/web.sops.yaml": None, file: data})
    told = [*run_check(files, None)[1], *run_check(files, CommitFiles(files, ROOT))[1]]
    assert VALUE not in str(told)
    return [f for f in errors(told) if f.where.startswith(("encrypted/x", "secrets/web"))]


def texts(opened: Opened) -> object:
    if isinstance(opened, Sensitive):
        return opened.reveal().decode()
    return {name: texts(value) for name, value in opened.items()}


@pytest.mark.parametrize(
    "plain",
    [
        "[server]\npw = 2\n[DEFAULT]\ntoken = 3\n",
        "[DEFAULT]\ntoken = 3\n[server]\npw = 2\n",
        "token = 3\n[server]\npw = 2\n",
        "[b]\nx = 1\n[DEFAULT]\n[a]\nx = 2\n",
        "[a]\n[b]\nx = 1\n[c]\n",
    ],
)
def test_sections_of_an_ini_file_stand_in_any_order(plain: str) -> None:
    found = texts(read_sops(sops(plain, Form.INI), ROOT, "x.ini", Form.INI).tree)
    expected: dict[str, dict[str, str]] = {}
    section = "DEFAULT"
    for line in plain.splitlines():
        if line.startswith("["):
            section = line[1:-1]
        else:
            name, _, value = line.partition(" = ")
            expected.setdefault(section, {})[name] = value
    assert found == expected


@pytest.mark.parametrize("form", [Form.DOTENV, Form.INI, Form.YAML, Form.JSON])
@pytest.mark.parametrize("plain", ["", "plain"])
def test_line_ends_that_git_made_of_a_checkout_are_read_over(form: Form, plain: str) -> None:
    """`core.autocrlf`: sealed with LF, committed with CRLF."""
    text = {
        Form.DOTENV: f"user_{plain}=app\nsession={VALUE}\n",
        Form.INI: f"[a]\nuser_{plain} = app\nsession = {VALUE}\n",
        Form.YAML: f"user_{plain}: app\nsession: {VALUE}\n",
        Form.JSON: json.dumps({f"user_{plain}": "app", "session": VALUE}),
    }[form]
    sealed = sops(text, form, "--unencrypted-regex", "^user_plain$").replace(b"\n", b"\r\n")
    file = f"encrypted/x.{'env' if form is Form.DOTENV else form}"
    inner = "a.session" if form is Form.INI else "session"
    assert judged(file, sealed, inner) == []
    files = opened_by_root({file: sealed})
    assert secret_values(secret(file, inner), CommitFiles(files, ROOT).open(file)) == {
        "value": Sensitive(VALUE.encode())
    }


@pytest.mark.parametrize("columns", [64, 76, 4])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_base64_that_a_program_wrapped_is_the_bytes(columns: int, end: str) -> None:
    """As Kubernetes takes it: RFC 4648 3.1 leaves line ends to the reader, and Go reads over them."""
    whole = base64.b64encode(VALUE.encode() * 9).decode()
    wrapped = end.join(whole[n : n + columns] for n in range(0, len(whole), columns)) + end
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"cert": wrapped}}
    for rule in ((), OF_SECRET):
        sealed = sops(json.dumps(manifest), Form.JSON, *rule)
        assert judged("encrypted/x.json", sealed) == []
        opened = read_sops(sealed, ROOT, "x.json", Form.JSON).tree
        assert secret_values(secret("x.json"), opened) == {"cert": Sensitive(VALUE.encode() * 9)}


MOMENTS = (
    "2031-01-01", "2031-1-2", "2031-01-01T00:00:00Z", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.1",
    "2001-12-14T21:59:43+00:00", "2031-01-01T1:2:3Z", "2031-13-01", "2031-02-30", "2031-01-01T00:00:00",
    "2031-01-01 00:00:00Z", "2031-01-01T25:00:00Z", "2031-01", "0001-01-01", "2031-01-01T00:00:00.000000001Z",
    "2024-02-29T23:59:59+05:30", "2031-01-01T00:00:00z", "1234-", "2031-01-01T00:00:00-00:00",
)  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("rule", [(), OF_SECRET])
def test_a_date_beside_the_sealed_part_is_read_as_go_reads_it(moment: str, rule: tuple[str, ...]) -> None:
    manifest = (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  annotations:\n"
        f"    example.org/expiry: {moment}\nstringData:\n  a: {VALUE}\n"
    )
    sealed = sops(manifest, Form.YAML, *rule)
    # sops writes what it read in one way; a person wrote it in this one, and the MAC is the same.
    own = re.sub(rb"expiry: .*", f"expiry: {moment}".encode(), sealed) if rule else sealed
    assert VALUE.encode() in again(own, Form.YAML)
    assert judged("encrypted/x.yaml", own) == []


def test_a_sealed_date_is_no_text() -> None:
    assert [f.id for f in judged("encrypted/x.yaml", sops("until: 2031-01-01\n", Form.YAML))] == ["E_TYPE"]


@pytest.mark.parametrize("empty", ["null", "~", "[]"])
@pytest.mark.parametrize("name", ["hc_vault", "kms", "gcp_kms", "azure_kv", "pgp"])
@pytest.mark.parametrize("groups", [(), ("--shamir-secret-sharing-threshold", "1")])
def test_a_kind_of_key_that_the_file_names_and_does_not_use(
    name: str, empty: str, groups: tuple[str, ...]
) -> None:
    """What older versions of sops wrote for each kind without a key."""
    sealed = sops(f"session: {VALUE}\n", Form.YAML, *groups).decode()
    older = sealed.replace("\nsops:\n", f"\nsops:\n    {name}: {empty}\n").encode()
    assert VALUE.encode() in again(older, Form.YAML)
    assert judged("encrypted/x.yaml", older, "session") == []


ITEM = """\
  - apiVersion: v1
    kind: Secret
    metadata: {{name: {name}, namespace: n}}
    immutable: true
    stringData: {{{name}: {value}}}
"""
LIST = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
    ITEM.format(name=name, value=f"{VALUE}-{name}") for name in ("one", "two")
)


@pytest.mark.parametrize("rule", [(), OF_SECRET])
def test_a_list_of_secrets_is_read_item_by_item(rule: tuple[str, ...]) -> None:
    """What `kubectl get secrets -o yaml` gives, sealed as it is."""
    sealed = sops(LIST, Form.YAML, *rule)
    (whole,) = judged("encrypted/x.yaml", sealed)
    assert (whole.id, whole.hint) == ("E_KEY", "name one of it with source.key: items.0, items.1")
    assert judged("encrypted/x.yaml", sealed, "items.1") == []
    opened = read_sops(sealed, ROOT, "x.yaml").tree
    found = secret_values(secret("x.yaml", "items.1"), opened)
    assert found == {"two": Sensitive(f"{VALUE}-two".encode())}


def test_a_value_in_the_clear_inside_a_list_is_found() -> None:
    sealed = sops(LIST, Form.YAML, "--encrypted-regex", "^(one)$")
    assert {f.id for f in judged("encrypted/x.yaml", sealed, "items.1")} == {
        "E_PLAINTEXT",  # a manifest that holds a value in the clear, whatever names it
        "E_SOPS_PLAIN",
    }
    assert {f.id for f in judged("encrypted/x.yaml", sealed, "items.0")} == {"E_PLAINTEXT"}


FORMS_OF_METADATA: dict[str, Callable[[str], str]] = {
    "in quotes": lambda text: text.replace("\nsops:\n", '\n"sops":\n'),
    "in single quotes": lambda text: text.replace("\nsops:\n", "\n'sops' :\n"),
    "in braces": lambda text: _flow(text, "sops"),
    "in quotes and braces": lambda text: _flow(text, '"sops"'),
    "the whole in braces": lambda text: json.dumps(yaml.load(text, yaml.BaseLoader)),
    "the whole in braces over lines": lambda text: json.dumps(yaml.load(text, yaml.BaseLoader), indent=2),
}


def _flow(text: str, key: str) -> str:
    body, metadata = text.split("\nsops:\n")
    return f"{body}\n{key}: {json.dumps(yaml.load(metadata, yaml.BaseLoader))}\n"


@pytest.mark.parametrize("style", FORMS_OF_METADATA)
@pytest.mark.parametrize("rule", [(), OF_SECRET])
def test_metadata_in_any_style_of_yaml(style: str, rule: tuple[str, ...]) -> None:
    manifest = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{session: {VALUE}}}\n"
    written = FORMS_OF_METADATA[style](sops(manifest, Form.YAML, *rule).decode()).encode()
    assert VALUE.encode() in again(written, Form.YAML)
    assert judged("encrypted/x.yaml", written) == []


@pytest.mark.parametrize("rule", [(), OF_SECRET, ("--encrypted-regex", "^stringData$")])
@pytest.mark.parametrize(
    "more", ["immutable: true\n", "immutable: false\n", "type: Opaque\nimmutable: true\n"]
)
def test_an_immutable_secret(rule: tuple[str, ...], more: str) -> None:
    head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, creationTimestamp: null}\n"
    one = f"{head}{more}stringData: {{session: {VALUE}}}\n"
    assert judged("encrypted/x.yaml", sops(one, Form.YAML, *rule)) == []
    assert judged("encrypted/x.yaml", sops(f"{one}---\n{one}", Form.YAML, *rule), "1") == []


def test_an_empty_value_beside_another_is_taken_and_all_of_them_are_named() -> None:
    manifest = (
        f"kind: Secret\napiVersion: v1\nmetadata: {{name: s}}\nstringData: {{a: {VALUE}, b: '', c: ''}}\n"
    )
    sealed = sops(manifest, Form.YAML, *OF_SECRET)
    assert judged("encrypted/x.yaml", sealed) == []
    file = "encrypted/x.yaml"
    entry = SECRET.replace("file: encrypted/web.sops.yaml, key: session", f"file: {file}")
    files = opened_by_root({"secrets/web.yaml": entry, "encrypted/web.sops.yaml": None, file: sealed})
    (empty,) = [f for f in run_check(files, CommitFiles(files, ROOT))[1] if f.id == "W_EMPTY"]
    assert empty.message.endswith(": b, c")
