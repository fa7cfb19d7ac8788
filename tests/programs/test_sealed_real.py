"""Values left in the clear, and documents beside each other, in files of the real `sops` (INV2, S3)."""

import json
import re
from pathlib import Path

import pytest

from bootstrap.adapters.age import root as age
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.adapters.sops.reader import open_sops, read_sops
from bootstrap.cli.commands.check import run_check
from bootstrap.intent.encryption_forms import Form, form_of
from bootstrap.intent.findings import Finding, IntentError, errors
from bootstrap.intent.load import load_intent
from bootstrap.intent.values import secret_values
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened
from tests.support.commit_tree import Tree, secret
from tests.support.intent_fake import SECRET, changed
from tests.support.real_sops import real_tools, run
from tests.support.sealed_manifests import CANARY, MANIFEST, SEVERAL

ROOT = age.generate()


def sops(plain: str, form: Form, *rule: str) -> bytes:
    words = ("--input-type", form, "--output-type", form, "/dev/stdin")
    given = ("encrypt", "--age", ROOT.recipients[0], *rule)
    return run(real_tools()["sops"], *given, *words, given=plain.encode())


def found(file: str, data: bytes, key: str | None = None) -> list[Finding]:
    """E_SOPS_PLAIN of one entry for one file, found without a key."""
    source = f"file: {file}" + (f', key: "{key}"' if key else "")
    entry = SECRET.replace("file: encrypted/web.sops.yaml, key: session", source)
    assert source in entry
    files = changed({"secrets/web.yaml": entry, "encrypted/web.sops.yaml": None, file: data})
    told = run_check(files, None)[1]
    assert CANARY not in str(told)
    return [f for f in told if f.id == "E_SOPS_PLAIN"]


RULES = {
    "encrypted_regex": ("--encrypted-regex", "^(data)$"),
    "unencrypted_regex": ("--unencrypted-regex", "^session$"),
    "encrypted_suffix": ("--encrypted-suffix", "user"),
    "unencrypted_suffix": ("--unencrypted-suffix", "session"),
}


@pytest.mark.parametrize("rule", RULES)
def test_inv2_a_secret_that_the_rule_leaves_out_is_an_error(rule: str) -> None:
    (plain,) = [
        f
        for f in found("encrypted/x.yaml", sops(MANIFEST, Form.YAML, *RULES[rule]))
        if "stringData.session" in f.message
    ]
    assert plain.where == "encrypted/x.yaml:8"
    assert f"{rule}: " in plain.message
    assert ".sops.yaml" in plain.hint


@pytest.mark.parametrize(("form", "line"), [(Form.JSON, 4), (Form.DOTENV, 2), (Form.INI, 3)])
def test_in_every_form(form: Form, line: int) -> None:
    text = {
        Form.JSON: json.dumps({"a": {"user": "app", "session": CANARY}}),
        Form.DOTENV: f"user=app\nsession={CANARY}\n",
        Form.INI: f"[a]\nuser = app\nsession = {CANARY}\n",
    }[form]
    sealed = sops(text, form, "--unencrypted-regex", "^session$")
    (plain,) = found(f"encrypted/x.{form if form is not Form.DOTENV else 'env'}", sealed)
    assert plain.where.endswith(f":{line}"), (plain, sealed.decode()[:300])
    assert found(f"encrypted/x.{form if form is not Form.DOTENV else 'env'}", sops(text, form)) == []


def test_an_ini_file_as_its_library_reads_it() -> None:
    """A colon parts too, and a key may stand in backquotes."""
    sealed = sops(
        f"[a]\nuser = app\nsession = {CANARY}\n", Form.INI, "--unencrypted-regex", "^session$"
    ).decode()
    for written in (f"session: {CANARY}", f"`session` = {CANARY}"):
        changed_file = re.sub(r"session += .*", written, sealed).encode()
        assert plain_of(read_sops(changed_file, ROOT, "x", Form.INI).documents[0]) == {"a.session"}
        assert [f.where for f in found("encrypted/x.ini", changed_file)] == ["encrypted/x.ini:3"]


def plain_of(tree: dict[str, Opened], prefix: str = "") -> set[str]:
    """Paths of what is the canary."""
    return {
        path
        for name, value in tree.items()
        for path in (
            ({f"{prefix}{name}"} if value == Sensitive(CANARY.encode()) else set())
            if isinstance(value, Sensitive)
            else plain_of(value, f"{prefix}{name}.")
        )
    }


