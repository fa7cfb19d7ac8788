"""The folder that every recorded command runs in: intent repositories with fixed commit ids, keys, odd files.

good/            every class and form of secret, an age root (good.root.key)
pgp/             an OpenPGP root (pgp.root.key)
NAME/            good/ with one fault, for each of ``faults.FAULTS``
dirty/, history/ good/ with an uncommitted change; with a key in an earlier commit
trees/           what `import` is given
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.golden.faults import FAULTS, changed

HERE = Path(__file__).parent
INPUTS = HERE / "inputs"
SECONDS = 1767225600  # 2026-01-01T00:00:00Z
NOBODY = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Golden",
    "GIT_AUTHOR_EMAIL": "golden@localhost",
    "GIT_COMMITTER_NAME": "Golden",
    "GIT_COMMITTER_EMAIL": "golden@localhost",
    "GIT_AUTHOR_DATE": f"{SECONDS} +0000",
    "GIT_COMMITTER_DATE": f"{SECONDS} +0000",
}
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: invented}}]
"""
FILES = {
    "nowhere.kubeconfig": KUBECONFIG,
    "broken.kubeconfig": "apiVersion: [\n",
    "empty.kubeconfig": "",
    "other.root.key": "AGE-SECRET-KEY-1INVENTED\n",
    "public.root.key": "age1ed7qt69j2tauscztzl45s7pf0fvvc0f8pagepc2lulqzmkqcr90qjsdqy9\n",
    "no-plan.json": "{}\n",
    "crds/crds.yaml": (INPUTS / "good/manifests/external-secrets/crds.yaml").read_text(),
    "empty/.keep": "",
}


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    command = ["git", "-c", "core.autocrlf=false", "-c", "core.fileMode=false", *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **NOBODY}
    done = subprocess.run(command, cwd=folder, env=environment, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def commit(folder: Path, message: str = "Say what the platform is") -> str:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, files: dict[str, bytes]) -> str:
    """One commit of ``files``, whose id they and the fixed author settle; the id."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    git(folder, "init", "--quiet", "--initial-branch=main", "--object-format=sha1", "--template=", ".")
    return commit(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def make_workspace(folder: Path) -> Path:
    good = files_of(INPUTS / "good")
    folder.mkdir(parents=True, exist_ok=True)
    repository(_new(folder / "good"), good)
    repository(_new(folder / "pgp"), files_of(INPUTS / "pgp"))
    _faults(_new(folder / "faults"), good)
    _dirty(_new(folder / "dirty"), good)
    _signed(_new(folder / "signed"), good)
    _history(_new(folder / "history"), good)
    shutil.copytree(INPUTS / "trees", folder / "trees")
    for name in ("good.root.key", "pgp.root.key"):
        _private(folder / name, (INPUTS / name).read_text())
    for name in ("signers.txt", "other-signers.txt"):
        shutil.copy2(INPUTS / name, folder)
    for name, text in FILES.items():
        _private(folder / name, text)
    (folder / "open.root.key").write_bytes((INPUTS / "good.root.key").read_bytes())
    (folder / "open.root.key").chmod(0o644)
    return folder


def _faults(folder: Path, good: dict[str, bytes]) -> None:
    """By one process: a commit for each fault, without a work tree."""
    git(folder, "init", "--quiet", "--bare", "--object-format=sha1", "--template=", ".")
    who = f"Golden <golden@localhost> {SECONDS} +0000"
    stream = bytearray()
    for name, changes in FAULTS.items():
        stream += f"commit refs/heads/{name}\ncommitter {who}\ndata 0\ndeleteall\n".encode()
        for path, content in sorted(changed(good, changes).items()):
            stream += f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
    git(folder, "fast-import", "--quiet", "--done", stdin=bytes(stream) + b"done\n")


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _private(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def _dirty(folder: Path, good: dict[str, bytes]) -> None:
    repository(folder, good)
    (folder / "bootstrap.yaml").write_text("kind: [\n")
    (folder / "secrets/more.yaml").write_text("kind: Secret\n")


def _signed(folder: Path, good: dict[str, bytes]) -> None:
    """The kept commit, whose signature is of the tree of good/ as it was when it was signed."""
    repository(folder, good)
    kept = (INPUTS / "signed.commit").read_bytes()
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    assert kept.startswith(f"tree {tree}\n".encode()), "good/ has changed: sign it anew, see README.md"
    git(folder, "update-ref", "HEAD", git(folder, "hash-object", "-t", "commit", "-w", "--stdin", stdin=kept))


def _history(folder: Path, good: dict[str, bytes]) -> None:
    repository(folder, good)
    (folder / "notes.txt").write_bytes(b"keep this\n" + (INPUTS / "good.root.key").read_bytes())
    (folder / "app.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: b}\n"
    )
    commit(folder, "Add what should not be here")
    git(folder, "rm", "--quiet", "notes.txt", "app.yaml")
    commit(folder, "Take it out again")
