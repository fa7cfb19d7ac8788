"""SOPS files: a recorded file of the real program, the round trip, and everything that must be refused (INV1)."""

import base64
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.root.root_key import Root, open_root, parse_root
from bootstrap.adapters.sops import nodes
from bootstrap.adapters.sops.data_key import combine
from bootstrap.adapters.sops.nodes import go_float, resolve
from bootstrap.adapters.sops.reader import open_sops, read_sops
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.intent.encryption_forms import Form, form_of, is_sops
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.work import calls_as_long_as, calls_at_most

VECTORS = Path(__file__).parents[1] / "vectors"
ROOT = age.generate()
VALUE = "canary-7d21"


def tree(plain: dict[str, object]) -> dict[str, Opened]:
    return {k: tree(v) if isinstance(v, dict) else Sensitive(str(v).encode()) for k, v in plain.items()}


def plain(opened: Opened) -> object:
    if isinstance(opened, Sensitive):
        return opened.reveal().decode("latin-1" if not opened.is_utf8() else "utf-8")
    return {name: plain(value) for name, value in opened.items()}


def written(content: dict[str, object], regex: str = "") -> bytes:
    return encrypt_yaml(tree(content), ROOT.recipients, encrypted_regex=regex)


def code(content: bytes, root: AgeRoot | PgpRoot = ROOT, *, is_json: bool = False) -> str:
    with pytest.raises(BootstrapError) as caught:
        open_sops(content, root, "encrypted/x.sops.yaml", Form.JSON if is_json else Form.YAML)
    assert VALUE not in str(caught.value)
    assert caught.value.where.startswith("encrypted/x.sops.yaml")
    assert caught.value.hint
    return caught.value.code


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[bytes, Root]:
    identity = tmp_path / "root.key"
    identity.write_bytes((VECTORS / "sops-3.13.3.identity.txt").read_bytes())
    identity.chmod(0o600)
    return (VECTORS / "sops-3.13.3.yaml").read_bytes(), open_root(str(identity), lambda _: None)


@pytest.mark.parametrize("libyaml", [True, False])
def test_a_file_of_the_real_program(
    recorded: tuple[bytes, AgeRoot | PgpRoot], libyaml: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments, lists, block text, and every plain scalar whose MAC depends on go-yaml's reading."""
    monkeypatch.setattr(yaml, "__with_libyaml__", libyaml)
    opened = plain(open_sops(*recorded, "x"))
    assert isinstance(opened, dict)
    assert opened["database"] == {
        "username": "app",
        "password": "p@ss: 'w' #1",
        "pem": "line one\nline two\n",
    }
    assert opened["list"] == {"0": "first", "1": {"name": "second"}}
    assert opened["plain"]["ratio"] == "1000"
    assert opened["empty"] == ""


def test_every_changed_value_of_a_real_file_is_seen(recorded: tuple[bytes, AgeRoot | PgpRoot]) -> None:
    content, root = recorded
    lines = content.decode().splitlines()
    body = lines[: lines.index("sops:")]
    tried = 0
    for number, line in enumerate(body):
        if "ENC[" in line and not line.lstrip().startswith("#"):
            changed = re.sub(r"data:(.)", lambda m: "data:" + ("A" if m[1] != "A" else "B"), line, count=1)
        elif re.search(r": [\w.\"-]", line):
            changed = re.sub(r": .*", ": changed", line)
        else:
            continue
        tried += 1
        with pytest.raises(BootstrapError) as caught:
            open_sops("\n".join([*lines[:number], changed, *lines[number + 1 :], ""]).encode(), root, "x")
        assert caught.value.code == ("E_SOPS_PLAIN" if line.startswith("empty") else "E_SOPS_MAC"), line
    assert tried > 12


@pytest.mark.parametrize("end", ["yaml", "json", "env", "ini", "bin"])
def test_recorded_files_of_every_form_for_both_kinds_of_root(end: str, recorded: tuple[bytes, Root]) -> None:
    path = VECTORS / "sops-3.13.3" / f"both.{end}"
    pgp = parse_root(Sensitive((VECTORS / "sops-3.13.3" / "root.asc").read_bytes()), lambda _: None)
    assert is_sops(path.read_bytes(), form_of(path.name))
    by_age, by_pgp = (
        plain(read_sops(path.read_bytes(), r, "x", form_of(path.name)).tree) for r in (recorded[1], pgp)
    )
    assert by_age == by_pgp
    assert isinstance(by_age, dict)
    assert len(by_age) == {"yaml": 11, "json": 11, "env": 6, "ini": 2, "bin": 1}[end]


def test_recorded_key_groups(recorded: tuple[bytes, Root]) -> None:
    """Two of three groups name the age key; the OpenPGP key alone has one."""
    content = (VECTORS / "sops-3.13.3" / "groups.yaml").read_bytes()
    assert read_sops(content, recorded[1], "x").tree["kind"] == Sensitive(b"Secret")
    pgp = parse_root(Sensitive((VECTORS / "sops-3.13.3" / "root.asc").read_bytes()), lambda _: None)
    with pytest.raises(BootstrapError) as caught:
        read_sops(content, pgp, "x")
    assert caught.value.code == "E_NO_IDENTITY"


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=48), st.integers(2, 5), st.data())
def test_any_threshold_of_parts_gives_the_secret(secret: bytes, threshold: int, data: st.DataObject) -> None:
    """Parts made here with the polynomial written out; fewer, or one twice, do not give it."""
    rows = [data.draw(st.binary(min_size=threshold - 1, max_size=threshold - 1)) for _ in secret]
    places = data.draw(st.lists(st.integers(1, 255), min_size=threshold, max_size=threshold + 2, unique=True))
    parts = [Sensitive(bytes(_at(x, byte, row) for byte, row in zip(secret, rows, strict=True)) + bytes([x]))
             for x in places]  # fmt: skip
    assert combine(parts) == Sensitive(secret)
    assert combine([parts[0], parts[0]]) is None
    assert combine(parts[:1]) is None