def test_what_the_catalog_does_not_introduce_may_stand_there() -> None:
    """Names of a manifest, a neighbour of the key that is named; an empty text is another error."""
    assert found("encrypted/x.yaml", sops(MANIFEST, Form.YAML, "--encrypted-regex", "^stringData$")) == []
    tree = f"host: db\nlogin: {{session: {CANARY}, empty: ''}}\n"
    sealed = sops(tree, Form.YAML, "--unencrypted-regex", "^host$")
    assert found("encrypted/x.yaml", sealed, "login") == []
    assert [f.where for f in found("encrypted/x.yaml", sealed)] == ["encrypted/x.yaml:1"]
    assert [f.where for f in found("encrypted/x.yaml", sealed, "host")] == ["encrypted/x.yaml:1"]


def test_a_ciphertext_that_was_replaced_by_text_is_found_without_a_key() -> None:
    sealed = sops(MANIFEST, Form.YAML, "--encrypted-regex", "^stringData$").decode()
    spoilt = re.sub(r"(\n +session:) ENC.*", rf"\1 {CANARY}", sealed).encode()
    (plain,) = found("encrypted/x.yaml", spoilt)
    assert (plain.where, "says that it is encrypted" in plain.message) == ("encrypted/x.yaml:8", True)
    flow = re.sub(
        r"\nstringData:\n +user: (.*)\n +session: .*",
        rf"\nstringData: {{user: '\1', session: {CANARY}}}",
        sealed,
    )
    assert [f.where for f in found("encrypted/x.yaml", flow.encode())] == ["encrypted/x.yaml:6"]
    with pytest.raises(BootstrapError) as caught:
        open_sops(spoilt, ROOT, "x")
    assert (caught.value.code, caught.value.where) == ("E_SOPS_PLAIN", "x#stringData.session")


@pytest.mark.parametrize(
    "top",
    [
        "stringData:\n    z: clear\n",
        "data: {z: clear}\nstringData:\n",
        "'data':\n    z: clear\nstringData:\n",
        "data :\n    z: clear\nstringData:\n",
        "? data\n: {z: clear}\nstringData:\n",
        "? |-\n  data\n: {z: clear}\nstringData:\n",
        "data:\n- clear\nstringData:\n",
    ],
)
def test_however_it_is_written(top: str) -> None:
    """What is looked at without parsing is what sops writes, and nothing else."""
    sealed = sops(MANIFEST, Form.YAML, "--encrypted-regex", "^stringData$").decode()
    assert found("encrypted/x.yaml", sealed.encode()) == []
    (plain,) = found("encrypted/x.yaml", sealed.replace("stringData:\n", top).encode())
    assert "in the clear" in plain.message


def test_up_stops_before_it_looks_at_a_cluster() -> None:
    sealed = sops(MANIFEST, Form.YAML, *RULES["unencrypted_regex"])
    entry = SECRET.replace("encrypted/web.sops.yaml, key: session", "encrypted/x.yaml")
    files = changed({"secrets/web.yaml": entry, "encrypted/web.sops.yaml": None, "encrypted/x.yaml": sealed})
    with pytest.raises(IntentError) as caught:
        load_intent(files)
    assert (caught.value.code, caught.value.where, caught.value.exit_code) == (
        "E_SOPS_PLAIN",
        "encrypted/x.yaml:8",
        2,
    )


# ---------------------------------------------------------------- the MAC of the encrypted values alone


