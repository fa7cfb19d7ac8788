"""A root key that does not open, through the real command: the id, and what to do about it (S1, B2)."""

import os
import pty
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from bootstrap.adapters.age import root as age
from bootstrap.cli.app import app
from bootstrap.cli.exits import caught
from bootstrap.model.sensitive import Sensitive
from tests.bad_input.conftest import Case
from tests.support.identities import PLUGIN_FILE, identity_file
from tests.support.program import BOOTSTRAP, assert_decent, assert_refused, hostile, run_bootstrap, said
from tests.support.real_sops import Gpg, gpg_home, real_tools, run

LONG_AGO = "20250101T000000"
NUMBERS = count()  # GnuPG wants one key a name


class Holder:
    """A folder of keys, and a GnuPG home."""

    def __init__(self, folder: Path, gpg: Gpg) -> None:
        self.folder, self.gpg = folder, gpg

    def file(self, content: bytes, mode: int = 0o600) -> str:
        path = identity_file(self.folder, content)
        path.chmod(mode)
        return f"file:{path}"

    def ssh(self, passphrase: str = "") -> Path:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(self.folder / "id"))
        return self.folder / "id"

    def key(self, lasts: str = "never", at: str = "") -> str:
        return self.gpg.new_key(f"holder {next(NUMBERS)}", "future-default", "default", lasts, at=at)

    def revoked(self) -> str:
        fingerprint = self.key()
        text = (self.gpg.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self.gpg("--import", given=text.replace(":-----", "-----").encode())
        return fingerprint

    def public(self, fingerprint: str) -> bytes:
        return self.gpg("--armor", "--export", fingerprint)

    def quantum(self) -> bytes:
        return run(real_tools()["age-keygen"], "-pq")


@pytest.fixture(scope="module")
def holder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holder]:
    with gpg_home() as gpg:
        yield Holder(tmp_path_factory.mktemp("keys"), gpg)