def _at(x: int, constant: int, coefficients: bytes) -> int:
    """A polynomial over the field of AES at x, by carry-less multiplication."""
    total, power = constant, 1
    for coefficient in coefficients:
        power = _times(power, x)
        total ^= _times(coefficient, power)
    return total


def _times(a: int, b: int) -> int:
    product = 0
    for bit in range(8):
        product ^= (a << bit) if b >> bit & 1 else 0
    for bit in range(14, 7, -1):
        product ^= (0x11B << bit - 8) if product >> bit & 1 else 0
    return product


# ---------------------------------------------------------------- round trip

keys = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda k: k != "sops" and not k.endswith("_unencrypted")
)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
trees = st.recursive(
    st.dictionaries(keys, values, min_size=1, max_size=4),
    lambda inner: st.dictionaries(keys, values | inner, min_size=1, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_what_is_written_is_read_back(content: dict[str, object]) -> None:
    assert plain(open_sops(written(content), ROOT, "x")) == content


@settings(max_examples=40, deadline=None)
@given(trees, st.data())
def test_no_byte_of_a_ciphertext_is_free(content: dict[str, object], data: st.DataObject) -> None:
    sealed = written(content | {"one": VALUE})
    leaves = list(re.finditer(rb"(data|iv|tag):([A-Za-z0-9+/]+)", sealed))
    part = data.draw(st.sampled_from(leaves))
    raw = bytearray(base64.b64decode(part[2] + b"=" * (-len(part[2]) % 4)))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    changed = base64.b64encode(bytes(raw)).rstrip(b"=")
    with pytest.raises(BootstrapError) as caught:
        open_sops(sealed[: part.start(2)] + changed + sealed[part.end(2) :], ROOT, "x")
    assert caught.value.code == "E_SOPS_MAC"


def test_nothing_plain_is_in_what_is_written() -> None:
    sealed = written({"password": VALUE, "deep": {"er": VALUE}})
    assert VALUE.encode() not in sealed
    assert base64.b64encode(VALUE.encode()) not in sealed


def test_a_kubernetes_secret_keeps_its_names_readable() -> None:
    content: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "n"},
        "stringData": {"a": VALUE},
    }
    sealed = written(content, "^(data|stringData)$")
    assert b'kind: "Secret"' in sealed
    assert VALUE.encode() not in sealed
    assert plain(open_sops(sealed, ROOT, "x")) == content


