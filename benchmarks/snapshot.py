"""What saving a snapshot of 10,000 secrets costs, against Vault's own download and `age` of the same bytes.

    python -m benchmarks.snapshot [--secrets 10000] [--rounds 5] [--out benchmarks/results/snapshot.json]

A real Vault of one node on loopback, TLS, no audit device. Ours streams, judges the archive while it passes, seals it
and writes the file; the other side is `vault operator raft snapshot save` into a file, then `age` of that file. The
work of the server is in the wall clock of both and in the CPU time of neither. Memory is that of a process of its own.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyrage

from benchmarks.decrypt import Comparison, interleaved, start
from benchmarks.machine import give, machine
from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.adapters.snapshot.writer import SnapshotWriter
from bootstrap.adapters.vault.barrier import Entries, check_sealed_sums
from bootstrap.adapters.vault.census import Census, Found
from bootstrap.adapters.vault.client import PodVault
from bootstrap.adapters.vault.raft_archive import Archive, ArchiveReader
from bootstrap.lab.build import binaries
from bootstrap.model.sensitive import Sensitive
from tests.contract.objects import until
from tests.contract.vault.sites import ATTEMPT, PODS, loopback, vault_binary

POD = PODS[0]
SAVING = "--saving"  # the process whose memory is measured
FEW = 100
WORKERS = 8


@dataclass(frozen=True)
class Running:
    port: PodVault
    address: str
    ca: Path
    share: Sensitive
    token: Sensitive


class Loopback:
    """A dialer for one address."""

    def __init__(self, address: str) -> None:
        self._host, self._port = address.split(":")

    def dial(self, *_: object) -> socket.socket:
        return socket.create_connection((self._host, int(self._port)))


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    folder.mkdir()
    with loopback(vault_binary(), folder, (POD,)) as site:
        port = PodVault(site.dialer, ca_pem=site.ca.pem)
        until(lambda: port.seal_status(POD), 90)
        share_key, root_key = PgpKey(generate("share")), PgpKey(generate("root"))
        answer = port.initialise(POD, ATTEMPT, share_key=share_key.certificate, root_key=root_key.certificate)
        share, token = share_key.decrypt(answer.share), root_key.decrypt(answer.root_token)
        port.unseal(POD, share)
        until(lambda: port.active([POD]), 60)
        assert port.call(
            "POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, pod=POD, token=token
        ).ok
        until(lambda: port.call("GET", "secret/config", pod=POD, token=token).ok, 30)
        host, number = site.dialer.dial(POD, 8200).getpeername()
        yield Running(port, f"{host}:{number}", folder / "tls/ca.crt", share, token)


def fill(vault: Running, numbers: range) -> None:
    def write(number: int) -> None:
        value = Sensitive(b"value %d of a secret" % number, "value")
        path = f"secret/data/applications/app-{number % 40}/secret-{number}"
        assert vault.port.call("POST", path, {"data": {"password": value}}, pod=POD, token=vault.token).ok

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(write, numbers))


def save(port: PodVault, token: Sensitive, path: Path, recipient: str) -> None:
    """Everything of a save but the ledger and what is read besides: both are small beside it."""
    with SnapshotWriter(path, (recipient,)) as writer, port.raft_snapshot(POD, token) as chunks:
        writer.raft(chunks)


def judge(data: bytes, share: Sensitive) -> int:
    found = Found()
    whole = _read(data, found.entries)
    check_sealed_sums(whole.sealed_sums, whole.sums, share)
    census = Census(found.barrier(share))
    _read(data, Entries(census.take))
    return census.opened


def _read(data: bytes, entries: Entries) -> Archive:
    reader = ArchiveReader(entries.feed)
    for at in range(0, len(data), 1 << 16):
        reader.feed(data[at : at + (1 << 16)])
    return reader.close()


def peak(vault: Running, folder: Path, recipient: str) -> int:
    """Bytes that a process of its own needs at most to save; its token comes by standard input."""
    command = [sys.executable, "-m", "benchmarks.snapshot", SAVING, vault.address, str(vault.ca), recipient]
    done = subprocess.run(  # noqa: S603  (this module itself)
        [*command, str(folder / "peak")], input=vault.token.reveal(), capture_output=True, check=True
    )
    return int(done.stdout)


def saving(address: str, ca: Path, recipient: str, path: Path) -> int:
    token = Sensitive(sys.stdin.buffer.read(), "token")
    save(PodVault(Loopback(address), ca_pem=ca.read_bytes()), token, path, recipient)
    # Not ru_maxrss: that begins with what the process that started this one had.
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024


def measured(secrets: int, rounds: int, folder: Path) -> dict[str, object]:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    age = binaries("age")["age"]
    with running(folder / "vault") as vault:
        fill(vault, range(FEW))
        few = peak(vault, folder, recipient)
        fill(vault, range(FEW, secrets))
        many = peak(vault, folder, recipient)
        environment = {
            "VAULT_ADDR": f"https://{vault.address}",
            "VAULT_CACERT": str(vault.ca),
            "VAULT_TOKEN": vault.token.reveal().decode(),
            "HOME": str(folder),
        }
        plain = folder / "plain"

        def ours() -> None:
            save(vault.port, vault.token, folder / "ours", recipient)

        def theirs() -> None:
            start([vault_binary(), "operator", "raft", "snapshot", "save", plain], environment)
            start([age, "-r", recipient, "-o", folder / "plain.age", plain], {})

        mine, other = interleaved(rounds, (ours, 1), (theirs, 1))
        data = plain.read_bytes()
        begun = time.perf_counter()
        opened = judge(data, vault.share)
        took = time.perf_counter() - begun
    compared = Comparison(
        name=f"{secrets} secrets saved: vault's download and age", most=1.2, ours=mine, other=other
    )
    return {
        "bytes": len(data),
        "comparison": compared.report(),
        "memory": {"few": few, "many": many, "ratio": round(many / few, 3), "target": 1.2},
        "judged": {"entries": opened, "seconds": round(took, 3)},
    }


def main() -> int:
    if sys.argv[1:2] == [SAVING]:
        address, ca, recipient, path = sys.argv[2:]
        sys.stdout.write(str(saving(address, Path(ca), recipient, Path(path))))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--secrets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    before = {**machine("pyrage", "cryptography", "requests"), "vault": "1.21.1"}
    with tempfile.TemporaryDirectory() as name:
        found = measured(given.secrets, given.rounds, Path(name))
    after = [round(value, 1) for value in os.getloadavg()]
    document = {"machine": {**before, "load after": after}, "rounds": given.rounds, **found}
    give(document, given.out)
    comparison, memory = document["comparison"], document["memory"]
    assert isinstance(comparison, dict)
    assert isinstance(memory, dict)
    good = comparison["wall"]["ratio"] <= comparison["target"] and memory["ratio"] <= memory["target"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
