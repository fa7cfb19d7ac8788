"""One look: what it has read once is not asked for again, until it ends or something is changed.

A look is a walk over many steps or proofs that changes nothing (`status`, `verify`, `plan`, the first walk of `up`).
What a step does itself, and what it waits for, is never answered from here.
"""

import builtins
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster, Identity, Object, Permission, Ref, Refused, TokenIssuer
from bootstrap.steps.context.health import ref_of

T = TypeVar("T")

SMALL: Final = 2048  # bytes of values in one answer that is kept
KEPT: Final = 16384  # answers with values that are kept: 32 MiB at most


class Look:
    """Thread-safe; two threads that ask for the same at once may both ask the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._known: dict[Hashable, Any] = {}
        self._with_values = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Within the block reads are shared."""
        with self._lock:
            self._depth += 1
        try:
            yield
        finally:
            with self._lock:
                self._depth -= 1
                if not self._depth:
                    self._known, self._with_values = {}, 0

    def once(
        self, key: Hashable, read: Callable[[], T], values: Callable[[T], list[Sensitive]] = lambda _: []
    ) -> T:
        """What ``read`` gives. ``values`` says which secret values are in it: of those only so much is kept."""
        with self._lock:
            if key in self._known:
                found: T = self._known[key]
                return found
            begun, keeps = self._known, self._depth > 0
        found = read()
        if keeps:
            self._keep(key, found, begun, values(found))
        return found

    def know(self, key: Hashable, found: object) -> None:
        """Something that was read as part of something else."""
        with self._lock:
            if self._depth:
                self._known.setdefault(key, found)

    def knows(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._known

    def forget(self) -> None:
        """Something was changed, or may have been."""
        with self._lock:
            self._known, self._with_values = {}, 0

    def _keep(
        self, key: Hashable, found: object, begun: dict[Hashable, Any], values: list[Sensitive]
    ) -> None:
        with self._lock:
            if begun is not self._known:  # a change came between: this may be from before it
                return
            if values:
                if self._with_values >= KEPT or Sensitive.exceed(values, SMALL):
                    return
                self._with_values += 1
            self._known[key] = found


class SharedCluster:
    """``Cluster`` whose reads a look shares. A list of all of a kind in a namespace answers for each object there."""

    def __init__(self, cluster: Cluster, look: Look) -> None:
        self._cluster = cluster
        self._look = look

    @property
    def server(self) -> str:
        return self._cluster.server

    @property
    def context(self) -> str:
        return self._cluster.context

    def version(self) -> str:
        return self._look.once("version", self._cluster.version)

    def uid(self) -> str:
        return self._look.once("uid", self._cluster.uid)

    def server_time(self) -> datetime:
        return self._cluster.server_time()

    def identity(self) -> Identity:
        return self._look.once("identity", self._cluster.identity)

    def missing(self, wanted: Sequence[Permission]) -> tuple[Permission, ...]:
        return self._look.once(("missing", *wanted), lambda: self._cluster.missing(wanted))

    def service_account_token(self, namespace: str, name: str, audience: str, seconds: int) -> Sensitive:
        return self._cluster.service_account_token(namespace, name, audience, seconds)

    def token_issuer(self) -> TokenIssuer:
        return self._look.once("token issuer", self._cluster.token_issuer)

    def logs(self, namespace: str, pod: str, container: str, lines: int = 50) -> str:
        return self._cluster.logs(namespace, pod, container, lines)

    def refresh(self) -> None:
        self._look.forget()
        self._cluster.refresh()

    def refused_at_admission(self, obj: Object) -> str:
        return self._cluster.refused_at_admission(obj)

    # ------------------------------------------------------------ what is shared

    def get(self, ref: Ref) -> Object | None:
        def read() -> Object | None:
            whole = _all_of(ref.api, ref.kind, ref.namespace)
            return None if self._look.knows(whole) else self._cluster.get(ref)

        return self._look.once(ref, read, _values)

    def list(self, api: str, kind: str, namespace: str = "", labels: str = "") -> builtins.list[Object]:
        if kind == "Secret":  # as many values as there are: for the moment alone
            return self._cluster.list(api, kind, namespace, labels)

        def read() -> builtins.list[Object]:
            found = self._cluster.list(api, kind, namespace, labels)
            for obj in found:
                self._look.know(ref_of(obj), obj)
            if namespace and not labels:
                self._look.know(_all_of(api, kind, namespace), True)
            return found

        return self._look.once((*_all_of(api, kind, namespace), labels), read)

    def differs(self, obj: Object, live: Object | None = None) -> bool:
        live = live or self.get(ref_of(obj))
        return live is None or self._cluster.differs(obj, live)

    # ------------------------------------------------------------ changes

    def create(self, obj: Object) -> Object | Refused:
        with self._changing():
            return self._cluster.create(obj)

    def replace(self, obj: Object) -> Object | Refused:
        with self._changing():
            return self._cluster.replace(obj)

    def apply(self, obj: Object, *, force: bool = False) -> Object | Refused:
        with self._changing():
            return self._cluster.apply(obj, force=force)

    def delete(self, ref: Ref, *, uid: str, resource_version: str = "") -> Object | Refused | None:
        with self._changing():
            return self._cluster.delete(ref, uid=uid, resource_version=resource_version)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Whatever its answer: it may have been done."""
        try:
            yield
        finally:
            self._look.forget()


def _all_of(api: str, kind: str, namespace: str) -> tuple[str, ...]:
    return "all", api, kind, namespace


def _values(obj: Object | None) -> list[Sensitive]:
    data = (obj or {}).get("data") or {}
    return [value for value in data.values() if isinstance(value, Sensitive)]
