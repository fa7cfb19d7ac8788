"""What is wrong with the repository or the command line is said before any cluster is asked."""

import base64
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.bad_input.conftest import Case
from tests.support import inside
from tests.support.program import (
    assert_decent,
    assert_refused,
    commit_all,
    git,
    new_home,
    run_bootstrap,
    said,
)

KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + base64.b64encode(os.urandom(48)).decode()
    + "\n-----END PRIVATE KEY-----\n"
)


def here(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in this process: all but a few of these tests look at its answer alone."""
    words = [*map(str, arguments)]
    done = inside.run(words, new_home())
    return subprocess.CompletedProcess(words, done.code, done.out, done.err)


def change(case: Case, path: str, old: str, new: str) -> None:
    file = case.folder / path
    text = file.read_text()
    assert old in text, f"{path} has no {old!r}"
    file.write_text(text.replace(old, new, 1))
    commit_all(case.folder)


def both(case: Case) -> list[list[str]]:
    """What is wrong with a commit is found by `check` and stops `up`."""
    return [["check", "--repo", str(case.folder)], case.up()]


def test_the_repository_is_not_there(case: Case) -> None:
    assert_refused(here(*case.up(repo=case.folder / "nowhere")), 2, "E_REPO_MISSING", "bootstrap init")


def test_it_is_no_git_repository(case: Case, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/bootstrap.yaml").write_text("kind: Platform\n")
    assert_refused(here(*case.up(repo=tmp_path / "plain")), 2, "E_REPO_KIND", "git -C")


def test_the_folder_is_empty(case: Case, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert_refused(here(*case.up(repo=tmp_path / "empty")), 2, "E_REPO_KIND")


def test_a_folder_inside_it_names_where_it_begins(case: Case) -> None:
    done = here(*case.up(repo=case.folder / "secrets"))
    assert_refused(done, 2, "E_REPO_KIND", f"--repo {case.folder}")


def test_the_commit_is_empty(case: Case, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "new")
    assert_refused(here(*case.up(repo=tmp_path / "new")), 2, "E_REPO_REV", "no commit")


def test_the_revision_is_not_found(case: Case) -> None:
    done = here(*case.up("--rev", "no-such-branch"))
    assert_refused(done, 2, "E_REPO_REV", "no-such-branch")


def test_bootstrap_yaml_is_missing(case: Case) -> None:
    (case.folder / "bootstrap.yaml").unlink()
    commit_all(case.folder)
    for command in both(case):
        done = here(*command)
        assert_decent(done)
        assert done.returncode == 2, said(done)
        assert "bootstrap.yaml" in done.stdout + done.stderr


def test_an_unknown_field_says_what_was_meant_and_where(case: Case) -> None:
    change(case, "secrets/orders.yaml", "owner: orders-team", "ownr: orders-team")
    line = (case.folder / "secrets/orders.yaml").read_text().splitlines().index("  ownr: orders-team") + 1
    for command in both(case):
        done = here(*command)
        assert_decent(done)
        assert done.returncode == 2, said(done)
        told = done.stdout + done.stderr
        assert "E_FIELD" in told, said(done)
        assert f"secrets/orders.yaml:{line}" in told, said(done)
        assert re.search(r"did you mean .?owner", told), said(done)


def test_an_unknown_field_of_the_platform(case: Case) -> None:
    change(case, "bootstrap.yaml", "replicas: 3", "replica: 3")
    assert_refused(here(*case.up()), 2, "E_FIELD", "bootstrap.yaml:", "replicas")


def test_two_entries_have_one_path(case: Case) -> None:
    change(
        case, "secrets/orders.yaml", "applications/orders/payment-token", "applications/orders/session-key"
    )
    assert_refused(
        here(*case.up()),
        2,
        "E_DUP_DEST",
        "orders-session-key",
        "orders-payment-token",
        "secrets/orders.yaml:",
    )


def test_plaintext_where_ciphertext_belongs(case: Case) -> None:
    (case.folder / "encrypted/orders.sops.yaml").write_text("session: plain-canary-5512\n")
    commit_all(case.folder)
    for command in both(case):
        done = here(*command)
        told = done.stdout + done.stderr
        assert done.returncode == 2, said(done)
        assert "E_PLAINTEXT" in told, said(done)
        assert "encrypted/orders.sops.yaml" in told
        assert "hint" in told
        assert "plain-canary-5512" not in told


def test_a_plain_age_file(case: Case) -> None:
    (case.folder / "encrypted/identity-hmac-key.age").write_bytes(b"plain-canary-5513")
    commit_all(case.folder)
    done = here(*case.up())
    assert_refused(done, 2, "E_PLAINTEXT", "encrypted/identity-hmac-key.age")
    assert "plain-canary-5513" not in done.stderr


@pytest.mark.parametrize(
    "path", ["keys/root.key", "secrets/leftover.yaml", "manifests/workloads/tls.yaml", "notes.txt"]
)
@pytest.mark.parametrize("kind", ["age", "pem"])
def test_a_private_key_is_committed(case: Case, path: str, kind: str) -> None:
    key = case.root_key.read_text() if kind == "age" else KEY
    (case.folder / path).write_text(key)
    commit_all(case.folder)
    for command in both(case):
        done = here(*command)
        told = done.stdout + done.stderr
        assert done.returncode == 2, said(done)
        assert "E_KEY_IN_GIT" in told, said(done)
        assert path in told
        assert key.splitlines()[-1] not in told


def test_the_root_key_is_not_there(case: Case) -> None:
    assert_refused(here(*case.up(root=case.folder / "no.key")), 4, "E_KEY_MISSING", "--root file:")


def test_the_root_key_can_be_read_by_others(case: Case) -> None:
    case.root_key.chmod(0o644)
    assert_refused(here(*case.up()), 4, "E_KEY_MODE", "chmod 600")


def test_check_with_a_wrong_root_key_names_the_one_that_would_do(case: Case, tmp_path: Path) -> None:
    done = here("keygen", "--out", tmp_path / "other", "--no-passphrase", "--non-interactive")
    assert done.returncode == 0, said(done)
    wrong = tmp_path / "other/root.key"
    done = here("check", "--repo", case.folder, "--root", f"file:{wrong}")
    assert done.returncode in (2, 4), said(done)
    assert_decent(done)
    right = next(w for w in (case.folder / "keys/root.txt").read_text().split() if w.startswith("age1"))
    assert "E_NO_IDENTITY" in done.stdout + done.stderr
    assert right in done.stdout + done.stderr


def test_no_kubeconfig(case: Case) -> None:
    done = here("up", "--repo", case.folder, "--root", f"file:{case.root_key}", "--non-interactive")
    assert_refused(done, 4, "E_KUBECONFIG", "--kubeconfig")


def test_the_kubeconfig_is_not_there(case: Case) -> None:
    case.kubeconfig.unlink()
    assert_refused(here(*case.up()), 4, "E_KUBECONFIG", str(case.kubeconfig))


def test_no_such_context(case: Case) -> None:
    assert_refused(here(*case.up("--context", "elsewhere")), 4, "E_CONTEXT", "elsewhere", "nowhere")


@pytest.mark.parametrize("command", ["up", "status", "verify"])
def test_the_api_server_is_unreachable(case: Case, command: str) -> None:
    arguments = [command, *case.up()[1:]]
    assert_refused(here(*arguments), 4, "E_UNREACHABLE", "https://127.0.0.1:9")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["up", "--repoo", "."], "--repo"),
        (["upp"], "up"),
        (["up", "--output", "xml"], "json"),
        (["up", "--repo"], "--repo"),
        (["keygen"], "--out"),
        (["init"], "DIR"),
        (["ledger", "verify"], "BUNDLE"),
        (["lab", "up", "--provider", "cloud"], "local"),
        (["lab", "up", "--name", "Not A Name"], "name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_exit_2(arguments: list[str], word: str) -> None:
    done = run_bootstrap(*arguments)
    assert_decent(done)
    assert done.returncode == 2, said(done)
    assert done.stdout == ""
    assert "hint:" in done.stderr
    assert word.lower() in done.stderr.lower()


def test_init_does_not_write_over_anything(case: Case) -> None:
    done = run_bootstrap("init", case.folder, "--keys", case.folder.parent)
    assert_refused(done, 2, "E_EXISTS", str(case.folder))


def test_keygen_makes_a_root_of_trust_once(case: Case) -> None:
    before = case.root_key.read_bytes()
    done = run_bootstrap("keygen", "--out", case.folder.parent, "--no-passphrase", "--non-interactive")
    assert_refused(done, 2, "E_EXISTS", "root.key")
    assert case.root_key.read_bytes() == before


def test_g5_nothing_is_written_to_a_home_folder(case: Case) -> None:
    home = new_home()
    run_bootstrap(*case.up(), home=home)
    run_bootstrap("check", "--repo", case.folder, "--root", f"file:{case.root_key}", home=home)
    assert [p for p in home.rglob("*") if p.is_file()] == []