def test_mac_only_encrypted_covers_what_is_encrypted_and_nothing_else(tmp_path: Path) -> None:
    """As `sops` itself: a value in the clear may change, an encrypted one may not, nor may the flag."""
    rule = f"age: {ROOT.recipients[0]}, encrypted_regex: ^stringData$, mac_only_encrypted: true"
    (tmp_path / "sops.yaml").write_text(f"creation_rules: [{{{rule}}}]\n")
    words = (
        "--config",
        str(tmp_path / "sops.yaml"),
        "encrypt",
        "--input-type",
        "yaml",
        "--output-type",
        "yaml",
    )
    sealed = run(real_tools()["sops"], *words, "/dev/stdin", given=MANIFEST.encode()).decode()
    renamed = sealed.replace("name: app", "name: other")
    moved = re.sub(r"user: (ENC.*)\n(.*)session: (ENC.*)", r"user: \3\n\2session: \1", sealed)
    flagged = sealed.replace("mac_only_encrypted: true", "mac_only_encrypted: false")
    for changed_file, good in ((sealed, True), (renamed, True), (moved, False), (flagged, False)):
        assert (changed_file == sealed) == (changed_file is sealed)
        assert opens(changed_file.encode()) is good
        assert real_opens(changed_file.encode()) is good
    whole = sops(MANIFEST, Form.YAML, "--encrypted-regex", "^stringData$").decode()
    without = whole.replace("name: app", "name: other")
    added = whole.replace("    version:", "    mac_only_encrypted: true\n    version:")
    for changed_file in (without, added):
        assert not opens(changed_file.encode())
        assert not real_opens(changed_file.encode())


def opens(data: bytes) -> bool:
    try:
        read_sops(data, ROOT, "x")
    except BootstrapError as error:
        assert error.code == "E_SOPS_MAC"
        return False
    return True


def real_opens(data: bytes) -> bool:
    words = ("decrypt", "--input-type", "yaml", "--output-type", "yaml", "/dev/stdin")
    try:
        run(real_tools()["sops"], *words, given=data, SOPS_AGE_KEY=ROOT.export().reveal().decode())
    except AssertionError:
        return False
    return True


# ---------------------------------------------------------------- several documents


def test_documents_are_read_as_sops_reads_them_and_numbered() -> None:
    sealed = sops(SEVERAL, Form.YAML, "--encrypted-regex", "^(data|stringData|plain)$")
    files = CommitFiles(Tree({"x.yaml": sealed}), ROOT)
    tree = files.open("x.yaml")
    assert isinstance(tree, dict)
    assert list(tree) == ["0", "1", "2"]
    first = secret_values(secret("x.yaml", "0"), tree)
    assert first == {"user": Sensitive(b"app"), "session": Sensitive(CANARY.encode())}
    token = secret_values(secret("x.yaml", "1.stringData.token"), tree)
    assert token == {"value": Sensitive(f"{CANARY}-2".encode())}
    assert secret_values(secret("x.yaml", "2.plain.list.1.b"), tree) == {"value": Sensitive(b"y")}
    with pytest.raises(BootstrapError) as caught:
        secret_values(secret("x.yaml"), tree)
    assert (caught.value.code, "source.key" in caught.value.hint) == ("E_TYPE", True)
    assert found("encrypted/x.yaml", sealed, "1") == []
    left_out = sops(SEVERAL, Form.YAML, "--encrypted-regex", "^(data|plain)$")
    assert [f.where for f in found("encrypted/x.yaml", left_out, "0")] == [
        "encrypted/x.yaml:8",
        "encrypted/x.yaml:9",
    ]
    assert len(found("encrypted/x.yaml", left_out, "1")) == 1


def test_one_mac_covers_all_documents() -> None:
    sealed = sops(SEVERAL, Form.YAML).decode()
    first, second, third = sealed.split("\n---\n")
    assert opens(sealed.encode())
    for text in (
        "\n---\n".join(parts)
        for parts in ((second, first, third), (first, second), (first, second, third, third))
    ):
        assert not opens(text.encode())
        assert not real_opens(text.encode())
    mine, another = ROOT.recipients[0], age.generate().recipients[0]
    other = mine.join(sealed.split(mine)[:-1]) + another + sealed.split(mine)[-1]
    with pytest.raises(BootstrapError) as caught:  # `sops` looks at the first document's part alone
        read_sops(other.encode(), ROOT, "x")
    assert caught.value.code == "E_SOPS_FORM"


def test_a_document_that_is_no_mapping(tmp_path: Path) -> None:
    for text in ("- a\n", "a: b\n---\n- c\n", "a: b\n---\nc\n"):
        with pytest.raises(BootstrapError) as caught:
            read_sops(text.encode(), ROOT, "x.yaml", form_of("x.yaml"))
        assert caught.value.code == "E_YAML_DOCS"


def test_a_value_in_the_clear_never_makes_an_error_of_a_whole_repository() -> None:
    sealed = sops(SEVERAL, Form.YAML, "--encrypted-regex", "^(data|stringData|plain)$")
    assert errors(found("encrypted/x.yaml", sealed, "2.plain")) == ()
