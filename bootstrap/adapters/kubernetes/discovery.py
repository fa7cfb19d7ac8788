"""Which URL a kind has: asked from the API server once per group and version, kept in memory only."""

import threading
from dataclasses import dataclass
from urllib.parse import quote

from bootstrap.adapters.kubernetes.api import KubeApi, Request
from bootstrap.model.errors import PreconditionError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedKind:
    """A kind that the server serves. ``root`` is ``/api/v1`` or ``/apis/GROUP/VERSION``."""

    root: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        scope = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{self.root}{scope}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class Served:
    """A kind that is missing is asked for again each time: its CRD may have been installed since."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._known: dict[str, dict[str, ServedKind]] = {}
        self._lock = threading.Lock()

    def find(self, api: str, kind: str) -> ServedKind | None:
        """None: the server does not serve this kind (yet)."""
        with self._lock:
            if kind not in self._known.get(api, {}):
                self._known[api] = self._ask(api)
            return self._known[api].get(kind)

    def forget(self) -> None:
        with self._lock:
            self._known.clear()

    def _ask(self, api: str) -> dict[str, ServedKind]:
        root = f"/apis/{api}" if "/" in api else f"/api/{api}"
        reply = self._api.read(Request(method="GET", path=root, what=f"API {api}"))
        resources = reply.document.get("resources", []) if reply else []
        try:
            return {
                item["kind"]: ServedKind(root=root, plural=item["name"], namespaced=bool(item["namespaced"]))
                for item in resources
                if "/" not in item["name"]
            }
        except (KeyError, TypeError, AttributeError):
            raise PreconditionError(
                f"the server's list of {api} is none of a Kubernetes API server",
                code="E_KUBE_KIND",
                where=f"API {api}",
                hint="check --kubeconfig and --context: they name what answers there",
            ) from None
