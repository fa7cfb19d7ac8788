"""How far something is that takes many moves: one ConfigMap of bootstrap-system, changed by compare-and-swap only."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.ports import Cluster, Object, Ref, Refused
from bootstrap.steps.context.names import labels
from bootstrap.steps.vault.swapped import parsed, swapped


class Written(Protocol):
    def to_data(self) -> dict[str, str]: ...


W = TypeVar("W", bound=Written)


class StateStore(Generic[W]):
    """``role`` labels the object, ``parse`` reads its data, ``code`` is of the error where it cannot be written."""

    def __init__(
        self, cluster: Cluster, ref: Ref, role: str, parse: Callable[[Mapping[str, str]], W], code: str
    ) -> None:
        self.cluster = cluster
        self._ref, self._role, self._parse, self._code = ref, role, parse, code

    def read(self) -> W | None:
        found = self.cluster.get(self._ref)
        return self._parsed(found["data"]) if found else None

    def _parsed(self, data: Mapping[str, str]) -> W:
        return parsed(data, self._parse, self._ref, self._code)

    def begin(self, wanted: W, before: W | None) -> None:
        """Puts it there, in the place of one that is over; the caller looks what is there afterwards."""
        if before is not None:
            self.swap(before, wanted)
            return
        with suppress(UnknownOutcome):  # the next look tells
            answer = self.cluster.create(self._object(wanted))
            if isinstance(answer, Refused) and self.read() is None:
                raise WorldError(
                    f"how far it is cannot be written: {answer.reason} {answer.detail}",
                    code=self._code,
                    where=str(self._ref),
                    hint="`bootstrap doctor` lists what is missing",
                )

    def swap(self, before: W, after: W) -> bool:
        """True when it went from ``before`` to ``after`` by this very call."""
        return swapped(self.cluster, self._object(after), lambda data: self._parsed(data) == before)

    def _object(self, now: W) -> Object:
        meta = {"name": self._ref.name, "namespace": self._ref.namespace, "labels": labels(self._role)}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": now.to_data()}