def test_several_holders_and_openpgp() -> None:
    second, pgp, pgp2 = age.generate(), PgpRoot(openpgp.generate("a")), PgpRoot(openpgp.generate("b"))
    content = tree({"a": VALUE})
    both = encrypt_yaml(content, (*ROOT.recipients, *second.recipients))
    certificates = tuple(root.armored_certificate.decode() for root in (pgp, pgp2))
    sealed = encrypt_yaml(content, certificates)
    for root, file in ((ROOT, both), (second, both), (pgp, sealed), (pgp2, sealed)):
        assert plain(open_sops(file, root, "x")) == {"a": VALUE}
    assert code(both, pgp) == "E_NO_IDENTITY"
    assert code(sealed, ROOT) == "E_NO_IDENTITY"


# ---------------------------------------------------------------- refusals


def test_a_foreign_key_names_the_recipients_that_would_do() -> None:
    with pytest.raises(BootstrapError) as caught:
        open_sops(written({"a": VALUE}), age.generate(), "x")
    assert (caught.value.code, caught.value.exit_code) == ("E_NO_IDENTITY", 4)
    assert ROOT.recipients[0] in caught.value.message


def test_a_leaf_in_the_clear_where_the_rules_say_encrypted() -> None:
    sealed = written({"a": VALUE, "b": "other"})
    assert code(re.sub(rb"^b: .*$", b"b: " + VALUE.encode(), sealed, flags=re.MULTILINE)) == "E_SOPS_PLAIN"
    assert code(re.sub(rb"^b: .*$", b"b: 12", sealed, flags=re.MULTILINE)) == "E_SOPS_PLAIN"


def test_values_swapped_renamed_removed_added() -> None:
    sealed = written({"a": VALUE, "b": "other", "c": "third"}).decode()
    a, b = re.findall(r"^[ab]: (.*)$", sealed, re.MULTILINE)
    tampered = {
        "swapped": sealed.replace(a, "@").replace(b, a).replace("@", b),
        "renamed": sealed.replace("a: ENC", "z: ENC"),
        "removed": sealed.replace(f"a: {a}\n", ""),
        "doubled": sealed.replace(f"a: {a}\n", f"a: {a}\nd: {a}\n"),
        "reordered": sealed.replace(f"a: {a}\nb: {b}\n", f"b: {b}\na: {a}\n"),
        "mac removed": re.sub(r"    mac: .*\n", "", sealed),
        "other time": re.sub(r'lastmodified: "20', 'lastmodified: "19', sealed),
        "mac of another file": re.sub(
            r"    mac: .*\n",
            re.findall(r"    mac: .*\n", written({"a": "x"}).decode())[0],
            sealed,
        ),
    }
    for name, content in tampered.items():
        assert code(content.encode()) == "E_SOPS_MAC", name