PUBLIC = age.generate().recipients[0].encode()
REFUSED: dict[str, tuple[Callable[[Holder], str], str, str]] = {
    "no such file": (lambda h: f"file:{h.folder}/none", "E_KEY_MISSING", "bootstrap keygen"),
    "others can read it": (
        lambda h: h.file(age.generate().export().reveal(), 0o640),
        "E_KEY_MODE",
        "chmod 600",
    ),
    "an age public key, for all to read": (lambda h: h.file(PUBLIC, 0o644), "E_KEY_KIND", "the private half"),
    "an SSH public key": (lambda h: f"file:{h.ssh()}.pub", "E_KEY_KIND", "without .pub"),
    "an OpenPGP public key": (
        lambda h: h.file(h.public(h.key()), 0o644),
        "E_KEY_KIND",
        "--export-secret-keys",
    ),
    "empty": (lambda h: h.file(b""), "E_KEY_KIND", "age identity"),
    "behind a passphrase, nobody to ask": (
        lambda h: h.file(age.protect(age.generate().export(), Sensitive(b"right"))),
        "E_KEY_PASS",
        "on a terminal",
    ),
    "SSH, behind a passphrase, nobody to ask": (
        lambda h: f"file:{h.ssh('right')}",
        "E_KEY_PASS",
        "on a terminal",
    ),
    "post-quantum, without age": (lambda h: h.file(h.quantum()), "E_KEY_KIND", "install age"),
    "OpenPGP, expired": (
        lambda h: h.file(h.gpg.secret(h.key("seconds=3600", LONG_AGO))),
        "E_PGP_STATE",
        "--quick-set-expire",
    ),
    "OpenPGP, revoked": (lambda h: h.file(h.gpg.secret(h.revoked())), "E_PGP_STATE", "another key"),
    "agent, without the key": (lambda h: "gpg-agent:" + "A" * 40, "E_KEY_MISSING", "--list-secret-keys"),
    "agent, expired": (
        lambda h: f"gpg-agent:{h.key('seconds=3600', LONG_AGO)}",
        "E_PGP_STATE",
        "--quick-set-expire",
    ),
    "agent, revoked": (lambda h: f"gpg-agent:{h.revoked()}", "E_PGP_STATE", "another key"),
    "a command that fails": (lambda h: "cmd:false", "E_KEY_MISSING", "run it by hand"),
    "no such descriptor": (lambda h: "fd:7777", "E_KEY_MISSING", "3< root.key"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_it_says_and_what_to_do(
    what: str,
    valid: Path,
    holder: Holder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command in this process, up to its exit code; those below are processes of their own."""
    make, code, hint = REFUSED[what]
    words = ["check", "--repo", str(valid / "platform"), "--root", make(Holder(tmp_path, holder.gpg))]
    monkeypatch.setenv("GNUPGHOME", str(holder.gpg.home))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    exit_code = caught(
        lambda: app([*words, "--non-interactive"], prog_name="bootstrap", standalone_mode=False)
    )
    out, err = capsys.readouterr()
    assert (exit_code, out) == (4, ""), err
    assert f"[{code}]" in err
    assert hint in err[err.index("hint:") :], err
    assert "Traceback" not in err


def test_there_is_no_agent_to_ask(valid: Path, holder: Holder) -> None:
    words = (
        "check",
        "--repo",
        valid / "platform",
        "--root",
        f"gpg-agent:{holder.key()}",
        "--non-interactive",
    )
    assert_refused(run_bootstrap(*words), 4, "E_KEY_MISSING", "GNUPGHOME")  # there is no such home
    done = run_bootstrap(*words, GNUPGHOME=str(holder.gpg.home), PATH="/nonexistent")
    assert_refused(done, 4, "E_KEY_MISSING", "install GnuPG")


def test_an_age_plugin_that_is_not_there_and_one_that_may_ask_nobody(valid: Path, holder: Holder) -> None:
    words = ("check", "--repo", valid / "platform", "--root", holder.file(PLUGIN_FILE))
    assert_refused(run_bootstrap(*words), 4, "E_KEY_KIND", "install age-plugin-tester")
    assert_refused(run_bootstrap(*words, "--non-interactive"), 4, "E_KEY_ASKS", "without --non-interactive")


def on_a_terminal(typed: bytes, home: Path, *words: str) -> tuple[int, str]:
    """The command with somebody who answers its one question."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, str(BOOTSTRAP), *words], hostile(home))
    seen = b""
    answered = False
    while True:
        try:
            seen += os.read(terminal, 1024)
        except OSError:  # the other side is closed
            break
        if not answered and seen.rstrip().endswith(b":"):
            os.write(terminal, typed + b"\n")
            answered = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode(errors="replace")


@pytest.mark.parametrize("kind", ["age", "ssh", "OpenPGP"])
def test_a_wrong_passphrase_typed(kind: str, valid: Path, holder: Holder, tmp_path: Path) -> None:
    mine = Holder(tmp_path, holder.gpg)
    if kind == "age":
        spec = mine.file(age.protect(age.generate().export(), Sensitive(b"right")))
    elif kind == "ssh":
        spec = f"file:{mine.ssh('right')}"
    else:
        fingerprint = holder.gpg.new_key("locked", "future-default", "default", "never", passphrase="right")
        spec = mine.file(holder.gpg.secret(fingerprint, "right"))
    code, told = on_a_terminal(
        b"wrong-5b1", tmp_path, "check", "--repo", str(valid / "platform"), "--root", spec
    )
    assert (code, "[E_KEY_PASS]" in told, "hint:" in told) == (4, True, True), told
    assert "does not open" in told
    assert "wrong-5b1" not in told
    assert "Traceback" not in told


def test_a_wrong_key_is_one_line_that_counts_and_names_who_would_do(case: Case, tmp_path: Path) -> None:
    wrong = age.generate()
    spec = f"file:{identity_file(tmp_path, wrong.export().reveal())}"
    words = ("check", "--repo", case.folder, "--root", spec)
    done = run_bootstrap(*words)
    assert_decent(done)
    assert done.returncode == 2, said(done)
    right = (case.folder / "keys/root.txt").read_text().split()[-1]
    (line,) = [each for each in done.stdout.splitlines() if "E_NO_IDENTITY" in each]
    assert f"needs the private key of {right}" in line
    assert wrong.recipients[0] in line
    number = len([p for p in (case.folder / "encrypted").rglob("*") if p.is_file()])
    assert f"{number} files" in line
    assert f"{number} errors" in done.stdout
    for report in ("json", "sarif"):  # a machine gets each
        assert run_bootstrap(*words, "-o", report).stdout.count('"E_NO_IDENTITY"') >= number
