"""A real image registry over a folder, on a loopback: this machine's, or that of a lab's own network."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt

from bootstrap.lab.build import binaries

CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "{host}"}}
"""
AUTH = "auth: {{htpasswd: {{realm: images, path: {path}}}}}\n"


@contextmanager
def registry(
    root: Path, host: str, *, inside: tuple[str, ...] = (), login: tuple[str, str] | None = None
) -> Iterator[None]:
    """``host`` is ADDRESS:PORT; ``inside`` enters another network and runs a command there; with ``login``, name and
    password, it serves no other."""
    root.mkdir()
    config, known = root.with_suffix(".yml"), root.with_suffix(".htpasswd")
    text = CONFIG.format(root=root, host=host)
    if login is not None:
        name, password = login
        known.write_text(f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n")
        text += AUTH.format(path=known)
    config.write_text(text)
    program = binaries("registry")["registry"]
    with root.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([*inside, str(program), "serve", str(config)], stdout=log, stderr=log)
    asked = [*inside, "curl", "--silent", "--output", "/dev/null", f"http://{host}/v2/"]
    try:
        until = time.monotonic() + 20
        while subprocess.run(asked, capture_output=True).returncode:
            assert process.poll() is None, root.with_suffix(".log").read_text()
            assert time.monotonic() < until
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)
