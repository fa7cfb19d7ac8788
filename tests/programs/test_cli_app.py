"""The command line: exactly these names, nothing heavy, one catch, and never a traceback or a value."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer

from bootstrap.cli import exits
from bootstrap.cli.app import app
from bootstrap.cli.exits import caught
from bootstrap.model import errors
from bootstrap.model.errors import BootstrapError, Interrupted
from tests.support.intent_fake import CRDS

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "kubernetes",
    "hvac",
    "ansible_runner",
    "ansible",
    "dulwich",
    "pysequoia",
    "pyrage",
    "cryptography",
)
COMMANDS = {
    "init",
    "keygen",
    "check",
    "import",
    "rekey-repo",
    "ca",
    "rekey-unseal",
    "schema",
    "doctor",
    "hosts",
    "plan",
    "up",
    "status",
    "verify",
    "set",
    "unseal",
    "abandon",
    "ledger",
    "lab",
    "snapshot",
    "drill",
}


def bootstrap(*argv: str, cwd: Path = ROOT, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bootstrap", *argv]
    environment = {"PATH": os.environ["PATH"], **env}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def test_the_commands_are_exactly_these() -> None:
    group: Any = typer.main.get_command(app)
    shown = {name for name, command in group.commands.items() if not command.hidden}
    assert shown == COMMANDS


def test_help_loads_nothing_heavy() -> None:
    """Of any command: one process shows all, and says after each what it has loaded so far."""
    told = loaded(["--help"], *([name, "--help"] for name in sorted(COMMANDS))).splitlines()
    assert [line for line in told if line.startswith("LOADED")] == ["LOADED []"] * (len(COMMANDS) + 1)
    assert sum(line.startswith("Usage: ") for line in told) == len(COMMANDS) + 1


def loaded(*commands: list[str]) -> str:
    """What commands say, and a line behind each about the heavy packages that are loaded."""
    script = (
        "import sys\n"
        "from bootstrap.cli.app import app\n"
        f"for argv in {commands!r}:\n"
        "    app(argv, standalone_mode=False)\n"
        f"    print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


COMMON = [
    "--repo",
    "--rev",
    "--root",
    "--kubeconfig",
    "--context",
    "--records",
    "--output",
    "--non-interactive",
]


@pytest.mark.parametrize("command", ["doctor", "plan", "up", "status", "verify"])
def test_the_common_options_are_the_same_everywhere(command: str) -> None:
    done = bootstrap(command, "--help")
    assert [option for option in COMMON if option not in done.stdout] == []


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["plan", "--rpo", "x"], 2, "error: No such option: --rpo"),
        (["paln"], 2, "error: No such command 'paln'"),
        (["plan", "--repo", "/nowhere"], 2, "error: there is no folder /nowhere"),
        (["plan", "-o", "xml"], 2, "error: Invalid value"),
        (["prove-escrow"], 2, "error: Missing option"),
    ],
)
def test_a_mistake_is_three_lines_at_most(argv: list[str], code: int, said: str) -> None:
    done = bootstrap(*argv)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert re.match(r"error: .* \[E_[A-Z_]+\]\n", done.stderr), done.stderr
    assert "\n  hint: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        (">&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        (">/dev/full", 4, "error: No space left on device [E_LOCAL]\n  where: standard output\n"),
    ],
)
def test_streams_that_are_closed_or_full(streams: str, code: int, said: str) -> None:
    command = [
        "sh",
        "-c",
        f'"$0" "$@" {streams}',
        sys.executable,
        "-m",
        "bootstrap",
        "ledger",
        "verify",
        "--help",
    ]
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr[: len(said)]) == (code, said)
    assert "fault" not in done.stderr


def test_the_version_is_told_and_nothing_heavy_is_loaded() -> None:
    done = bootstrap("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"bootstrap {metadata.version('platform-bootstrap')}\n"
    assert loaded(["--version"]).splitlines()[-1] == "LOADED []"


def test_no_arguments_show_the_help() -> None:
    done = bootstrap()
    assert done.stdout.startswith("Usage: bootstrap [OPTIONS] COMMAND")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("group", ["lab", "ledger"])
def test_a_group_without_a_command_shows_its_help(group: str) -> None:
    done = bootstrap(group)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Usage: bootstrap {group} ")


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


def classes() -> list[type[BootstrapError]]:
    found = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, BootstrapError)]
    return [c for c in found if c is not Interrupted]


@pytest.mark.parametrize("error", classes())
def test_each_error_class_has_its_exit_code(
    error: type[BootstrapError], capsys: pytest.CaptureFixture[str]
) -> None:
    code = caught(raising(error("what", code="E_X", where="file:1", hint="do this")))
    assert code == error.exit_code
    assert f"| {code} |" in str(exits.__doc__)
    assert capsys.readouterr().err == "error: what [E_X]\n  where: file:1\n  hint: do this\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_told_by_the_exit_code(number: signal.Signals, code: int) -> None:
    assert caught(raising(Interrupted("interrupted", signal_number=number))) == code


def test_ctrl_c_outside_a_run_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert caught(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err.startswith("error: interrupted [E_INTERRUPTED]\n  hint: ")


@pytest.mark.parametrize("kind", [BootstrapError, *BootstrapError.__subclasses__()])
def test_an_error_without_a_hint_of_its_own_has_its_kinds(
    kind: type[BootstrapError], capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"signal_number": 2} if kind is Interrupted else {}
    caught(raising(kind("no", **more)))  # type: ignore[arg-type]
    assert f"\n  hint: {kind.advice}\n" in capsys.readouterr().err


def test_a_fault_of_ours_shows_its_place_and_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        password = "hunter2-canary"
        raise KeyError(password)

    assert caught(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: a fault in the program: KeyError [E_FAULT]\n  where: ")
    assert "hunter2" not in said
    assert "Traceback" not in said


def test_a_closed_pipe_makes_no_noise() -> None:
    script = f"{sys.executable} -m bootstrap plan --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""


def test_b2_the_process_cannot_be_dumped_or_read() -> None:
    script = (
        "import ctypes, resource\n"
        "from bootstrap.cli.hardening import harden\n"
        "libc = ctypes.CDLL(None)\n"
        "before = libc.prctl(3, 0, 0, 0, 0)\n"
        "harden()\n"
        "print(before, libc.prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=2) == ["1", "0", "(0, 0)\n"]
    assert resource.getrlimit(resource.RLIMIT_CORE) is not None


def test_a_thread_that_dies_says_nothing() -> None:
    script = (
        "import threading\n"
        "from bootstrap.cli.hardening import harden\n"
        "harden()\n"
        "def die():\n"
        "    value = 'hunter2-canary'\n"
        "    raise ValueError(value)\n"
        "t = threading.Thread(target=die); t.start(); t.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "crds.yaml").write_bytes(CRDS)
    done = bootstrap("init", "platform", "--no-passphrase", "--manifests", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "platform"


def test_g5_the_plan_has_the_same_bytes_in_any_environment(repository: Path) -> None:
    plain = bootstrap("plan", "--repo", str(repository), "-o", "json")
    ambient = {
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "tr_TR.UTF-8",
        "HOME": "/nonexistent",
        "VAULT_TOKEN": "x",
        "KUBECONFIG": "/nonexistent",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "GIT_DIR": "/nonexistent",
    }
    other = bootstrap("plan", "--repo", ".", "-o", "json", cwd=repository, **ambient)
    assert (plain.returncode, other.returncode) == (0, 0), other.stderr
    assert plain.stdout == other.stdout
    document = json.loads(plain.stdout)
    assert document["digest"].startswith("sha256:")


def test_the_text_plan_names_every_step_and_secret(repository: Path) -> None:
    text = bootstrap("plan", "--repo", str(repository)).stdout
    document = json.loads(bootstrap("plan", "--repo", str(repository), "-o", "json").stdout)["plan"]
    wanted = [step["id"] for phase in document["phases"] for step in phase["steps"]]
    wanted += [secret["name"] for secret in document["secrets"] if secret["handedOver"]]
    wanted += [f"{item['namespace']}/{item['name']}" for item in document["derived"]]
    assert [name for name in wanted if name not in text] == []


def test_check_tells_of_a_wrong_entry(repository: Path) -> None:
    assert bootstrap("check", "--repo", str(repository)).returncode == 0


def test_an_approval_for_no_step_names_those_that_are_taken(repository: Path) -> None:
    done = bootstrap("up", "--repo", str(repository), "--kubeconfig", "x", "--approve", "foo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no step foo to approve [E_USAGE]" in done.stderr
    assert "new-authority, rollback, recover-quorum, stale-snapshot, vault-initialised" in done.stderr


@pytest.mark.parametrize("command", ["up", "status", "verify"])
def test_without_a_cluster_the_error_says_what_to_give(command: str, repository: Path) -> None:
    done = bootstrap(command, "--repo", str(repository))
    assert (done.returncode, done.stdout) == (4, "")
    assert "--kubeconfig PATH" in done.stderr


def test_an_unreachable_cluster_is_a_precondition(repository: Path, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', insecure-skip-tls-verify: false}}]\n"
        "users: [{name: u, user: {token: t}}]\n"
    )
    done = bootstrap("up", "--repo", str(repository), "--kubeconfig", str(kubeconfig))
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
