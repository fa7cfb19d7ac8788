"""One commit, read from the object store of repositories that the real ``git`` made (G2)."""

import os
import subprocess
import zlib
from pathlib import Path

import pytest

from bootstrap.adapters.git.create import create_repository
from bootstrap.adapters.git.repository import open_repository
from bootstrap.model.errors import DefinitionError

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
       (("NAME", "t"), ("EMAIL", "t@localhost"), ("DATE", "2026-01-01T00:00:00Z"))},
}  # fmt: skip


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], env=ENVIRONMENT, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "platform"
    (folder / "secrets").mkdir(parents=True)
    (folder / "bootstrap.yaml").write_text("kind: Platform\n")
    (folder / "secrets" / "a.yaml").write_text("a\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def refused(folder: Path, rev: str = "HEAD") -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        open_repository(folder, rev)
    assert caught.value.hint
    return caught.value


def test_the_commit_is_read_and_not_the_work_tree(repo: Path) -> None:
    (repo / "bootstrap.yaml").write_text("changed\n")
    (repo / "secrets" / "new.yaml").write_text("new\n")
    found = open_repository(repo)
    assert found.paths() == ("bootstrap.yaml", "secrets/a.yaml")
    assert found.read("bootstrap.yaml") == b"kind: Platform\n"
    assert found.unused_changes() == ("bootstrap.yaml", "secrets/new.yaml")
    assert found.commit == git(repo, "rev-parse", "HEAD")
    assert found.tree == git(repo, "rev-parse", "HEAD^{tree}")
    assert found.blob("secrets/a.yaml") == git(repo, "rev-parse", "HEAD:secrets/a.yaml")


def test_a_deleted_file_is_named_and_a_clean_tree_has_no_changes(repo: Path) -> None:
    assert open_repository(repo).unused_changes() == ()
    (repo / "secrets" / "a.yaml").unlink()
    assert open_repository(repo).unused_changes() == ("secrets/a.yaml",)


def test_every_way_to_name_a_revision(repo: Path) -> None:
    git(repo, "tag", "-a", "v1", "-m", "v1")
    git(repo, "tag", "light")
    git(repo, "branch", "other")
    first = git(repo, "rev-parse", "HEAD")
    (repo / "secrets" / "a.yaml").write_text("b\n")
    git(repo, "commit", "-q", "-am", "second")
    second = git(repo, "rev-parse", "HEAD")
    for rev in ("v1", "light", "other", "refs/heads/other", first, first[:8], first[:4].upper()):
        assert open_repository(repo, rev).commit == first
    for rev in ("HEAD", "main"):
        assert open_repository(repo, rev).commit == second


@pytest.mark.parametrize("rev", ["nothing", "0" * 40, "ffff", "../../etc", "HEAD~1", "", ":0:a"])
def test_a_revision_that_is_not_there(repo: Path, rev: str) -> None:
    assert refused(repo, rev).code == "E_REPO_REV"


def test_packed_and_bare_and_linked_work_trees(repo: Path, tmp_path: Path) -> None:
    git(repo, "gc", "-q", "--aggressive")
    git(repo, "pack-refs", "--all")
    bare = tmp_path / "bare.git"
    git(repo, "clone", "-q", "--bare", str(repo), str(bare))
    linked = tmp_path / "linked"
    git(repo, "worktree", "add", "-q", str(linked), "-b", "side")
    for folder in (repo, bare, linked):
        assert open_repository(folder).read("secrets/a.yaml") == b"a\n"
    assert open_repository(bare).unused_changes() == ()


def test_not_a_repository(tmp_path: Path, repo: Path) -> None:
    assert refused(tmp_path / "no").code == "E_REPO_MISSING"
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file").code == "E_REPO_MISSING"
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").code == "E_REPO_KIND"
    inside = refused(repo / "secrets")
    assert inside.code == "E_REPO_KIND"
    assert str(repo) in inside.hint


def test_no_commit_yet_says_git_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    error = refused(tmp_path)
    assert error.code == "E_REPO_REV"
    assert "git" in error.hint
    assert "commit" in error.hint


def test_symbolic_links_and_submodules_are_refused(repo: Path, tmp_path: Path) -> None:
    (repo / "secrets" / "link.yaml").symlink_to("/etc/passwd")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "link")
    error = refused(repo)
    assert (error.code, error.where.endswith(":secrets/link.yaml")) == ("E_PATH_ESCAPE", True)
    git(repo, "rm", "-q", "secrets/link.yaml")
    head = git(repo, "rev-parse", "HEAD")
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
    git(repo, "commit", "-q", "-m", "submodule")
    assert refused(repo).code == "E_PATH_ESCAPE"


