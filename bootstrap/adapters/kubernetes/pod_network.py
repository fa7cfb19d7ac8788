"""A byte stream to a pod from inside the cluster, by the name that its headless Service gives it: no port-forward."""

import socket
from typing import Final

SERVICE: Final = "vault-internal"
CONNECT: Final = 10.0  # seconds


class PodNetwork:
    """Dials pods of one namespace. Whose pod answers is the TLS' matter, inside the stream."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def dial(self, pod: str, port: int) -> socket.socket:
        return socket.create_connection((f"{pod}.{SERVICE}.{self._namespace}.svc", port), timeout=CONNECT)
