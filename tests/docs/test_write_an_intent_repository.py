"""The how-to, carried out as it is written: real `sops`, real `age`, real Git, our `init` and `check`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.lab.build import binaries
from bootstrap.model.errors import PreconditionError
from tests.support.intent_fake import CRDS

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-an-intent-repository.md"
KUBECTL = """#!/bin/sh
cat <<'END'
apiVersion: v1
kind: Secret
metadata: {name: grafana-smtp, namespace: grafana, creationTimestamp: null}
type: Opaque
data: {user: Z3JhZmFuYQ==, password: aHVudGVyMg==}
END
"""


def real_tools() -> dict[str, Path]:
    try:
        return binaries("sops", "age", "age-keygen")
    except PreconditionError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(error.message)


class Machine:
    """A folder with tools on PATH and a HOME of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir()
        for name, path in real_tools().items():
            (tools / name).symlink_to(path)
        (tools / "kubectl").write_text(KUBECTL)
        (tools / "kubectl").chmod(0o755)
        (folder / "keystore.p12").write_bytes(bytes(range(256)) * 8)
        here = Path(sys.executable).parent
        self.env = {"PATH": f"{tools}:{here}:{os.environ['PATH']}", "HOME": str(folder)}
        for person in ("AUTHOR", "COMMITTER"):
            self.env |= {f"GIT_{person}_NAME": "writer", f"GIT_{person}_EMAIL": "writer@localhost"}

    def run(self, script: str, folder: str = ".") -> subprocess.CompletedProcess[str]:
        command = ["bash", "-euo", "pipefail", "-c", script]
        where = self.folder / folder
        return subprocess.run(command, cwd=where, env=self.env, text=True, capture_output=True, check=False)

    def must(self, script: str, folder: str = ".") -> str:
        done = self.run(script, folder)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def commands(section: str) -> str:
    """The indented lines of one section, as one script."""
    text = PAGE.read_text().split(f"## {section}")[1].split("\n## ")[0]
    return "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A repository written by following the page; nothing of it is committed after `init`."""
    machine = Machine(tmp_path_factory.mktemp("writer"))
    machine.must("age-keygen -o second.key")
    (machine.folder / "crds.yaml").write_bytes(CRDS)
    init = "bootstrap init platform --recipient $(age-keygen -y second.key) --manifests . --no-passphrase"
    machine.must(f"{init} --non-interactive")
    machine.must("git rm -q secrets/*.yaml encrypted/*.*; mkdir -p secrets", "platform")
    machine.must(commands("4. Encrypt values"), "platform")
    for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        (machine.folder / "platform" / text.splitlines()[0].removeprefix("# ")).write_text(text)
    machine.must("git add -A && git commit -q -m written", "platform")
    return machine


@pytest.mark.parametrize("root", ["root.key", "second.key"])
def test_what_the_page_says_is_a_repository_without_a_finding(machine: Machine, root: str) -> None:
    done = machine.run(f"bootstrap check --repo platform --root file:{root} -o json")
    found = json.loads(done.stdout)
    others = [f for f in found["findings"] if f["id"] != "W_IMAGE_TAG"]  # a page cannot know digests
    assert (done.returncode, others) == (0, [])


def test_the_commands_of_the_page_check_it(machine: Machine) -> None:
    for line in commands("6. Check and commit").splitlines():
        if line.startswith("bootstrap check"):
            machine.must(line, "platform")


def test_a_wrong_root_names_who_could_open_it(machine: Machine) -> None:
    machine.must("age-keygen -o stranger.key")
    done = machine.run("bootstrap check --repo platform --root file:stranger.key")
    second = machine.must("age-keygen -y second.key").strip()
    assert done.returncode in (2, 4)
    assert second in done.stdout + done.stderr


def test_a_key_that_the_file_does_not_hold(machine: Machine) -> None:
    clone = "git clone -q platform changed && cd changed && sed -i 's/key: session/key: sesion/' secrets/shop.yaml"
    machine.must(clone + " && git commit -q -a -m typo")
    done = machine.run("bootstrap check --repo changed --root file:root.key")
    assert done.returncode == 2
    assert (
        "secrets/shop.yaml:3: E_KEY shop-session: encrypted/shop.sops.yaml has no key sesion" in done.stdout
    )
    assert "it holds database, session" in done.stdout
