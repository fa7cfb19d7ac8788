"""B4, B2: the fresh process gets the root key through a pipe and nothing else from us."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from bootstrap.adapters.git.access import GitAccess
from bootstrap.adapters.records.escrow_proof import NO_ACCESS, FreshProcess
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.sensitive import Sensitive

CANARY = "AGE-SECRET-KEY-1CANARY"
CHILD = """#!{python}
import json, os, sys
def given(option):
    fd = int(sys.argv[sys.argv.index(option) + 1].removeprefix("fd:"))
    return os.fdopen(fd).read()
also = {{o: given(o) for o in ("--git-key", "--git-token") if o in sys.argv}}
root = given("--root")
with open({seen!r}, "w") as file:
    json.dump({{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "root": root, **also,
               "fds": sorted(int(n) for n in os.listdir("/proc/self/fd"))}}, file)
{ending}
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Child":
    return Child(tmp_path, monkeypatch)


class Child:
    """A stand-in for the program, so that what reaches it can be looked at."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.python = sys.executable
        self.seen = folder / "seen.json"
        monkeypatch.setenv("VAULT_TOKEN", CANARY)
        monkeypatch.setattr(sys, "executable", str(folder / "child"))

    def proof(self, ending: str, root: str = CANARY, git: GitAccess = NO_ACCESS) -> FreshProcess:
        path = self.folder / "child"
        path.write_text(CHILD.format(python=self.python, seen=str(self.seen), ending=ending))
        path.chmod(0o755)
        return FreshProcess(
            repo=str(self.folder / "repo"),
            commit="c" * 40,
            kubeconfig=self.folder / "kubeconfig",
            context="demo",
            records=self.folder / "records",
            root=lambda: Sensitive(root.encode(), "root key"),
            git=git,
            signers=self.folder / "signers",
        )


GOOD = """print('{"vaultClusterId": "v", "method": "unseal"}')"""


def test_the_answer_is_what_the_child_proved(child: "Child") -> None:
    assert child.proof(GOOD).prove("uid") == {"vaultClusterId": "v", "method": "unseal"}


def test_the_root_key_goes_through_the_pipe_and_nowhere_else(child: "Child") -> None:
    child.proof(GOOD).prove("uid")
    seen = json.loads(child.seen.read_text())
    assert seen["root"] == CANARY
    assert CANARY not in json.dumps([seen["argv"], seen["env"]])
    assert (seen["env"].keys() - {"LC_CTYPE"}, seen["cwd"]) == ({"PATH", "LC_ALL"}, "/")
    assert seen["argv"][:4] == ["-I", "-m", "bootstrap", "prove-escrow"]
    assert seen["argv"][seen["argv"].index("--cluster") + 1] == "uid"
    assert seen["argv"][seen["argv"].index("--rev") + 1] == "c" * 40


def test_key_and_token_of_a_remote_repository_go_through_pipes_too(child: "Child") -> None:
    long = "k" * 300_000
    key, token = Sensitive(long.encode(), "key"), Sensitive(CANARY.encode(), "token")
    access = GitAccess(
        key=key, token=token, known_hosts=Path("known_hosts"), ca=Path("ca"), proxy="http://p:1"
    )
    child.proof(GOOD, root=long, git=access).prove("uid")
    seen = json.loads(child.seen.read_text())
    assert (seen["--git-key"], seen["--git-token"], seen["root"]) == (long, CANARY, long)
    assert CANARY not in json.dumps([seen["argv"], seen["env"]])
    told = dict(zip(seen["argv"][4::2], seen["argv"][5::2], strict=True))
    here = Path.cwd()
    assert (told["--git-known-hosts"], told["--git-ca"]) == (str(here / "known_hosts"), str(here / "ca"))
    assert (told["--proxy"], told["--trusted-signers"]) == ("http://p:1", str(child.folder / "signers"))


def test_a_long_root_key_does_not_block(child: "Child") -> None:
    child.proof(GOOD, root="x" * 300_000).prove("uid")
    assert len(json.loads(child.seen.read_text())["root"]) == 300_000


def test_an_escrow_that_does_not_open_is_broken_evidence(child: "Child") -> None:
    ending = "sys.stderr.write('  waiting  x\\nerror: the share does not open this Vault\\n  hint: x\\n'); sys.exit(6)"
    with pytest.raises(EvidenceError, match="the share does not open this Vault") as caught:
        child.proof(ending).prove("uid")
    assert (caught.value.code, caught.value.exit_code) == ("E_ESCROW", 6)


@pytest.mark.parametrize("ending", ["sys.exit(1)", "print('no JSON')", "print('[1]')"])
def test_anything_else_is_no_proof(child: "Child", ending: str) -> None:
    with pytest.raises(WorldError) as caught:
        child.proof(ending).prove("uid")
    assert caught.value.code == "E_PROOF"


def test_a_child_that_dies_at_once_is_told(child: "Child") -> None:
    proof = child.proof(GOOD, root="x" * 300_000)
    (child.folder / "child").write_text(f"#!{child.python}\nraise SystemExit(1)\n")
    with pytest.raises(WorldError):
        proof.prove("uid")


def test_a_process_that_was_begun_is_asked_and_had_nothing_before(child: "Child") -> None:
    begun = child.folder / "begun"
    proof = child.proof(GOOD)
    code = (
        (child.folder / "child")
        .read_text()
        .replace("def given", f"open({str(begun)!r}, 'a').write('x')\ndef given")
    )
    (child.folder / "child").write_text(code)
    proof.begin("uid")
    while not begun.exists():
        time.sleep(0.01)
    assert not child.seen.exists(), "it waits for its first pipe"
    assert proof.prove("uid")["vaultClusterId"] == "v"
    assert begun.read_text() == "x"
    assert json.loads(child.seen.read_text())["root"] == CANARY
    proof.prove("uid")
    assert begun.read_text() == "xx", "once asked, it is over"


@pytest.mark.parametrize("then", ["prove of another cluster", "begin", "close"])
def test_a_process_that_was_begun_in_vain_is_ended(child: "Child", then: str) -> None:
    proof = child.proof(GOOD)
    proof.begin("uid")
    (pid,) = children()
    match then:
        case "close":
            proof.close()
        case "begin":
            proof.begin("other")
        case _:
            assert proof.prove("other")["vaultClusterId"] == "v"
            seen = json.loads(child.seen.read_text())
            assert seen["argv"][seen["argv"].index("--cluster") + 1] == "other"
    assert pid not in children()
    proof.close()
    assert children() == []


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
