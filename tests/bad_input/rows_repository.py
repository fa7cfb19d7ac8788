"""Rows 1 to 10: the repository."""

import os

import pytest

from bootstrap.adapters.git.history import past_files
from bootstrap.adapters.git.repository import open_repository
from bootstrap.model.errors import BootstrapError
from tests.bad_input.box import (
    Box,
    Told,
)
from tests.bad_input.table import row, stopped, told
from tests.support.program import commit_all, git
from tests.support.real_sops import run
from tests.support.work import memory_at_most

OPERATOR, PULL = "manifests/external-secrets/operator.yaml", "secrets/scaffold.yaml"
X = "encrypted/x.sops.yaml"


@row(1, "the path does not exist", "E_REPO_MISSING", ".*/nowhere")
def _(box: Box) -> Told:
    open_repository(box.folder / "nowhere")
    return ()


@row(2, "not a Git repository", "E_REPO_KIND", ".*/plain")
def _(box: Box) -> Told:
    bare = box.folder / "bare"
    git(box.folder, "clone", "--quiet", "--bare", str(box.repository()), str(bare))
    assert open_repository(bare).paths() == open_repository(box.repository()).paths()  # a bare one is fine
    (box.folder / "plain").mkdir()
    open_repository(box.folder / "plain")
    return ()


@row(
    3, "a dirty tree", "W_REPO_DIRTY", "secrets/more.yaml", listed="E_REPO_DIRTY", why="a note: it is unused"
)
def _(box: Box) -> Told:
    (box.repository() / "secrets/more.yaml").write_text("kind: [")
    return told(box.program("check", "--repo", box.repository()).stdout)


@row(4, "an unknown commit, a history that is cut off", "E_REPO_REV", ".*/shallow")
def _(box: Box) -> Told:
    (box.repository() / "x.txt").write_text("x")
    commit_all(box.repository())
    shallow = box.folder / "shallow"
    git(box.folder, "clone", "--quiet", "--depth=1", f"file://{box.repository()}", str(shallow))
    repository = open_repository(shallow)  # one commit is whole without its parents
    with pytest.raises(BootstrapError, match="no revision"):
        open_repository(shallow, "f" * 40)
    list(past_files(repository))
    return ()


@row(5, "a commit that is not signed, or by somebody who is not pinned", "E_REPO_UNSIGNED", ".*/platform")
def _(box: Box) -> Told:
    """ssh-keygen's keys, git's own signatures: by the pinned signer good, by another one or by nobody refused."""
    for name in ("pinned", "other"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(box.folder / name))
    signers = box.folder / "signers"
    signers.write_text("holder@example " + (box.folder / "pinned.pub").read_text())
    words = ("check", "--repo", box.repository(), "--trusted-signers", signers)
    unsigned = box.program(*words)
    for name, good in (("pinned", True), ("other", False)):
        key = f"user.signingkey={box.folder / name}"
        sign = ("-c", "gpg.format=ssh", "-c", key, "commit", "--quiet", "--allow-empty", "-S", "-m", name)
        git(box.repository(), *sign)
        done = box.program(*words)
        assert (done.returncode in (0, 2) and "signed by holder@example" in done.stderr) is good, done.stderr
        assert ("[E_REPO_SIGNER]" in done.stderr) is not good
        assert good or done.returncode == 6
    assert (unsigned.returncode, "hint:" in unsigned.stderr) == (6, True), unsigned.stderr
    return stopped(unsigned.stderr)


@row(6, "replace refs and hooks", "E_PATH_CASE", "readme.md", listed="E_REPO_TRICK", why="without effect")
def _(box: Box) -> Told:
    """The commit that is asked for is read, whatever the tricks say; its own fault is found, not theirs."""
    box.checked({"README.md": b"a", "readme.md": b"b"})
    asked = git(box.repository(), "rev-parse", "HEAD")
    git(box.repository(), "rm", "--quiet", "-f", "readme.md")
    other = commit_all(box.repository())
    git(box.repository(), "replace", asked, other)
    hook = box.repository() / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {box.folder}/hooked\n")
    hook.chmod(0o755)
    said = box.program("check", "--repo", box.repository(), "--rev", asked).stdout
    assert not (box.folder / "hooked").exists()
    return told(said)


@row(7, "a symbolic link; a path that leads out", "E_PATH_ESCAPE", ".*:link")
def _(box: Box) -> Told:
    with pytest.raises(BootstrapError, match="leads out"):
        box.tree(f"100644 blob {'0' * 40}\t..")
    (box.repository() / "link").symlink_to("/etc/passwd")
    box.committed({})
    return ()


@row(8, "control characters in a path", "E_PATH_CHARS", r".*:a\\x1b\[2Jb")
def _(box: Box) -> Told:
    with pytest.raises(BootstrapError, match="cannot be shown"):
        box.tree(f"100644 blob {'0' * 40}\ta\nb")
    box.tree(f"100644 blob {'0' * 40}\ta\x1b[2Jb")
    return ()


@row(9, "two files that differ in case", "E_PATH_CASE", "secrets/Orders.yaml|secrets/orders.yaml")
def _(box: Box) -> Told:
    return box.checked({"secrets/Orders.yaml": b""})


@row(10, "a huge file; a key that is a pipe", "E_SIZE", "manifests/huge.bin")
def _(box: Box) -> Told:
    os.mkfifo(box.folder / "fifo", 0o600)
    with pytest.raises(BootstrapError, match="not a regular file"):
        from bootstrap.adapters.root.root_key import open_root

        open_root(f"file:{box.folder}/fifo", lambda _: None)
    huge = box.repository() / "manifests/huge.bin"
    with huge.open("wb") as file:
        file.truncate((64 << 20) + 1)
    repository = box.committed({})
    with memory_at_most(16 << 20), pytest.raises(BootstrapError) as caught:
        repository.read("manifests/huge.bin")
    return [caught.value]
