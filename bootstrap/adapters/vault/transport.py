"""HTTPS to one pod of Vault: hvac over a session of ours, with nothing ambient and no redirects.

hvac by itself follows a 307 to another host with token and body, reads VAULT_TOKEN and ~/.vault-token, and
obeys HTTP_PROXY. Here every request has its token given, a session that trusts no environment, one CA.
"""

import threading
from typing import Any

from bootstrap.adapters.kubernetes.portforward import Dialer

PORT = 8200
CONNECTIONS = 32  # kept per pod; more requests at once open more and drop them after use


class Sessions:
    """One session a (pod, TLS name); built at first use, and anew after an error dropped it."""

    def __init__(self, dialer: Dialer, ca_file: str) -> None:
        self._dialer = dialer
        self._ca_file = ca_file
        self._open: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def of(self, pod: str, server_name: str) -> Any:
        """A ``requests.Session`` whose ``https://server_name:8200`` is that pod, whatever DNS says."""
        with self._lock:
            key = (pod, server_name)
            if key not in self._open:
                self._open[key] = self._session(pod)
            return self._open[key]

    def drop(self, pod: str, server_name: str) -> None:
        """Forget its connections: the pod behind them may be another one by now."""
        with self._lock:
            session = self._open.pop((pod, server_name), None)
        if session is not None:
            session.close()

    def _session(self, pod: str) -> Any:
        import requests

        session = requests.Session()
        session.trust_env = False
        session.verify = self._ca_file
        session.headers["Accept-Encoding"] = "identity"  # the limit on an answer's size is one on its bytes
        session.mount("https://", _pod_adapter(self._dialer, pod))
        return session


def adapter(session: Any, server_name: str, token: str | None, timeout: tuple[float, float]) -> Any:
    """hvac's raw adapter for one request: it answers with every status and raises for none."""
    from hvac.adapters import RawAdapter

    return RawAdapter(
        base_uri=f"https://{server_name}:{PORT}",
        token=token,
        session=session,
        timeout=timeout,
        allow_redirects=False,
        ignore_exceptions=True,
    )


def _pod_adapter(dialer: Dialer, pod: str) -> Any:
    """An HTTP adapter whose connections are dialled to ``pod``; urllib3 then does TLS and checks the name."""
    import ssl

    import urllib3
    from requests.adapters import HTTPAdapter

    class PodConnection(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> Any:
            stream = dialer.dial(pod, self.port or PORT)
            if isinstance(self.timeout, int | float):
                stream.settimeout(self.timeout)  # of the TLS handshake; the answer's own comes later
            return stream

        def connect(self) -> None:
            try:
                super().connect()
            except ssl.SSLCertVerificationError:
                raise
            except OSError as error:
                # This type says "nothing was sent", which is what makes a repetition safe.
                raise urllib3.exceptions.NewConnectionError(self, type(error).__name__) from None

    class PodPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = PodConnection

    class PodAdapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = {"https": PodPool}

    return PodAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0)
