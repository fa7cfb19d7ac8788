"""``check``: its outputs, history, who else can read, and what a ledger says about the files."""

import json
import os
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.age import root as age
from bootstrap.adapters.root.holders import holders
from bootstrap.adapters.root.root_key import encrypt_to, parse_root
from bootstrap.adapters.sops.writer import encrypt_yaml
from bootstrap.cli import compose
from bootstrap.cli.commands import check as command
from bootstrap.cli.commands.check_options import Beyond, Report
from bootstrap.cli.commands.check_render import place, render
from bootstrap.cli.commands.schema import document
from bootstrap.cli.options import Options
from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.load import examine
from bootstrap.ledger.bundle import export
from bootstrap.ledger.head import glance_head, sign_head
from bootstrap.model.errors import DefinitionError, EvidenceError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.keygen import write_keyset
from bootstrap.operations.records import current_head
from bootstrap.steps.vault.escrow import escrow_bytes
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.support.intent_fake import SECRET, changed
from tests.support.ledger_facts import Key
from tests.support.program import commit_all, git

SCHEMAS = Path(__file__).parents[2] / "schemas"
TYPED = Finding(
    id="E_TYPE", where="secrets/a b.yaml:3:7", message="a < b & \x07", expected="text", found="a number"
)
FOUND = (
    TYPED,
    Finding(id="W_NEWLINE", where="secrets/a b.yaml:3", message="m", level=Level.WARNING),
    Finding(id="E_KEYS", where="keys/ledger.pub", message="m"),
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return scaffolded(tmp_path)


def ran(
    capsys: pytest.CaptureFixture[str], repository: Path, *, root: bool = False, **beyond: Any
) -> dict[str, set[str]]:
    """Id to the places of what `check` finds, but for what every scaffold says."""
    options = Options(repo=str(repository), root=f"file:{repository.parent}/root.key" if root else "")
    command.check(options, Report.JSON, Beyond(**beyond))
    found: dict[str, set[str]] = {}
    for finding in json.loads(capsys.readouterr().out)["findings"]:
        found.setdefault(finding["id"], set()).add(finding["where"])
    for always in ("W_NOT_OPENED", "W_RECIPIENTS", "W_IMAGE_TAG"):
        found.pop(always, None)
    return found


# ---------------------------------------------------------------- outputs


@pytest.mark.parametrize("kind", ["Platform", "Secret", "InternalSecret", "InternalConfig", "plan"])
def test_the_published_schemas_are_what_the_program_prints(kind: str) -> None:
    assert (SCHEMAS / f"{kind}.json").read_text() == document(kind)
    assert len(list(SCHEMAS.iterdir())) == 5


def test_a_place_is_taken_apart() -> None:
    assert [place(f) for f in FOUND] == [
        ("secrets/a b.yaml", 3, 7),
        ("secrets/a b.yaml", 3, 0),
        ("keys/ledger.pub", 0, 0),
    ]


def test_json_and_text_say_everything() -> None:
    told = json.loads(render(FOUND, Report.JSON, "repo"))
    assert (told["errors"], told["warnings"]) == (2, 1)
    assert told["findings"][0]["found"] == "a number"
    assert "2 errors, 1 warning" in render(FOUND, Report.TEXT, "repo")


def test_sarif_names_rules_and_places() -> None:
    """The members that 2.1.0 requires, and those that code hosts show."""
    log = json.loads(render(FOUND, Report.SARIF, "repo"))
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert (log["version"], rules) == ("2.1.0", ["E_KEYS", "E_TYPE", "W_NEWLINE"])
    assert [rules[r["ruleIndex"]] for r in run["results"]] == [r["ruleId"] for r in run["results"]]
    assert [r["level"] for r in run["results"]] == ["error", "warning", "error"]
    at = run["results"][0]["locations"][0]["physicalLocation"]
    assert at == {
        "artifactLocation": {"uri": "secrets/a%20b.yaml"},
        "region": {"startLine": 3, "startColumn": 7},
    }


def test_junit_counts_failures_and_is_xml() -> None:
    suite = ET.fromstring(render(FOUND, Report.JUNIT, 'a"b'))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert [len(case.findall("failure")) for case in suite] == [1, 0, 1]
    empty = ET.fromstring(render((), Report.JUNIT, "repo"))[0]
    assert (empty.get("tests"), empty.get("failures")) == ("1", "0")


# ---------------------------------------------------------------- more than one commit


def test_a_scaffold_has_no_finding(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, repository, root=True, history=True) == {}


def test_h5_a_day_that_has_passed_is_named() -> None:
    web = SECRET.replace("renew: generate", "renew: reissue, reason: x, until: 2026-02-28")
    intent, _ = examine(changed({"secrets/web.yaml": web}))
    assert intent is not None
    assert not [*command.overdue(intent, date(2026, 2, 28))]
    (found,) = command.overdue(intent, date(2026, 3, 1))
    assert (found.id, found.where, found.level) == ("W_UNTIL", "secrets/web.yaml:1", Level.WARNING)


def test_b2_a_key_in_an_earlier_commit_is_found(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "notes.txt").write_text("x\n" + (repository.parent / "root.key").read_text())
    (repository / "app.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: b}\n"
    )
    bad = commit_all(repository)
    git(repository, "rm", "--quiet", "notes.txt", "app.yaml")
    commit_all(repository)
    assert ran(capsys, repository) == {}
    found = ran(capsys, repository, history=True)
    assert found == {
        "E_KEY_IN_GIT": {f"{bad[:12]}:notes.txt:3"},
        "E_PLAINTEXT": {f"{bad[:12]}:app.yaml:1"},
    }


def test_a_shallow_clone_says_that_history_is_cut_off(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "notes.txt").write_text("x\n")
    commit_all(repository)
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
    assert ran(capsys, tmp_path / "shallow") == {}
    assert ran(capsys, tmp_path / "shallow", history=True) == {"E_REPO_REV": {str(tmp_path / "shallow")}}


def test_a_dirty_tree_is_named_and_not_used(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "secrets/more.yaml").write_text("kind: [\n")
    (repository / "bootstrap.yaml").write_text("kind: [\n")
    assert ran(capsys, repository) == {"W_REPO_DIRTY": {"bootstrap.yaml", "secrets/more.yaml"}}
    command.check(Options(repo=str(repository)), Report.TEXT, Beyond())
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "W_REPO_DIRTY" in line]
    assert "2 files are not as in the commit, and so not used (bootstrap.yaml, secrets/more.yaml)" in line


