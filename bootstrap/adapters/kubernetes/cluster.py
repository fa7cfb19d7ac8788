"""Kubernetes behind the ``Cluster`` port: DynamicClient, plain dicts, manager ``bootstrap``."""

import builtins
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from bootstrap.adapters.kubernetes.api import KubeApi, Reply, Request
from bootstrap.adapters.kubernetes.diff import MANAGER, apply_would_change
from bootstrap.adapters.kubernetes.discovery import Served, ServedKind
from bootstrap.adapters.kubernetes.secret_data import decoded, encoded, filled
from bootstrap.adapters.kubernetes.token_keys import not_shown, public_keys
from bootstrap.model.errors import PreconditionError, Transient, WorldError
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Identity, Object, Permission, Reason, Ref, Refused, TokenIssuer

PAGE = 250  # objects a list request
REVIEWS = 8  # permission reviews in flight
LOG_LIMIT = 256 * 1024  # bytes of a log that are fetched
OURS = ("fieldManager", MANAGER)


class KubeCluster:
    """One cluster. Thread-safe; connections are opened at the first call."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._served = Served(api)

    @property
    def server(self) -> str:
        return self._api.access.server

    @property
    def context(self) -> str:
        return self._api.access.context

    # ------------------------------------------------------------ the cluster itself

    def version(self) -> str:
        """``v1.34.4``. PreconditionError E_UNREACHABLE when the API server does not answer."""
        return self._word(self._about().document, "gitVersion")

    def server_time(self) -> datetime:
        """The API server's clock in UTC, to the second, from its ``Date`` header."""
        try:
            return parsedate_to_datetime(self._about().headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError, TypeError):
            raise self._no_api_server("it does not say what time it is") from None

    def uid(self) -> str:
        """UID of namespace kube-system: the cluster's identity."""
        found = self.get(Ref("v1", "Namespace", "kube-system"))
        if found is None:
            raise WorldError("the cluster has no namespace kube-system", code="E_CLUSTER_IDENTITY")
        return self._word(found, "metadata", "uid")

    def identity(self) -> Identity:
        """The user and groups that the API server knows us by (SelfSubjectReview)."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        review = self._review("/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        name = self._word(review, "status", "userInfo", "username")
        groups = review["status"]["userInfo"].get("groups") or ()
        return Identity(name, tuple(str(group) for group in groups))

    def token_issuer(self) -> TokenIssuer:
        """As it is now. PreconditionError E_NO_ISSUER where the API server does not show it."""
        about = self._shown("/.well-known/openid-configuration")
        return TokenIssuer(self._word(about, "issuer"), public_keys(self._shown("/openid/v1/jwks")))

    def _shown(self, path: str) -> Object:
        """A document of one of two types; the API server answers 406 where another one is asked for."""
        reply = self._api.read(Request(method="GET", path=path, what=path, accept="*/*"))
        if reply is None:
            raise not_shown(f"it does not serve {path}")
        try:
            document = json_value(reply.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise not_shown(f"what it serves at {path} is no JSON object")
        return document

    def missing(self, wanted: Sequence[Permission]) -> tuple[Permission, ...]:
        """Those of ``wanted`` that we do not have. A resource that does not exist counts as missing, except
        for administrators, whom the server allows everything, misspelt or not."""
        with ThreadPoolExecutor(max_workers=REVIEWS) as pool:
            allowed = list(pool.map(self._allowed, wanted))
        return tuple(item for item, granted in zip(wanted, allowed, strict=True) if not granted)

    def refresh(self) -> None:
        """Forget which kinds are served."""
        self._served.forget()

    def _about(self) -> Reply:
        try:
            reply = self._api.read(Request(method="GET", path="/version", what=f"cluster {self.context}"))
        except Transient as error:
            raise PreconditionError(
                error.message, code="E_UNREACHABLE", where=self.server, hint=error.hint
            ) from None
        if reply is None:
            raise self._no_api_server("it has no /version")
        return reply

    def _word(self, document: Object, *path: str) -> str:
        """Text that every API server has at this place."""
        found: Any = document
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, str) or not found:
            raise self._no_api_server(f"its answer has no {'.'.join(path)}")
        return found

    def _no_api_server(self, why: str) -> PreconditionError:
        return PreconditionError(
            f"{self.server} is not a Kubernetes API server: {why}",
            code="E_KUBE_KIND",
            where=self.context,
            hint="check --kubeconfig and --context: they name what answers there",
        )

    def _allowed(self, item: Permission) -> bool:
        asked = {
            "verb": item.verb,
            "group": item.group,
            "resource": item.resource,
            "subresource": item.subresource,
            "namespace": item.namespace,
        }
        spec: Object = {"resourceAttributes": {key: value for key, value in asked.items() if value}}
        if item.is_path:
            spec = {"nonResourceAttributes": {"verb": item.verb, "path": item.resource}}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": spec,
        }
        review = self._review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        status = review.get("status")
        if not isinstance(status, dict):
            raise self._no_api_server("it answers a review with something else")
        return status.get("allowed") is True

    def _review(self, path: str, body: Object) -> Object:
        reply = self._api.read(Request(method="POST", path=path, what=body["kind"], body=body))
        if reply is None:
            raise WorldError(f"the API server does not serve {path}", code="E_KUBE_VERSION")
        return reply.document

    # ------------------------------------------------------------ reads

    def get(self, ref: Ref) -> Object | None:
        """None: not found, or its kind is not served."""
        kind = self._served.find(ref.api, ref.kind)
        if kind is None:
            return None
        path = kind.path(ref.namespace, ref.name)
        reply = self._api.read(Request(method="GET", path=path, what=str(ref)))
        return None if reply is None else decoded(filled(reply.document))

    def list(self, api: str, kind: str, namespace: str = "", labels: str = "") -> builtins.list[Object]:
        """All pages; in all namespaces when none is given. Empty when the kind is not served."""
        served = self._served.find(api, kind)
        if served is None:
            return []
        found: builtins.list[Object] = []
        more = ""
        while True:
            page = self._page(served, kind, namespace, labels, more)
            if page is None and more:
                found, more = [], ""  # the snapshot behind the pages has expired: once more from the start
                continue
            items = (page or {}).get("items") or []
            found += [decoded(filled({"apiVersion": api, "kind": kind, **item})) for item in items]
            more = ((page or {}).get("metadata") or {}).get("continue") or ""
            if not more:
                return found

    def _page(self, served: ServedKind, kind: str, namespace: str, labels: str, more: str) -> Object | None:
        query = [("limit", str(PAGE)), ("labelSelector", labels), ("continue", more)]
        request = Request(
            method="GET",
            path=served.path(namespace),
            what=f"{kind} list" + (f" in {namespace}" if namespace else ""),
            query=tuple((key, value) for key, value in query if value),
        )
        try:
            reply = self._api.read(request)
        except WorldError as error:
            if more and error.code == "E_KUBE_GONE":
                return None
            raise
        return reply.document if reply else {}

    def differs(self, obj: Object, live: Object | None = None) -> bool:
        """See the port. An object that we never managed differs, even when its fields happen to agree."""
        live = live or self.get(_ref(obj))
        return live is None or apply_would_change(obj, live)

    def logs(self, namespace: str, pod: str, container: str, lines: int = 50) -> str:
        """The container's last lines; "" when there is no such pod or it has not started."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"
        query = (("container", container), ("tailLines", str(lines)), ("limitBytes", str(LOG_LIMIT)))
        request = Request(
            method="GET", path=path, what=f"log of {namespace}/{pod}", query=query, accept="*/*"
        )
        try:
            reply = self._api.read(request)
        except WorldError as error:
            if error.code == "E_KUBE_REFUSED":  # 400: the container waits to start
                return ""
            raise
        return reply.body.decode("utf-8", "replace") if reply else ""

    def service_account_token(self, namespace: str, name: str, audience: str, seconds: int) -> Sensitive:
        """A bound token (TokenRequest; the server's least is 600 seconds). WorldError E_NOT_FOUND."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": seconds},
        }
        what = f"token of ServiceAccount {namespace}/{name}"
        reply = self._api.read(Request(method="POST", path=path, what=what, body=body))
        if reply is None:
            raise WorldError(f"no ServiceAccount {namespace}/{name}", code="E_NOT_FOUND", where=what)
        return Sensitive(self._word(reply.document, "status", "token").encode(), what)

    def refused_at_admission(self, obj: Object) -> str:
        """A create with ``dryRun=All``: the refusal's text, "" when the object would be admitted."""
        refused = self._create(obj, (OURS, ("dryRun", "All")))
        if isinstance(refused, Refused) and refused.reason in (Reason.INVALID, Reason.FORBIDDEN):
            return refused.detail or str(refused.reason)
        return ""

    # ------------------------------------------------------------ writes

    def create(self, obj: Object) -> Object | Refused:
        return self._create(obj, (OURS,))

    def replace(self, obj: Object) -> Object | Refused:
        """Compare-and-swap: without ``metadata.resourceVersion`` the server would overwrite silently."""
        ref = _ref(obj)
        if not (obj.get("metadata") or {}).get("resourceVersion"):
            raise ValueError(f"{ref}: replace needs metadata.resourceVersion")
        return self._write("PUT", ref, obj, (OURS,))

    def apply(self, obj: Object, *, force: bool = False) -> Object | Refused:
        """Server-side apply. ``force`` takes fields over from other managers."""
        query = (OURS, ("force", "true" if force else "false"))
        return self._write("PATCH", _ref(obj), obj, query, content_type="application/apply-patch+yaml")

    def delete(self, ref: Ref, *, uid: str, resource_version: str = "") -> Object | Refused | None:
        """None: gone. An object: it is still there, terminating (a finalizer, a grace period).

        ``Refused`` CONFLICT: another UID or resourceVersion; NOT_FOUND: it was gone before.
        """
        if not uid:
            raise ValueError(f"{ref}: delete needs a UID")
        conditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": conditions,
            "propagationPolicy": "Background",  # a Job's own default would leave its pods
        }
        found = self._send("DELETE", ref, body, None, ())
        if isinstance(found, Refused):
            return found
        # Some kinds (PVC, ServiceAccount, StorageClass) answer with the object that is gone already.
        terminating = (found.document.get("metadata") or {}).get("deletionTimestamp")
        return decoded(filled(found.document)) if terminating else None

    def _create(self, obj: Object, query: tuple[tuple[str, str], ...]) -> Object | Refused:
        return self._write("POST", _ref(obj), obj, query)

    def _write(
        self,
        method: str,
        ref: Ref,
        obj: Object,
        query: tuple[tuple[str, str], ...],
        content_type: str = "application/json",
    ) -> Object | Refused:
        found = self._send(method, ref, encoded(obj), decoded(obj), query, content_type)
        return found if isinstance(found, Refused) else decoded(filled(found.document))

    def _send(
        self,
        method: str,
        ref: Ref,
        body: Any,
        sent: Any,
        query: tuple[tuple[str, str], ...],
        content_type: str = "application/json",
    ) -> Reply | Refused:
        kind = self._served.find(ref.api, ref.kind)
        if kind is None:
            return Refused(Reason.NOT_FOUND, f"{ref.kind} of {ref.api} is not served")
        return self._api.write(
            Request(
                method=method,
                path=kind.path(ref.namespace, "" if method == "POST" else ref.name),
                what=str(ref),
                body=body,
                sent=sent,
                query=query,
                content_type=content_type,
            )
        )


def _ref(obj: Object) -> Ref:
    meta = obj.get("metadata") or {}
    return Ref(str(obj["apiVersion"]), str(obj["kind"]), str(meta["name"]), str(meta.get("namespace") or ""))
