"""The page on rotating the CA, block by block on real servers, while clients connect all the time (G7, S5).

Each client trusts what the newest commit says, or what the store of the operator says at that moment.
"""

import base64
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtensionOID

from tests.docs.pages import DOCS, blocks
from tests.docs.shell import run, script
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.connections import PODS, pods, served
from tests.lab.support.platform import make_platform
from tests.lab.support.state import authority
from tests.lab.support.vault import forwarded
from tests.support.program import commit_all, git, run_bootstrap, said

pytestmark = [pytest.mark.lab, pytest.mark.whole]
AUTHORITY_KEY = ExtensionOID.AUTHORITY_KEY_IDENTIFIER
PAGE = "how-to/rotate-the-ca.md"


class Client:
    """New connections to one pod, five a second."""

    def __init__(self, base: str, pod: str, trusted: Callable[[], bytes]) -> None:
        self.base, self.pod, self.trusted = base, pod, trusted
        self.made, self.issuers, self.failed = 0, set[str](), list[str]()

    def connect(self) -> None:
        trusted = self.trusted()
        try:
            leaf = served(self.base, self.pod, trusted)
        except OSError as error:
            self.failed.append(f"{self.pod}: {type(error).__name__}: {error}")
        else:
            self.made += 1
            key = leaf.extensions.get_extension_for_oid(AUTHORITY_KEY).value
            self.issuers.add(str(key))


@contextmanager
def connecting(kube: Kube, sources: dict[str, Callable[[], bytes]]) -> Iterator[list[Client]]:
    over = threading.Event()
    with ExitStack() as stack:
        bases = {pod: stack.enter_context(forwarded(kube, pod)) for pod in PODS}
        clients = [Client(bases[pod], pod, trusted) for trusted in sources.values() for pod in PODS]

        def ask() -> None:
            while not over.wait(0.2):
                for client in clients:
                    client.connect()

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield clients
        finally:
            over.set()
            asking.join()


def test_g7_the_ca_is_rotated_by_the_page_and_no_connection_is_refused(
    lab: Lab, empty_cluster: Kube, tmp_path: Path
) -> None:
    kube, platform = empty_cluster, make_platform(tmp_path, lab)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    before = tmp_path / "before"
    shutil.copytree(platform.folder, before)
    commit_all(platform.folder, "Records of the cluster")
    there = pods(kube)

    def by_store() -> bytes:
        store = kube.need("clustersecretstore", "vault-backend", "")
        return base64.b64decode(store["spec"]["provider"]["vault"]["caBundle"])

    def by_commit() -> bytes:
        return git(platform.folder, "show", "HEAD:keys/vault-ca.crt").encode()

    page = [block for block in blocks(DOCS / PAGE) if block.where == "ca"]
    notes = tmp_path / "said"
    notes.mkdir()
    begun = time.monotonic()
    with connecting(kube, {"commit": by_commit, "store": by_store}) as clients:
        text = f"export KUBECONFIG={lab.kubeconfig}\n" + script(page, notes)
        run(text, tmp_path, notes, seconds=1500)
    for client in clients:
        print(f"{client.pod}: {client.made} connections, {len(client.issuers)} issuers")
        assert client.failed == []
        assert client.made > 20 and len(client.issuers) == 2
    print(f"rotated in {time.monotonic() - begun:.0f} s")
    assert pods(kube) == there  # nothing was restarted
    assert authority(platform).read_bytes().count(b"BEGIN CERTIFICATE") == 1
    older = run_bootstrap("up", *platform.to_cluster(before))
    assert older.returncode == 4 and "E_CA_IN_USE" in older.stderr, said(older)
    again = run_bootstrap("up", *platform.to_cluster())
    assert again.returncode == 0 and "nothing to do" in again.stdout, said(again)