# ---------------------------------------------------------------- readers


def test_s3_whoever_else_can_read_is_named_unless_declared(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger, holder = age.generate().recipients[0], (repository / "keys/root.txt").read_text().split()[-1]
    value = Sensitive(os.urandom(16).hex().encode())
    raw, sops = "encrypted/identity-hmac-key.age", "encrypted/gitops.sops.yaml"
    (repository / raw).write_bytes(encrypt_to((holder, stranger), value))
    (repository / sops).write_bytes(
        encrypt_yaml({"deploy": {"username": value, "password": value}}, (holder, stranger))
    )
    commit_all(repository)
    assert ran(capsys, repository) == {"E_RECIPIENT_EXTRA": {raw, sops}}
    (repository / "keys/readers.txt").write_text(f"# flux in staging\n{stranger}  # its own key\n")
    commit_all(repository)
    assert ran(capsys, repository) == {}


def test_a_holder_who_cannot_open_a_file_is_counted(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (repository / "keys/root.txt").open("a") as file:
        file.write(age.generate().recipients[0] + "\n")
    commit_all(repository)
    found = ran(capsys, repository)
    assert set(found) == {"W_RECIPIENT"}
    assert len(found["W_RECIPIENT"]) == 9


@pytest.mark.parametrize("key", ["root.key", "encrypted/root-material/unseal.age"])
def test_s1_a_key_of_the_root_under_another_name_stops_check_and_up(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str
) -> None:
    """Encrypted anew, so that no byte of the ciphertext is the same."""
    root = parse_root(Sensitive((repository.parent / "root.key").read_bytes()), lambda _: None)
    value = Sensitive((repository.parent / key).read_bytes())
    value = root.unwrap(value.reveal(), key) if key.endswith(".age") else value
    sealed = encrypt_yaml({"deploy": {"username": value, "password": value}}, root.recipients)
    (repository / "encrypted/gitops.sops.yaml").write_bytes(sealed)
    commit_all(repository)
    assert "E_ROOT_SOURCE" not in ran(capsys, repository)
    assert ran(capsys, repository, root=True)["E_ROOT_SOURCE"] == {"encrypted/gitops.sops.yaml"}
    platform = SimulatedPlatform(tmp_path / "sim", repository)
    with pytest.raises(DefinitionError) as stopped:
        platform.up()
    assert (stopped.value.code, stopped.value.where) == ("E_ROOT_SOURCE", "encrypted/gitops.sops.yaml")


# ---------------------------------------------------------------- after the handover


def exported(platform: SimulatedPlatform) -> bytes:
    world = platform.world()
    envelopes = [entry.envelope for entry in world.ledger.read().entries]
    return export(envelopes, current_head(world), escrow_bytes(world))


def test_a_ciphertext_changed_after_commit_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = SimulatedPlatform(tmp_path)
    old = (platform.repository / "encrypted/orders.sops.yaml").read_bytes()
    path = platform.repository / "encrypted/orders.sops.yaml"
    path.write_bytes(old + b"# touched\n")
    commit_all(platform.repository)
    platform.up()
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(exported(platform))
    assert ran(capsys, platform.repository, bundle=bundle) == {}
    path.write_bytes(old + b"# again\n")
    commit_all(platform.repository)
    changed = ran(capsys, platform.repository, bundle=bundle)
    assert {name: len(where) for name, where in changed.items()} == {"W_CT_CHANGED": 3}
    path.write_bytes(old)
    commit_all(platform.repository)
    replayed = ran(capsys, platform.repository, bundle=bundle)
    assert {name: len(where) for name, where in replayed.items()} == {"E_CT_REPLAY": 3}
    bundle.write_bytes(bundle.read_bytes().replace(b'"format"', b'"farmot"'))
    with pytest.raises(EvidenceError):
        ran(capsys, platform.repository, bundle=bundle)


# ---------------------------------------------------------------- what `up` would stop at


def told(repository: Path, capsys: pytest.CaptureFixture[str], *, root: bool = False) -> list[dict[str, str]]:
    """Every error of `check`, whole."""
    options = Options(repo=str(repository), root=f"file:{repository.parent}/root.key" if root else "")
    command.check(options, Report.JSON, Beyond())
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [f for f in findings if f["level"] == "error"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [\n", 2),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n# no kind\napiVersion: v1\n", 6),
        ("apiVersion: v1\nkind: List\nitems: [{kind: ConfigMap}]\n", 1),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\n", 1),
        ("kind: Secret\nstringData: {a: [}\n", 2),  # looked at where plain Secrets are looked for, too
    ],
)
@pytest.mark.parametrize("file", ["external-secrets/more.yaml", "workloads/more.yaml", "workloads/notes.txt"])
def test_a_manifest_that_up_cannot_read_is_named_with_its_line(
    repository: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, line: int
) -> None:
    good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    for name, content in (("workloads/good.yaml", good), ("elsewhere/chart.yaml", "a: b\n"), (file, text)):
        (repository / "manifests" / name).parent.mkdir(exist_ok=True)
        (repository / "manifests" / name).write_text(content)
    commit_all(repository)
    found = told(repository, capsys)
    assert [(f["id"], f["where"]) for f in found] == [("E_MANIFEST", f"manifests/{file}:{line}")]
    assert found[0]["hint"]


@pytest.mark.parametrize("name", ["ledger.pub", "vault-ca.crt", "unseal.asc"])
def test_a_public_half_of_another_set_is_named(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    other = age.generate()
    write_keyset(tmp_path / "other", other, holders(other, ()), None)
    (repository / "keys" / name).write_bytes((tmp_path / "other/keys" / name).read_bytes())
    commit_all(repository)
    found = told(repository, capsys, root=True)
    assert [(f["id"], f["where"]) for f in found] == [("E_KEY_PAIR", f"keys/{name}")]
    assert "keygen" in found[0]["hint"]


def test_a_key_under_the_root_that_does_not_open_is_named_once(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (repository / "encrypted/root-material").iterdir():
        path.write_bytes(encrypt_to(age.generate().recipients, Sensitive(b"x")))
    commit_all(repository)
    found = [f for f in told(repository, capsys, root=True) if f["id"] != "E_RECIPIENT_EXTRA"]
    assert {f["id"] for f in found} == {"E_NO_IDENTITY"}
    assert len({f["where"] for f in found}) == len(found) == 4


@pytest.mark.parametrize(
    ("name", "content", "ending"),
    [
        ("x.yaml", encrypt_to(age.generate().recipients, Sensitive(b"x")), ".age"),
        ("x.txt", b"-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n-----END AGE ENCRYPTED FILE-----\n", ".age"),
        ("x.asc", encrypt_to(age.generate().recipients, Sensitive(b"x")), ".age"),
        ("x", b"-----BEGIN PGP MESSAGE-----\n\nYQ==\n", ".asc"),
        ("x.yaml", b"\x85\x01\x0c\x03binary", ".gpg"),
        ("x.age", encrypt_yaml({"k": Sensitive(b"v")}, age.generate().recipients), ".yaml"),
        ("x.age", b'{"data": "ENC[AES256_GCM,x]", "sops": {"mac": "ENC[x]"}}', ".bin"),
        ("x.yaml", b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", "ansible-vault decrypt"),
        ("x.yaml", b"\0GITCRYPT\0\1\2", "git-crypt unlock"),
    ],
)
@pytest.mark.parametrize("root", [False, True])
def test_a_ciphertext_under_another_name_is_not_taken_for_known(
    repository: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, ending: str, root: bool
) -> None:
    (repository / "encrypted" / name).write_bytes(content)
    commit_all(repository)
    (found,) = told(repository, capsys, root=root)
    assert (found["id"], found["where"]) == ("E_FORM", f"encrypted/{name}")
    assert ending in found["hint"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("x.yaml", "a: b\n", "E_PLAINTEXT"), ("x.age", "", "E_CT_EMPTY"), ("x.bin", "a", "E_FORM")],
)
def test_what_is_no_ciphertext_is_told_once(
    repository: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, code: str
) -> None:
    (repository / "encrypted" / name).write_text(content)
    commit_all(repository)
    assert [(f["id"], f["where"]) for f in told(repository, capsys, root=True)] == [
        (code, f"encrypted/{name}")
    ]


def test_a_day_that_is_none_has_not_passed() -> None:
    web = SECRET.replace("renew: generate", "renew: reissue, reason: x, until: 2026-02-30")
    intent, findings = examine(changed({"secrets/web.yaml": web}))
    assert intent is not None
    assert [f.id for f in findings] == ["E_VALUE"]
    assert not [*command.overdue(intent, date(2027, 1, 1))]


def test_one_fault_of_many_files_is_one_line_of_text() -> None:
    many = [
        Finding(id="W_RECIPIENT", where=f"encrypted/{n}.age", message="m", hint="h", level=Level.WARNING)
        for n in range(5)
    ]
    first, last = render([TYPED, *many], Report.TEXT, "repo").splitlines()[1:]
    names = "encrypted/0.age, encrypted/1.age, encrypted/2.age and 2 more"
    assert first == f"warning: encrypted: W_RECIPIENT 5 files: m ({names}) (hint: h)"
    assert last == "1 error, 5 warnings (2 lines)"


def test_a_file_that_is_not_there_but_nearly() -> None:
    web = SECRET.replace("encrypted/web.sops.yaml", "encrypted/wep.sops.yaml")
    (found,) = (f for f in examine(changed({"secrets/web.yaml": web}))[1] if f.level is Level.ERROR)
    assert (found.id, "encrypted/web.sops.yaml" in found.hint) == ("E_CATALOG_SET", True)


# ---------------------------------------------------------------- records of clusters


def test_g2_each_head_below_records_is_verified(
    repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A signed head is fine; a changed one, one in another cluster's folder, and somebody else's are errors."""
    platform = SimulatedPlatform(tmp_path / "sim", repository)
    platform.up()
    uid = platform.cluster.uid()
    head = (platform.records / uid / "head.json").read_bytes()
    committed(repository, uid, head)
    assert ran(capsys, repository).keys() & {"E_HEAD", "E_HEAD_KEY"} == set()
    foreign = sign_head(glance_head(head), Key(9))
    committed(repository, "another", head)
    committed(repository, "junk", b"{}")
    committed(repository, "cut", head[:-9])
    committed(repository, "theirs", foreign)
    found = ran(capsys, repository)
    assert found["E_HEAD"] == {f"records/{name}/head.json" for name in ("another", "junk", "cut")}
    assert found["E_HEAD_KEY"] == {"records/theirs/head.json"}
    assert command.check(Options(repo=str(repository)), Report.TEXT, Beyond()) == 2
    assert "remove this folder" in capsys.readouterr().out


def committed(repository: Path, cluster: str, head: bytes) -> None:
    folder = repository / "records" / cluster
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "head.json").write_bytes(head)
    commit_all(repository)


def test_ph4_an_environment_is_one_that_is_declared(repository: Path) -> None:
    file = repository / "bootstrap.yaml"
    file.write_text(file.read_text().replace("environments: []", "environments: [staging, production]"))
    commit_all(repository)
    plain = compose.prepare(Options(repo=str(repository))).plan
    named = compose.prepare(Options(repo=str(repository), environment="production")).plan
    assert "environment" not in plain.document
    assert {**plain.document, "environment": "production"} == named.document
    for given, hint in (("prodction", "did you mean production?"), ("x", "spec.environments")):
        with pytest.raises(DefinitionError) as refused:
            compose.prepare(Options(repo=str(repository), environment=given))
        assert (refused.value.code, refused.value.exit_code) == ("E_ENVIRONMENT", 2)
        assert hint in refused.value.hint
