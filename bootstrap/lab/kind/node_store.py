"""Images as a node's containerd keeps them, unpacked once by the node image itself; each node starts from a copy."""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.locks import locked
from bootstrap.lab.ports import OnEvent

# Its containerd must have ended before its files are whole.
_IMPORT = """
containerd --log-level error >/dev/null 2>/tmp/said & server=$!
for try in $(seq 300); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
for archive in /archives/*; do ctr --namespace k8s.io images import "$archive" >/dev/null || failed=1; done
kill $server; wait $server
exit ${failed:-0}
"""


def prepared(docker: Docker, node: str, archives: Iterable[Path], cache: Path, on_event: OnEvent) -> Path:
    """A folder in the cache for ``/var/lib/containerd`` of a node, with these images; made where missing."""
    archives = sorted(archives)
    parts = [node, *(path.name for path in archives)]
    entry = cache / "stores" / f"kind-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"
    if entry.is_dir():
        return entry
    with locked(cache / "stores" / ".kind", wait=True) as workplace:
        if not entry.is_dir():
            _make(docker, node, archives, entry, workplace, on_event)
    return entry


def _make(
    docker: Docker, node: str, archives: list[Path], entry: Path, workplace: Path, on_event: OnEvent
) -> None:
    subject, begun = "unpacking images", time.monotonic()
    on_event("start", subject, 0)
    for remains in workplace.iterdir():
        shutil.rmtree(remains)
    place = Path(tempfile.mkdtemp(dir=workplace))
    given = [word for path in archives for word in ("--volume", f"{path}:/archives/{path.name}:ro")]
    docker.run(
        *("run", "--rm", "--privileged", "--network", "none", "--tmpfs", "/run", "--tmpfs", "/tmp"),  # noqa: S108 - in it
        *("--volume", f"{place}:/var/lib/containerd", *given),
        *("--entrypoint", "/bin/sh", node, "-c", _IMPORT),
    )
    place.rename(entry)
    on_event("done", subject, time.monotonic() - begun)
