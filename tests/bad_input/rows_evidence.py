"""Rows 79 to 86: the ledger, the machine, the command itself."""

import signal
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.ledger.bundle import Bundle, export, verify_bundle
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from tests.bad_input.box import (
    CANARY,
    WEB,
    Box,
    Told,
    secret,
)
from tests.bad_input.table import refused, row, told
from tests.support import ledger_facts
from tests.support.intent_fake import SECRET
from tests.support.program import started

OPERATOR, PULL = "manifests/external-secrets/operator.yaml", "secrets/scaffold.yaml"
X = "encrypted/x.sops.yaml"


Change = Callable[[list[bytes]], list[bytes]]


def _verified(change: Change, key: ledger_facts.Key | None = None) -> Told:
    envelopes = [each.envelope for each in ledger_facts.entries(key=key)]
    verify_bundle(ledger_facts.bundle_of(tuple(change(envelopes))), {"ledger.pub": ledger_facts.Key().pem})
    return ()


@row(79, "records deleted, moved, edited", "E_CHAIN", r"record \d+")
def _(box: Box) -> Told:
    changes: tuple[Change, ...] = (lambda e: [e[1], e[0], *e[2:]], lambda e: e[1:])
    for change in changes:
        assert refused(partial(_verified, change)).code == "E_CHAIN"
    return _verified(lambda e: [*e[:3], *e[4:]])


@row(
    80,
    "an older head; two heads",
    "E_HEAD",
    "head",
    listed="E_FORK / E_ROLLBACK_*",
    why="tests/simulated/test_ledger_store.py has the forks",
)
def _(box: Box) -> Told:
    whole = Bundle.parse(ledger_facts.bundle())
    envelopes = tuple(whole.envelopes)
    older = Bundle.parse(ledger_facts.bundle_of(envelopes[:5]))
    verify_bundle(export(envelopes, older.head, whole.escrow), {"ledger.pub": ledger_facts.Key().pem})
    return ()


@row(81, "signed by a key that is not known", "E_SIG", r"record 0.*")
def _(box: Box) -> Told:
    return _verified(lambda e: e, ledger_facts.Key(2))


@row(82, "a clock that is ten minutes off", "E_CLOCK", "context simulator")
def _(box: Box) -> Told:
    def late(platform: Any) -> None:
        real = platform.cluster.server_time
        platform.cluster.server_time = lambda: real() - timedelta(minutes=10)

    return box.up(late)


@row(
    83,
    "an environment that points elsewhere",
    "W_NOT_OPENED",
    "encrypted",
    listed="ignored",
    why="nothing of it is read",
)
def _(box: Box) -> Told:
    repository = box.repository()
    plain = box.program("plan", "--repo", repository, "-o", "json").stdout
    other = box.program(
        "plan", "--repo", repository, "-o", "json", VAULT_ADDR="x", HTTPS_PROXY="http://x:1"
    ).stdout
    assert plain == other != ""
    return told(box.program("check", "--repo", repository, VAULT_TOKEN=CANARY, GIT_DIR="/x").stdout)


@row(
    84,
    "a disk that is full, a folder that cannot be written",
    "E_RECORDS",
    "/proc/.*",
    listed="E_LOCAL_*",
    why="it names what is not written",
)
def _(box: Box) -> Told:
    done = box.program("keygen", "--out", "/proc/none", "--no-passphrase", "--non-interactive")
    assert (done.returncode, "[E_LOCAL]" in done.stderr, "hint:" in done.stderr) == (4, True, True), (
        done.stderr
    )
    assert done.stdout == ""
    FolderRecords(Path("/proc/records")).write("uid", "head.json", b"x")
    return ()


@row(85, "10,000 entries; one of 10,000 fields", "E_FIELD", f"{WEB}:7:3")
def _(box: Box) -> Told:
    many = {
        f"secrets/{n}.yaml": SECRET.replace("web-session", f"s{n}").replace("web/session", f"web/s{n}")
        for n in range(1000)
    }
    assert box.spoilt(many) == ()
    from bootstrap.intent.values import secret_values

    assert len(secret_values(secret(), {f"f{n}": Sensitive(b"x") for n in range(10_000)})) == 10_000
    return box.spoilt({**many, WEB: SECRET.replace("purpose:", "purpse:")})


@row(86, "SIGINT, SIGTERM, SIGHUP", "E_INTERRUPTED")
def _(box: Box) -> Told:
    """The API server takes the connection and says nothing: the program is inside a wait."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kubeconfig = box.folder / "kubeconfig"
        address = f"https://127.0.0.1:{server.getsockname()[1]}"
        kubeconfig.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
            f"clusters: [{{name: c, cluster: {{server: '{address}'}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n"
        )
        command = ["up", "--repo", box.repository(), "--kubeconfig", kubeconfig, "--non-interactive"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with started(*command, home=box.folder) as process:
                server.settimeout(60)
                connection, _ = server.accept()
                process.send_signal(number)
                _, said = process.communicate(timeout=300)
                connection.close()
            assert process.returncode == 128 + number, said
            assert "Traceback" not in said
            assert "hint:" in said
    return [BootstrapError("seen", code="E_INTERRUPTED")]
