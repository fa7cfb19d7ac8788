"""New TLS connections to a pod of Vault, as a client makes them; and what became of the pods meanwhile."""

import socket
import ssl
from contextlib import closing
from urllib.parse import urlsplit

from cryptography import x509

from tests.lab.support.cluster import Kube
from tests.lab.support.platform import Platform
from tests.lab.support.state import authority
from tests.lab.support.vault import forwarded

PODS = ("vault-0", "vault-1", "vault-2")


def served(base: str, pod: str, trusted: bytes) -> x509.Certificate:
    """``trusted`` is PEM. ssl.SSLCertVerificationError where a client would refuse it."""
    context = ssl.create_default_context(cadata=trusted.decode())
    port = urlsplit(base).port
    with (
        closing(socket.create_connection(("127.0.0.1", port or 0), 10)) as raw,
        context.wrap_socket(raw, server_hostname=f"{pod}.vault-internal") as stream,
    ):
        found = stream.getpeercert(binary_form=True)
    assert found is not None
    return x509.load_der_x509_certificate(found)


def serials(kube: Kube, platform: Platform) -> dict[str, int]:
    """Of the certificate that each pod serves."""
    found = {}
    for pod in PODS:
        with forwarded(kube, pod) as base:
            found[pod] = served(base, pod, authority(platform).read_bytes()).serial_number
    return found


def pods(kube: Kube) -> dict[str, tuple[str, int]]:
    """UID and restarts of each."""
    found = {pod: kube.need("pod", pod, "vault") for pod in PODS}
    return {
        pod: (obj["metadata"]["uid"], sum(c["restartCount"] for c in obj["status"]["containerStatuses"]))
        for pod, obj in found.items()
    }