def test_a_name_that_would_write_to_the_terminal_is_refused_and_shown_escaped(repo: Path) -> None:
    (repo / "secrets" / "a\x1b[31m.yaml").write_text("")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "escape")
    error = refused(repo)
    assert error.code == "E_PATH_CHARS"
    assert "\x1b" not in error.message + error.where


def test_hooks_filters_replace_refs_and_grafts_have_no_effect(repo: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (repo / ".gitattributes").write_text("*.yaml filter=evil\n")
    git(repo, "add", ".gitattributes")
    git(repo, "commit", "-q", "-m", "attributes")
    first = git(repo, "rev-parse", "HEAD")
    hook = repo / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    git(repo, "config", "filter.evil.smudge", f"touch {marker}; cat")
    git(repo, "config", "core.fsmonitor", f"touch {marker}")
    (repo / "secrets" / "a.yaml").write_text("replaced\n")
    git(repo, "-c", "core.fsmonitor=", "-c", "filter.evil.clean=cat", "commit", "-q", "-am", "second")
    git(repo, "replace", first, "HEAD")
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "grafts").write_text(f"{first}\n")
    marker.unlink(missing_ok=True)
    found = open_repository(repo, first)
    assert found.read("secrets/a.yaml") == b"a\n"
    found.unused_changes()
    assert not marker.exists()


def test_an_alternate_store_may_lend_objects_but_not_other_ones(repo: Path, tmp_path: Path) -> None:
    blob = git(repo, "rev-parse", "HEAD:secrets/a.yaml")
    lender = tmp_path / "lender"
    git(repo, "clone", "-q", "--bare", str(repo), str(lender))
    sharing = tmp_path / "sharing"
    git(repo, "clone", "-q", "--shared", str(lender), str(sharing))
    assert not list((sharing / ".git" / "objects").glob("??"))
    assert open_repository(sharing).read("secrets/a.yaml") == b"a\n"
    forged = lender / "objects" / blob[:2] / blob[2:]
    forged.parent.mkdir(exist_ok=True)
    forged.unlink(missing_ok=True)
    forged.write_bytes(zlib.compress(b"blob 2\0z\n"))
    with pytest.raises(DefinitionError) as caught:
        open_repository(sharing).read("secrets/a.yaml")
    assert caught.value.code == "E_REPO_REV"


def test_nothing_of_the_surroundings_or_of_the_repositorys_configuration_counts(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, other = tmp_path / "ran", tmp_path / "other"
    git(repo, "clone", "-q", str(repo), str(other))
    (other / "secrets" / "a.yaml").write_text("other\n")
    git(other, "commit", "-q", "-am", "other")
    for name, value in (
        ("core.hooksPath", str(tmp_path)),
        ("core.attributesFile", "/nonexistent"),
        ("core.worktree", str(other)),
        ("core.pager", f"touch {marker}"),
        ("core.sshCommand", f"touch {marker}"),
        ("include.path", str(tmp_path / "included")),
        ("diff.external", f"touch {marker}"),
    ):
        git(repo, "config", name, value)
    (repo / ".gitmodules").write_text(
        '[submodule "x"]\n\tpath = x\n\turl = ext::touch ran\n\tupdate = !touch ran\n'
    )
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(f"[core]\n\tfsmonitor = touch {marker}\n")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"):
        monkeypatch.setenv(name, str(other / ".git"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    found = open_repository(repo)
    assert found.read("secrets/a.yaml") == b"a\n"
    assert found.unused_changes() == ()
    assert not marker.exists()


def test_an_object_that_is_not_what_its_name_says(repo: Path) -> None:
    blob = git(repo, "rev-parse", "HEAD:secrets/a.yaml")
    loose = repo / ".git" / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(zlib.compress(b"blob 2\0z\n"))
    with pytest.raises(DefinitionError) as caught:
        open_repository(repo).read("secrets/a.yaml")
    assert caught.value.code == "E_REPO_REV"


def test_a_missing_file_is_named(repo: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        open_repository(repo).read("secrets/none.yaml")
    assert (caught.value.code, caught.value.where) == ("E_FILE_MISSING", "secrets/none.yaml")


def test_a_repository_made_by_us_is_clean_for_git(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a").write_text("a")
    (tmp_path / ".gitignore").write_text("x\n")
    made = create_repository(tmp_path, "first")
    assert git(tmp_path, "status", "--porcelain") == ""
    assert git(tmp_path, "rev-parse", "main") == made == open_repository(tmp_path).commit
    assert git(tmp_path, "log", "-1", "--format=%an <%ae> %s") == "bootstrap <bootstrap@localhost> first"
    git(tmp_path, "fsck", "--strict")