def test_hiding_a_leaf_from_the_mac() -> None:
    """Turning on ``mac_only_encrypted``, or a rule that calls everything unencrypted, does not open it."""
    sealed = written({"a": VALUE}).decode()
    assert code(sealed.replace("    mac:", "    mac_only_encrypted: true\n    mac:").encode()) == "E_SOPS_MAC"
    weaker = sealed.replace('unencrypted_suffix: "_unencrypted"', 'unencrypted_regex: ".*"')
    assert weaker != sealed
    assert code(weaker.encode()) == "E_SOPS_MAC"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a: x\na: y\n", "E_YAML_DUP"),
        ("a: &b x\nc: *b\n", "E_YAML_ALIAS"),
        ("a: *b\n", "E_YAML_ALIAS"),
        ("a: !!python/object:os.system x\n", "E_YAML_TAG"),
        ("a: !!str x\n", "E_YAML_TAG"),
        ("<<: {a: x}\n", "E_TYPE"),
        ("1: x\n", "E_TYPE"),
        ("a: x\n---\n- y\n", "E_YAML_DOCS"),
        ("- x\n", "E_YAML_DOCS"),
        ("", "E_YAML_DOCS"),
        ("a: [\n", "E_YAML"),
        ("a: 'x\n", "E_YAML"),
        ("\tx: 1\n", "E_YAML"),
        ("a: .inf\n", "E_TYPE"),
        ("a: 99999999999999999999\n", "E_TYPE"),
        ("a: " + "[" * 5000 + "\n", "E_DEPTH"),
        ("a: \x00\n", "E_YAML"),
        ("a: x\n", "E_SOPS_FORM"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("libyaml", [True, False])
def test_yaml_that_can_be_read_in_two_ways(
    body: str, expected: str, libyaml: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", libyaml)
    assert code(body.encode()) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"a": "x", "a": "y"}', "E_JSON_DUP"),
        ('{"a": 9007199254740993}', "E_TYPE"),
        ('{"a": NaN}', "E_TYPE"),
        ("[]", "E_JSON"),
        ("{", "E_JSON"),
        ('{"a":' + "[" * 200_000, "E_DEPTH"),
        ('{"a": "x"}', "E_SOPS_FORM"),
    ],
)  # fmt: skip
def test_json_that_can_be_read_in_two_ways(body: str, expected: str) -> None:
    assert code(body.encode(), is_json=True) == expected


@pytest.mark.parametrize(
    ("metadata", "hint"),
    [
        ({"kms": [{"arn": "x"}]}, "--add-age"),
        ({"hc_vault": [{"vault_address": "x"}]}, "--add-age"),
        ({"key_groups": [{"hc_vault": [{"vault_address": "x"}]}, {"kms": [{"arn": "x"}]}]}, "--add-age"),
        ({}, "--add-age"),
    ],
)
def test_keys_that_a_bootstrap_cannot_have(metadata: dict[str, object], hint: str) -> None:
    content = json.dumps({"a": "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]", "sops": metadata})
    with pytest.raises(BootstrapError) as caught:
        open_sops(content.encode(), ROOT, "x", Form.JSON)
    assert caught.value.code == "E_SOPS_FORM"
    assert hint in caught.value.hint


@pytest.mark.parametrize("rule", ["(?=a)", "(?!a)", "(a)\\\\1", "(", "a\\\\Z", "a++", "\\\\C"])
def test_expressions_that_go_reads_otherwise(rule: str) -> None:
    sealed = (
        written({"a": VALUE}, "^a$").decode().replace('encrypted_regex: "^a$"', f'encrypted_regex: "{rule}"')
    )
    assert code(sealed.encode()) == "E_SOPS_FORM"


def test_is_sops_sees_the_form_and_never_raises() -> None:
    assert is_sops(written({"a": VALUE}))
    assert not is_sops(b"a: sops\n")
    assert not is_sops(b"a: [")
    assert is_sops(b'{"sops": {"mac": ""}}', Form.JSON)
    assert not is_sops(b'{"a": {"sops": {"mac": ""}}}', Form.JSON)
    assert not is_sops(b"password: x\nsops: nothing\n")
    assert is_sops(b'{"a": "ENC[x]", "sops": {"mac": "EN', Form.JSON)  # torn, not plain
    assert not is_sops(b'{"mac": ' + b"[" * 100_000, Form.JSON)


@pytest.mark.parametrize(
    ("text", "kind", "hashed"),
    [
        ("yes", "str", "yes"), ("on", "str", "on"), ("y", "str", "y"), ("TRUE", "bool", "True"),
        ("false", "bool", "False"), ("~", "null", ""), ("NULL", "null", ""), ("", "null", ""),
        ("12:30:45", "str", "12:30:45"), ("1e3", "float", "1000"), ("0o17", "int", "15"), ("017", "int", "15"),
        ("0x1F", "int", "31"), ("0b101", "int", "5"), ("-0b101", "int", "-5"), ("1_000", "int", "1000"),
        ("+5", "int", "5"), ("-0", "int", "0"), ("089", "float", "89"), (".5", "float", "0.5"),
        ("-.5", "float", "-0.5"), ("1.", "float", "1"), ("1.10", "float", "1.1"), ("1e400", "unclear", ""),
        ("-", "str", "-"), ("+", "str", "+"), ("1.2.3", "str", "1.2.3"), ("0x", "str", "0x"),
        ("12ab", "str", "12ab"), ("1e", "str", "1e"), (".", "str", "."),
        ("9223372036854775807", "int", "9223372036854775807"),
    ],
)  # fmt: skip
def test_plain_scalars_are_read_as_go_yaml_does(text: str, kind: str, hashed: str) -> None:
    found = resolve(text)
    assert found.kind == kind
    if kind != "unclear":
        assert found.text == hashed


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001"), (-2.0, "-2")]
)
def test_floats_never_have_an_exponent(value: float, text: str) -> None:
    assert go_float(value).text == text


