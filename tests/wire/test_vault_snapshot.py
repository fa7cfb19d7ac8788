"""The raft snapshot on the wire, out of Vault and back: what is no clean answer is an error, nothing is sent twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.adapters.vault.client import PodVault
from bootstrap.adapters.vault.transport import LARGEST
from bootstrap.model.errors import BootstrapError, EvidenceError, Transient, UnknownOutcome, WorldError
from tests.support.scripted_vault import TOKEN, vault
from tests.support.tls_server import Cut


def streamed(port: PodVault) -> bytes:
    with port.raft_snapshot("vault-0", TOKEN) as chunks:
        return b"".join(chunks)


def test_it_streams_more_than_any_other_answer_may_hold(tmp_path: Path) -> None:
    content = bytes(LARGEST + 1)
    with vault(tmp_path, (200, content, {"Content-Type": "application/gzip"})) as (port, server):
        assert streamed(port) == content
        (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/v1/sys/storage/raft/snapshot")
    assert seen.headers["X-Vault-No-Request-Forwarding"] == "true"
    assert seen.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ((307, b"", {"Location": "https://127.0.0.1:1/v1/sys/storage/raft/snapshot"}), Transient, "E_VAULT_STANDBY"),
        ((403, {"errors": ["permission denied"]}), WorldError, "E_VAULT_DENIED"),
        ((503, {"errors": ["Vault is sealed"]}), Transient, "E_VAULT_SEALED"),
        ((500, {"errors": ["broken"]}), Transient, "E_VAULT_AWAY"),
        ((404, {"errors": []}), Transient, "E_VAULT_AWAY"),
        ((502, b"<html>a proxy</html>"), Transient, "E_VAULT_AWAY"),
        (Cut, Transient, "E_VAULT_AWAY"),
        ((200, b"half", {"Content-Length": "9000"}), Transient, "E_VAULT_AWAY"),
    ],
)  # fmt: skip
def test_what_is_no_stream_is_an_error(
    tmp_path: Path, answer: object, kind: type[BootstrapError], code: str
) -> None:
    with vault(tmp_path, answer) as (port, server):
        with pytest.raises(kind) as caught:
            streamed(port)
        assert (type(caught.value), caught.value.code) == (kind, code)
        assert "canary" not in caught.value.message
        assert len(server.seen) == 1


# ---------------------------------------------------------------- back

PARTS = [bytes([n]) * 100_000 for n in range(12)]


def sending(write: Callable[[bytes], object]) -> None:
    for part in PARTS:
        write(part)


def test_inv1_it_is_sent_in_parts_whatever_its_size(tmp_path: Path) -> None:
    with vault(tmp_path, (204, b"")) as (port, server):
        assert port.raft_restore("vault-0", TOKEN, sending).status == 204
        (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/sys/storage/raft/snapshot-force")
    assert seen.body == b"".join(PARTS)
    assert seen.headers["X-Vault-Token"] == "canary-token"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ((307, b"", {"Location": "https://127.0.0.1:1/v1/sys/health"}), Transient, "E_VAULT_STANDBY"),
        ((403, {"errors": ["permission denied"]}), WorldError, "E_VAULT_DENIED"),
        ((503, {"errors": ["Vault is sealed"]}), Transient, "E_VAULT_SEALED"),
        ((500, {"errors": ["failed to read snapshot file"]}), UnknownOutcome, "E_UNKNOWN_OUTCOME"),
        ((502, b"<html>a proxy</html>"), UnknownOutcome, "E_UNKNOWN_OUTCOME"),
        (Cut, UnknownOutcome, "E_UNKNOWN_OUTCOME"),
    ],
)  # fmt: skip
def test_inv1_what_is_no_clean_answer_is_not_taken_for_one(
    tmp_path: Path, answer: object, kind: type[BootstrapError], code: str
) -> None:
    with vault(tmp_path, answer) as (port, server):
        with pytest.raises(kind) as caught:
            port.raft_restore("vault-0", TOKEN, sending)
        assert (type(caught.value), caught.value.code) == (kind, code)
        assert "canary" not in caught.value.message
        assert len(server.seen) == 1


def test_what_the_file_raises_passes_and_the_request_is_never_whole(tmp_path: Path) -> None:
    def breaks(write: Callable[[bytes], object]) -> None:
        write(PARTS[0])
        raise EvidenceError("damaged", code="E_SNAPSHOT_DAMAGED")

    with vault(tmp_path, (204, b"")) as (port, server):
        with pytest.raises(EvidenceError):
            port.raft_restore("vault-0", TOKEN, breaks)
        assert server.seen == []
