"""The pages say what is so: links, rendered pages, examples, commands. Offline."""

import hashlib
import hmac
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from bootstrap.adapters.root.derived_keys import Commitment
from bootstrap.cli.app import app
from bootstrap.intent.manifests import parse_manifests
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.permissions import wanted
from tests.docs.pages import DOCS, ROOT, anchors, blocks, links, pages
from tests.docs.render import PAGES, REFERENCE
from tests.docs.render_commands import walk
from tests.docs.render_permissions import sample
from tests.docs.shell import run, script
from tests.support.intent_errors import errors_of

NAMED = re.compile(r"# (bootstrap\.yaml|secrets/[a-z-]+\.yaml)\n")
OFFLINE = [page for page in pages() if any(b.mark and not b.where for b in blocks(page))]
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: externalsecrets.external-secrets.io}
"""
CALL = re.compile(r"\bbootstrap ((?:[a-z]+ )?[a-z]+(?:-[a-z]+)*)\b([^`\n|#]*)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_file(), f"{name(page)}: {link}"
        assert not anchor or anchor in anchors(target), f"{name(page)}: {link}"


def test_every_page_is_reached_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        todo += [
            (page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link
        ]
    assert sorted(name(page) for page in pages() if page not in seen) == []


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 60


@pytest.mark.parametrize("page", PAGES)
def test_rendered_pages_are_up_to_date(page: str) -> None:
    assert (REFERENCE / page).read_text() == PAGES[page](), "python -m tests.docs.render"


def test_g5_every_command_that_is_shown_exists_with_its_options() -> None:
    options = {
        " ".join(words): {o for p in command.params for o in p.opts} | {"--help", "-h"}
        for words, command in walk(get_command(app), ())
    }
    groups = {words.split()[0] for words in options if " " in words}
    told = (DOCS / "README.md").read_text().partition("Not built yet")[2]
    not_built = set(re.findall(r"`([a-z]+)`", told))
    assert not_built and not_built.isdisjoint(options)
    seen = 0
    for page in pages():
        code = re.findall(r"^```sh\n(?s:.*?)^```$|^ {4}[^\n]*|`[^`\n]+`", page.read_text(), re.M)
        for words, rest in (found for text in code for found in CALL.findall(text)):
            first = words.partition(" ")[0]
            command = words if first in groups else first
            if command in not_built:
                continue
            assert command in options, f"{name(page)}: bootstrap {words}"
            given = set(re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", rest.partition("&&")[0]))
            assert given <= options[command], f"{name(page)}: bootstrap {words}{rest}"
            if command == "keygen" and "--non-interactive" in given:  # else it stops with E_KEY_PASS
                assert given & {"--no-passphrase", "--passphrase", "--to"}, f"{name(page)}: {rest}"
            seen += 1
    assert seen > 60


# ---------------------------------------------------------------- examples


@pytest.mark.parametrize("page", OFFLINE, ids=name)
def test_offline_blocks_run_as_they_stand(page: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.mkdir()
    work = tmp_path / "work"
    (work / "operator").mkdir(parents=True)
    (work / "operator" / "crds.yaml").write_text(CRD)
    run(script([b for b in blocks(page) if b.mark and not b.where], said), work, said)


@pytest.mark.parametrize("page", ["add-a-secret.md", "use-your-own-cluster.md"])
def test_examples_of_the_intent_are_valid(page: str) -> None:
    files: dict[str, str | bytes | None] = {}
    for block in blocks(DOCS / "how-to" / page):
        match = NAMED.match(block.text)
        if block.language == "yaml" and match:
            files[match[1]] = block.text
    assert files
    assert errors_of(files) == []


def test_every_other_yaml_block_is_a_manifest() -> None:
    """But for pages of the intent, whose own test reads them."""
    found = [
        (block.page, parsed["kind"])
        for page in pages()
        for block in blocks(page)
        if block.language == "yaml" and "bootstrap/v1" not in block.text
        for parsed in parse_manifests(block.page, block.text.encode())
    ]
    assert [kind for page, kind in found if page.endswith("permissions.md")] == ["ClusterRole"] * 8


def test_the_cluster_role_grants_every_permission_that_up_asks_for() -> None:
    page = (b for b in blocks(REFERENCE / "permissions.md") if b.language == "yaml")
    (role,) = parse_manifests("permissions.md", next(page).text.encode())
    granted = {
        (group, what, verb)
        for rule in role["rules"]
        for group in rule.get("apiGroups", [""])
        for what in (*rule.get("resources", ()), *rule.get("nonResourceURLs", ()))
        for verb in rule["verbs"]
    }
    asked = wanted(sample())
    assert len(asked) > 50
    for each in asked:
        resource = f"{each.resource}/{each.subresource}" if each.subresource else each.resource
        assert (each.group, resource, each.verb) in granted, str(each)


def test_h4_the_commitment_example_computes_what_records_hold(tmp_path: Path) -> None:
    (example,) = (b for b in blocks(DOCS / "how-to/audit-a-transfer.md") if b.language == "python")
    assert len(example.text.splitlines()) <= 11
    (tmp_path / "commitment.py").write_text(example.text)
    key, value = "5a" * 32, "geheim-ü"
    reading, writing = os.pipe()
    os.write(writing, value.encode())
    os.close(writing)
    words = ["4c1f", "orders-session-key", "key"]
    shell = f'"{sys.executable}" -I commitment.py "$@" 3<&{reading}'
    done = subprocess.run(
        ["bash", "-c", shell, "bash", *words],
        cwd=tmp_path,
        input=f"{key}\n",
        capture_output=True,
        text=True,
        pass_fds=[reading],
        check=True,
    )
    os.close(reading)
    text = b"\0".join([b"bootstrap/v1", *(word.encode() for word in words), value.encode()])
    assert done.stdout.strip() == hmac.new(bytes.fromhex(key), text, hashlib.sha256).hexdigest()
    ours = Commitment(Sensitive(key.encode())).commit(words[0], words[1], words[2], Sensitive(value.encode()))
    assert done.stdout.strip() == ours


# ---------------------------------------------------------------- the house


def test_the_layers_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (c["layers"] for c in contracts if c["name"] == "imports run downwards")
    drawn = next(b.text for b in blocks(DOCS / "explanation/architecture.md") if b.language == "text")
    assert drawn.splitlines() == layers


def test_words_of_the_program_on_hand_written_pages_are_still_its_words() -> None:
    source = "".join(path.read_text() for path in (ROOT / "bootstrap").rglob("*.py"))
    for page in pages():
        text = page.read_text()
        for code in set(re.findall(r"`(E_[A-Z_0-9]+)`", text)) - {"E_"}:
            assert f'"{code}"' in source or f"[{code}]" in source, f"{name(page)}: {code}"
        for record in set(
            re.findall(r"`((?:vault-slot|journal|ledger|vault-unseal|bootstrap-run)[a-z-]*)-?<", text)
        ):
            assert record.split("-<")[0].rstrip("-") in source, f"{name(page)}: {record}"


def test_every_error_of_a_run_has_its_line() -> None:
    """Those that engine, steps and journal can raise, and every one about a key."""
    told = "".join((REFERENCE / page).read_text() for page in ("errors.md", "catalog.md"))
    parts = [ROOT / "bootstrap" / part for part in ("engine", "steps", "journal")]
    source = "".join(path.read_text() for part in parts for path in part.rglob("*.py"))
    keys = "".join(path.read_text() for path in (ROOT / "bootstrap").rglob("*.py"))
    raised = set(re.findall(r'"(E_[A-Z_]+)"', source)) | set(re.findall(r'"(E_KEY_[A-Z_]+)"', keys))
    assert len(raised) > 50
    assert sorted(code for code in raised if f"`{code}`" not in told) == []


def test_the_journal_page_names_every_field() -> None:
    from dataclasses import fields

    from bootstrap.journal.entries import Entry

    text = (REFERENCE / "journal.md").read_text()
    assert [f.name for f in fields(Entry) if f"`{f.name}`" not in text] == []


def test_the_records_page_names_every_phase_of_a_record() -> None:
    from bootstrap.ledger.record import RecordType

    text = (REFERENCE / "records.md").read_text()
    assert [phase for phase in RecordType if f"`{phase.value}`" not in text] == []