def test_a_number_is_refused_by_name_and_not_by_value() -> None:
    sealed = written({"port": "5432", "name": VALUE}).decode()
    # The type is not authenticated by SOPS, so changing it is what a real number looks like.
    typed = re.sub(r"(port: ENC\[.*type:)str", r"\1int", sealed)
    with pytest.raises(BootstrapError) as caught:
        open_sops(typed.encode(), ROOT, "x")
    assert caught.value.code == "E_TYPE"
    assert "port (int)" in caught.value.message
    assert "5432" not in caught.value.message


# ---------------------------------------------------------------- in bounds, whatever is written


FLAT = "A=x\n{}=y\nsops_mac=z\n"


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (Form.DOTENV, FLAT.format(f"sops_age__list_{'1' * 5000}__map_enc"), "E_SOPS_FORM"),
        (Form.DOTENV, FLAT.format("sops_age__list_\u0661__map_enc"), "E_SOPS_FORM"),
        (Form.DOTENV, FLAT.format("sops_" + "a__map_" * 3000 + "b"), "E_DOTENV"),
        (Form.DOTENV, FLAT.format(f"sops_shamir_threshold={'9' * 5000}\nB"), "E_SOPS_FORM"),
        (Form.INI, "[a]\nb = c\n[sops]\n" + "a__map_" * 3000 + "b = x\n", "E_INI"),
        (Form.YAML, "a: x\nb: " + "9" * 5000 + "\nsops: {mac: x}\n", "E_TYPE"),
        (Form.YAML, "a: x\nb: " + "0x" + "f" * 5000 + "\nsops: {mac: x}\n", "E_TYPE"),
        (Form.YAML, "a: [" + "x," * 25_000 + "]\nsops: {mac: x}\n", "E_SIZE"),
        (Form.YAML, "a: " + "[" * 150 + "]" * 150 + "\nsops: {mac: x}\n", "E_DEPTH"),
        (Form.JSON, '{"sops": {}, "a": ' + "[" * 480 + "]" * 480 + "}", "E_DEPTH"),
        (Form.JSON, '{"sops": {}, "a": ' + '{"a":' * 480 + "1" + "}" * 480 + "}", "E_DEPTH"),
        (Form.JSON, '{"sops": {}, "a": ' + "9" * 5000 + "}", "E_JSON"),
        (Form.JSON, '{"sops": {}, "a": [' + "1," * 100_000 + "1]}", "E_SIZE"),
        (Form.JSON, "{" + ",".join(f'"{n}":1' for n in range(60_000)) + ',"1":1}', "E_JSON_DUP"),
    ],
    ids=range(14),
)
def test_g5_no_metadata_takes_all_time_or_memory(
    form: Form, text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "MOST_NODES", 20_000)
    with calls_at_most(calls_as_long_as(text)), pytest.raises(BootstrapError) as caught:
        open_sops(text.encode(), ROOT, "x", form)
    assert (caught.value.code, bool(caught.value.hint)) == (expected, True)


def test_g5_a_threshold_of_many_digits_is_no_number() -> None:
    group = {"age": [{"recipient": ROOT.recipients[0], "enc": "x"}]}
    metadata = {"shamir_threshold": "9" * 5000, "key_groups": [group, group]}
    content = json.dumps({"a": "x", "sops": metadata})
    with pytest.raises(BootstrapError) as caught:
        open_sops(content.encode(), ROOT, "x", Form.JSON)
    assert caught.value.code.startswith("E_")
