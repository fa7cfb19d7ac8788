"""A real S3 server over a folder, on loopback or inside a lab."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.lab.build import binaries
from bootstrap.model.catalog import Bucket
from bootstrap.model.sensitive import Sensitive

KEY, SECRET = "a-key-of-a-test", "a-secret-of-a-test-0815"
BUCKET = "snapshots"


@dataclass
class S3Server:
    """``root`` holds a folder for each bucket. It may be stopped, and started again on the same port."""

    root: Path
    sidecar: Path
    port: int
    host: str = "127.0.0.1"
    tls: tuple[Path, Path] | None = None  # certificate and key
    inside: tuple[str, ...] = ()  # what enters another network, and runs a command there
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def place(self) -> Bucket:
        return Bucket(endpoint=self.endpoint, bucket=BUCKET, prefix="of/demo", credentials="bucket")

    @property
    def endpoint(self) -> str:
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    def start(self) -> None:
        program = binaries("versitygw")["versitygw"]
        tls = ["--cert", str(self.tls[0]), "--key", str(self.tls[1])] if self.tls else []
        self.process = subprocess.Popen(
            [
                *self.inside,
                program,
                "--quiet",
                *tls,
                "--port",
                f"{self.host}:{self.port}",
                "posix",
                "--sidecar",
                self.sidecar,
                self.root,
            ],
            env={"PATH": os.defpath, "ROOT_ACCESS_KEY_ID": KEY, "ROOT_SECRET_ACCESS_KEY": SECRET},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the S3 server does not listen")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def secret(self) -> Sensitive:
        return Sensitive(SECRET.encode(), "secret")

    def key(self) -> Sensitive:
        return Sensitive(KEY.encode(), "key")


@contextmanager
def s3_server(
    root: Path,
    sidecar: Path,
    *,
    host: str = "127.0.0.1",
    tls: tuple[Path, Path] | None = None,
    inside: tuple[str, ...] = (),
) -> Iterator[S3Server]:
    """With one empty bucket."""
    (root / BUCKET).mkdir(parents=True, exist_ok=True)
    sidecar.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = S3Server(root, sidecar, port, host, tls, inside)
    server.start()
    try:
        yield server
    finally:
        server.stop()
